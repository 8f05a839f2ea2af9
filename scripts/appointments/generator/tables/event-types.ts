import { plain, recipe, sometimes, type RowContext } from '../recipe.js'
import { SERVICES } from '../texts.js'

/** Who offers what: each member of staff with the first services of the company, so that pairs never repeat. */
const offered = (row: RowContext, kind: 'services' | 'calcom_event_types', shift: number) => {
  const staffCount = row.world.count('staff')
  const staff = ((row.index - 1) % staffCount) + 1
  const step = Math.floor((row.index - 1) / staffCount) + shift
  const offer = row.world.nthOwned(kind, row.world.companyOf('staff', staff), staff, step)
  return offer === undefined ? undefined : { staff: row.world.uuid('staff', staff), offer: row.world.id(kind, offer) }
}

/**
 * What a service says about its event type: the key of one of its company (it merges into it), two services the same one, a key of
 * none, texts that look like a key, and texts that do not.
 */
const eventTypeText = ({ index, world, random }: RowContext, company: number): string | null => {
  const type = world.nthOwned('calcom_event_types', company, Math.floor(index / 2), 0)
  const kind = random.float()
  if (kind < 0.4 && type !== undefined) return String(world.id('calcom_event_types', type))
  if (kind < 0.55)
    return random.pick(['007', ' 5', '5 ', '+5', '5.0', '', 'evt_abc', '99999999', '9007199254740993', 'null'])
  return null
}

/** Event types in their three forms, and who offers them. */
export const eventTypeRecipes = {
  calcom_event_types: recipe(
    'calcom_event_types',
    {
      pilot: 20,
      power: 0.55,
      facts: (row) => {
        const company = row.world.companyOf('calcom_event_types', row.index)
        return {
          company: row.world.id('companies', company),
          branch: row.world.pickOwned('branches', company, row.random) ?? 1,
          staff: row.world.pickOwned('staff', company, row.random),
        }
      },
    },
    {
      company_id: ({ company }, { random }) => sometimes(random, 0.97, company),
      branch_id: ({ branch }, { world }) => world.uuid('branches', branch),
      staff_id: ({ staff }, { world, random }) =>
        staff === undefined || random.chance(0.5) ? null : world.uuid('staff', staff),
      name: (_, { index, random }) => `${random.pick(SERVICES)} ${index}`,
      calcom_event_type_id: (_, { index }) => `et-${index}`,
    },
  ),
  services: recipe(
    'services',
    {
      pilot: 17,
      power: 0.55,
      facts: (row) => {
        const company = row.world.companyOf('services', row.index)
        return { company, branch: row.world.pickOwned('branches', company, row.random) }
      },
    },
    {
      name: (_, { index, random }) => `${random.pick(SERVICES)} ${index % 9}`,
      calcom_event_type_id: ({ company }, row) => eventTypeText(row, company),
      // No foreign key: some have none, some one that is gone.
      company_id: ({ company }, { world, index }) =>
        index % 23 === 22 ? null : index % 29 === 28 ? 900_001 : world.id('companies', company),
      branch_id: ({ branch }, { world, random }) =>
        branch === undefined || random.chance(0.4)
          ? null
          : random.chance(0.05)
            ? random.uuid()
            : world.uuid('branches', branch),
      tenant_id: (_, { random }) =>
        random.chance(0.7) ? null : random.chance(0.5) ? random.uuid() : String(random.int(20)),
    },
  ),
  unified_event_types: recipe(
    'unified_event_types',
    {
      pilot: 14,
      power: 0.55,
      facts: ({ index, world, random }) => {
        // Every other one is an event type that exists; the pair of provider and external id is unique.
        const names = index % 2 === 0 && index <= world.count('calcom_event_types') ? index : undefined
        const company = names === undefined ? world.anyCompany(random) : world.companyOf('calcom_event_types', names)
        return { names, company, branch: world.pickOwned('branches', company, random) ?? 1 }
      },
    },
    {
      branch_id: ({ branch }, { world }) => world.uuid('branches', branch),
      company_id: ({ company }, { world, random }) =>
        random.chance(0.1) ? null : random.chance(0.05) ? 900_002 : world.id('companies', company),
      provider: ({ names }, { index, random }) =>
        names !== undefined || index % 7 === 0 ? 'calcom' : random.pick(['google', 'outlook']),
      external_id: ({ names }, { world, index, random }) => {
        if (names !== undefined) return String(world.id('calcom_event_types', names))
        return random.chance(0.1) ? null : `0${index}-extern`
      },
      name: (_, { index, random }) => `${random.pick(SERVICES)} (${index})`,
    },
  ),
  staff_event_types: recipe(
    'staff_event_types',
    {
      pilot: 40,
      power: 0.6,
      facts: (row) => offered(row, 'calcom_event_types', 0),
    },
    {
      id: (_, { world, index }) => world.uuid('staff_event_types', index),
      staff_id: ({ staff }) => staff,
      calcom_event_type_id: ({ offer }) => offer,
    },
  ),
  staff_services: recipe(
    'staff_services',
    {
      pilot: 40,
      power: 0.6,
      facts: (row) => offered(row, 'services', 0),
    },
    {
      staff_id: ({ staff }) => staff,
      service_id: ({ offer }) => offer,
    },
  ),
  // Half of the pairs are in staff_services too.
  service_staff: recipe(
    'service_staff',
    {
      pilot: 30,
      power: 0.6,
      facts: (row) => offered(row, 'services', 1),
    },
    {
      staff_id: ({ staff }) => staff,
      service_id: ({ offer }) => offer,
    },
  ),
  staff_event_type_assignments: plain(
    'staff_event_type_assignments',
    6,
    {
      // A number where staff has UUIDs: it names nobody.
      staff_id: ({ index }) => index,
      event_type_id: ({ world, random }) =>
        world.id('calcom_event_types', random.between(1, world.count('calcom_event_types'))),
    },
    0.5,
  ),
}
