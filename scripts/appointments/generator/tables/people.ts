import { dateText, timeText } from '../moments.js'
import { plain, recipe, sometimes, type RowContext } from '../recipe.js'
import { PEOPLE } from '../texts.js'

/** A customer and its company. */
const ofCustomer = (row: RowContext) => {
  const customer = row.random.between(1, row.world.count('customers'))
  return {
    customer: row.world.id('customers', customer),
    company: row.world.id('companies', row.world.companyOf('customers', customer)),
  }
}

/** Customers and users. */
export const peopleRecipes = {
  customers: recipe(
    'customers',
    {
      pilot: 31,
      nulls: 0.6,
      facts: (row) => {
        const company = row.world.companyOf('customers', row.index)
        return {
          company: row.world.id('companies', company),
          branch: row.world.pickOwned('branches', company, row.random),
          staff: row.world.pickOwned('staff', company, row.random),
        }
      },
    },
    {
      company_id: ({ company }) => company,
      name: (_, { random }) => random.pick(PEOPLE),
      // Some customers are there twice: same company, same number.
      phone: (_, { index, random }) =>
        sometimes(random, 0.95, `+49170${String(index - (index % 17 === 0 ? 1 : 0)).padStart(7, '0')}`),
      email: (_, { index, random }) => (random.chance(0.1) ? '' : sometimes(random, 0.8, `kunde${index}@beispiel.de`)),
      birthday: (_, { random }) =>
        sometimes(random, 0.4, dateText(Date.UTC(1930 + random.int(90), random.int(12), 29))),
      status: (_, { random }) => random.pick(['active', 'active', 'inactive', 'gelöscht']),
      // Counters have room to grow.
      call_count: (_, { random }) => random.int(40),
      loyalty_points: (_, { random }) => random.int(1_000),
      preferred_branch_id: ({ branch }, { world, random }) =>
        branch === undefined || random.chance(0.7) ? null : world.uuid('branches', branch),
      preferred_staff_id: ({ staff }, { world, random }) =>
        staff === undefined || random.chance(0.8) ? null : world.uuid('staff', staff),
      deletion_requested_at: (_, { random, createdMs }) => sometimes(random, 0.03, timeText(createdMs)),
    },
  ),
  kunden: plain('kunden', 12, { name: ({ random }) => random.pick(PEOPLE) }),
  notes: recipe(
    'notes',
    {
      pilot: 25,
      facts: ofCustomer,
    },
    {
      customer_id: ({ customer }) => customer,
      title: (_, { random }) => random.pick(['Allergie', 'Rückruf', 'Wünsche "speziell"', 'Notiz \\ intern']),
    },
  ),
  gdpr_requests: recipe(
    'gdpr_requests',
    {
      pilot: 5,
      power: 0.8,
      facts: ofCustomer,
    },
    {
      customer_id: ({ customer }) => customer,
      company_id: ({ company }) => company,
      token: (_, { index, random }) => `${random.hex(24)}${index}`,
    },
  ),
  users: recipe(
    'users',
    {
      pilot: 12,
      power: 0.6,
      facts: (row) => row.world.companyOf('users', row.index),
    },
    {
      email: (_, { index }) => `benutzer${index}@beispiel.de`,
      name: (_, { random }) => random.pick(PEOPLE),
      company_id: (company, { world, random }) => sometimes(random, 0.9, world.id('companies', company)),
      kunde_id: (_, { world, random }) =>
        random.chance(0.7) ? null : world.id('kunden', random.between(1, world.count('kunden'))),
      tenant_id: (company, { world, random }) =>
        sometimes(random, 0.7, world.id('tenants', Math.min(company, world.count('tenants')))),
    },
  ),
  dashboard_configurations: plain(
    'dashboard_configurations',
    9,
    { user_id: ({ world, index }) => world.id('users', index) },
    0.6,
  ),
}
