import { recipe, sometimes, type RowContext } from '../recipe.js'
import { PEOPLE } from '../texts.js'

/** A member of staff of a company's branch and the keys of both. */
const ownStaff = (row: RowContext, index: number) => {
  const company = row.world.companyOf('staff', index)
  return {
    company,
    staff: row.world.uuid('staff', index),
    branch: row.world.pickOwned('branches', company, row.random),
  }
}

const branchKey = (row: RowContext, branch: number | undefined): string =>
  // staff and staff_branches have no foreign key here: a company without branches leaves an orphan.
  branch === undefined ? row.world.uuid('branches-of-old', 1) : row.world.uuid('branches', branch)

/** Branches, staff and when staff works. */
export const branchRecipes = {
  branches: recipe(
    'branches',
    {
      pilot: 15,
      power: 0.55,
      facts: (row) => {
        const company = row.world.companyOf('branches', row.index)
        return { company, customer: row.world.pickOwned('customers', company, row.random) }
      },
    },
    {
      id: (_, { world, index }) => world.uuid('branches', index),
      company_id: ({ company }, { world, index }) => (index % 40 === 39 ? null : world.id('companies', company)),
      customer_id: ({ customer }, { world, random }) =>
        customer === undefined || random.chance(0.6) ? null : world.id('customers', customer),
      name: (_, { index, random }) => `${random.pick(['Filiale', 'Außenstelle', 'Hauptgeschäft', 'فرع'])} ${index}`,
      slug: (_, { index, random }) => sometimes(random, 0.9, `filiale-${index}`),
      uuid: (_, { random }) => random.uuid(),
      postal_code: (_, { random }) => random.pick(['80331', '01067', '00000', '']),
      // The two flags disagree in one of five rows.
      active: (_, { random }) => random.chance(0.9),
      is_active: (_, { random }) => random.chance(0.85),
    },
  ),
  staff: recipe(
    'staff',
    {
      pilot: 25,
      power: 0.6,
      facts: (row) => ownStaff(row, row.index),
    },
    {
      id: ({ staff }) => staff,
      company_id: ({ company }, { world, index }) => (index % 60 === 59 ? null : world.id('companies', company)),
      branch_id: ({ branch }, row) => (row.index % 45 === 44 ? row.random.uuid() : branchKey(row, branch)),
      home_branch_id: ({ branch }, { world, random }) =>
        branch === undefined || random.chance(0.2) ? null : world.uuid('branches', branch),
      name: (_, { random }) => random.pick(PEOPLE),
      email: (_, { index, random }) => sometimes(random, 0.9, `mitarbeiter${index}@beispiel.de`),
      is_active: (_, { random }) => random.chance(0.9),
      is_bookable: (_, { random }) => random.chance(0.9),
    },
  ),
  staff_branches: recipe(
    'staff_branches',
    {
      pilot: 40,
      power: 0.6,
      facts: (row) => {
        const staffCount = row.world.count('staff')
        const index = ((row.index - 1) % staffCount) + 1
        const step = Math.floor((row.index - 1) / staffCount)
        const branch = row.world.nthOwned('branches', row.world.companyOf('staff', index), index, step)
        return branch === undefined && step > 0 ? undefined : { staff: row.world.uuid('staff', index), branch }
      },
    },
    {
      staff_id: ({ staff }) => staff,
      branch_id: ({ branch }, row) => branchKey(row, branch),
    },
  ),
  working_hours: recipe(
    'working_hours',
    {
      pilot: 120,
      power: 0.6,
      facts: ({ index, world }) => {
        const staffCount = world.count('staff')
        return { staff: ((index - 1) % staffCount) + 1, day: Math.floor((index - 1) / staffCount) }
      },
    },
    {
      staff_id: ({ staff }, { world }) => world.uuid('staff', staff),
      weekday: ({ day }) => day % 7,
      day_of_week: ({ day }, { random }) => (random.chance(0.1) ? 1 : day % 7),
      start: ({ day }) => (day < 7 ? '09:00:00' : '13:30:00'),
      end: ({ day }) => (day < 7 ? '12:30:00' : '18:00:00'),
    },
  ),
  calendars: recipe(
    'calendars',
    {
      pilot: 22,
      power: 0.6,
      facts: ({ index, world, random }) =>
        random.chance(0.04) ? random.uuid() : world.uuid('staff', ((index - 1) % world.count('staff')) + 1),
    },
    {
      id: (_, { world, index }) => world.uuid('calendars', index),
      staff_id: (staff) => staff,
    },
  ),
  calendar_mappings: recipe(
    'calendar_mappings',
    {
      pilot: 18,
      power: 0.6,
      facts: (row) => ownStaff(row, row.random.between(1, row.world.count('staff'))),
    },
    {
      branch_id: ({ branch }, { world }) => world.uuid('branches', branch ?? 1),
      staff_id: ({ staff }) => staff,
    },
  ),
  branch_service: recipe(
    'branch_service',
    {
      pilot: 30,
      power: 0.55,
      facts: ({ index, world }) => {
        const branch = ((index - 1) % world.count('branches')) + 1
        const step = Math.floor((index - 1) / world.count('branches'))
        const service = world.nthOwned('services', world.companyOf('branches', branch), branch, step)
        return service === undefined ? undefined : { branch, service }
      },
    },
    {
      branch_id: ({ branch }, { world }) => world.uuid('branches', branch),
      service_id: ({ service }, { world }) => world.id('services', service),
    },
  ),
}
