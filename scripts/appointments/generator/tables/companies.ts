import { momentOf, timeText } from '../moments.js'
import { plain, recipe, sometimes, type RowContext } from '../recipe.js'
import { COMPANIES } from '../texts.js'
import { FIRST_MS } from '../moments.js'

const id = (row: RowContext, company: number): number => row.world.id('companies', company)

/** A company that may have been deleted long ago: where no foreign key keeps the reference. */
const looseCompany = ({ world, random }: RowContext): number =>
  random.chance(0.03) ? 900_000 + random.int(10) : world.id('companies', world.anyCompany(random))

/** Companies and what folds into them. */
export const companyRecipes = {
  companies: recipe(
    'companies',
    {
      pilot: 5,
      power: 0.5,
      facts: ({ index, world, random }) => world.pickOwned('calcom_event_types', index, random) ?? null,
    },
    {
      name: (_, { index, random }) => `${random.pick(COMPANIES)} ${index}`,
      slug: (_, { index, random }) => sometimes(random, 0.9, `firma-${index}`),
      country: (_, { random }) => random.pick(['DE', 'AT', 'CH']),
      default_event_type_id: (type, { world }) => (type === null ? null : world.id('calcom_event_types', type)),
      // The first company is at work in every generated set.
      is_active: (_, { index, random }) => index === 1 || random.chance(0.9),
      deleted_at: (_, { index, random, createdMs }) => (index > 2 && random.chance(0.08) ? timeText(createdMs) : null),
    },
  ),
  tenants: recipe(
    'tenants',
    {
      pilot: 5,
      power: 0.5,
      // One to one; the last has lost its company.
      facts: (row) => ({ company: row.index < row.world.companies ? id(row, row.index) : null }),
    },
    {
      company_id: ({ company }) => company,
      slug: (_, { index }) => `mandant-${index}`,
      balance_cents: (_, { random }) => (random.chance(0.2) ? '9007199254740993' : random.int(1_000_000)),
    },
  ),
  company_pricing: plain(
    'company_pricing',
    10,
    {
      company_id: (row) => id(row, ((row.index - 1) % row.world.companies) + 1),
      // Two of the same day: an array ordered by it needs a second column to be the same each time.
      valid_from: ({ index, world }) =>
        timeText(FIRST_MS + Math.floor((index - 1) / world.companies / 2) * 90 * 86_400_000).slice(0, 10),
    },
    0.5,
  ),
  tax_rates: plain(
    'tax_rates',
    12,
    {
      company_id: (row) => (row.random.chance(0.15) ? null : id(row, row.world.anyCompany(row.random))),
      name: ({ random }) => random.pick(['MwSt. 19 %', 'MwSt. 7 %', 'USt. "0 %"']),
      rate: ({ random }) => random.pick(['19.00', '7.00', '0.00', '999.99']),
    },
    0.5,
  ),
  integrations: plain(
    'integrations',
    8,
    {
      company_id: (row) => sometimes(row.random, 0.85, looseCompany(row)),
      name: ({ random }) => random.pick(['Cal.com', 'Retell', 'Google Kalender', 'Stripe']),
      type: ({ random }) => random.pick(['calcom', 'retell', 'google', 'stripe']),
    },
    0.5,
  ),
  onboarding_progress: plain(
    'onboarding_progress',
    7,
    {
      company_id: looseCompany,
      user_id: ({ world, random }) => world.id('users', random.between(1, world.count('users'))),
      current_step: ({ random }) => random.pick(['company', 'branches', 'calendar', 'fertig']),
    },
    0.5,
  ),
  api_credentials: recipe(
    'api_credentials',
    {
      pilot: 14,
      power: 0.5,
      facts: (row) => {
        const type = row.random.pick(CREDENTIAL_OWNERS)
        const owner = type.endsWith('Company')
          ? looseCompany(row)
          : type.endsWith('User')
            ? row.world.id('users', row.random.between(1, row.world.count('users')))
            : row.random.between(1, 50)
        return { type, owner }
      },
    },
    {
      credentialable_type: ({ type }) => type,
      credentialable_id: ({ owner }) => owner,
      service: (_, { random }) => random.pick(['calcom', 'retell']),
      key_type: (_, { random }) => random.pick(['api_key', 'webhook_secret']),
    },
  ),
  phone_numbers: recipe(
    'phone_numbers',
    {
      pilot: 16,
      power: 0.55,
      facts: (row) => {
        const company = row.world.companyOf('phone_numbers', row.index)
        return { company, branch: row.world.pickOwned('branches', company, row.random) ?? null }
      },
    },
    {
      id: (_, { world, index }) => world.uuid('phone_numbers', index),
      company_id: ({ company }, row) => sometimes(row.random, 0.95, id(row, company)),
      branch_id: ({ branch }, { world }) => (branch === null ? null : world.uuid('branches', branch)),
      number: (_, { index }) => `+4930${String(index).padStart(7, '0')}`,
    },
  ),
  retell_agents: recipe(
    'retell_agents',
    {
      pilot: 18,
      power: 0.55,
      // Two agents on some numbers, none on others.
      facts: (row) => ({
        phone: row.random.chance(0.85) ? row.random.between(1, row.world.count('phone_numbers')) : null,
      }),
    },
    {
      agent_id: (_, { index }) => `agent_${index.toString(16).padStart(8, '0')}`,
      company_id: ({ phone }, row) =>
        id(row, phone === null ? row.world.anyCompany(row.random) : row.world.companyOf('phone_numbers', phone)),
      phone_number_id: ({ phone }, { world }) => (phone === null ? null : world.uuid('phone_numbers', phone)),
      last_synced_at: (_, { random, index, world }) => timeText(momentOf(random, index, world.count('retell_agents'))),
    },
  ),
}

/** The application is written in PHP: the type is the name of a class. Branches have keys that this column cannot hold. */
const CREDENTIAL_OWNERS = [
  'App\\Models\\Company',
  'App\\Models\\Company',
  'App\\Models\\Branch',
  'App\\Models\\User',
] as const
