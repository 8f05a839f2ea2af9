import { timeText } from '../moments.js'
import { plain, type RowContext } from '../recipe.js'

const user = ({ world, random }: RowContext): number => world.id('users', random.between(1, world.count('users')))
const company = ({ world, random }: RowContext): number => world.id('companies', world.anyCompany(random))
const seconds = ({ createdMs }: RowContext): number => Math.floor(createdMs / 1_000)

/** Tables that are kept in the archive only. */
export const retiredRecipes = {
  cache: plain('cache', 14, { key: ({ index }) => `askpro_cache:eintrag-${index}`, expiration: seconds }, 0.7),
  cache_locks: plain(
    'cache_locks',
    3,
    { key: ({ index }) => `askpro_cache:schloss-${index}`, expiration: seconds },
    0.5,
  ),
  sessions: plain(
    'sessions',
    12,
    { id: ({ index, random }) => `${random.hex(36)}${index}`, last_activity: seconds },
    0.7,
  ),
  jobs: plain(
    'jobs',
    6,
    { queue: ({ random }) => random.pick(['default', 'webhooks']), available_at: seconds, created_at: seconds },
    0.7,
  ),
  failed_jobs: plain('failed_jobs', 5, { uuid: ({ world, index }) => world.uuid('failed_jobs', index) }, 0.7),
  // No primary key: two rows are the same.
  password_reset_tokens: plain(
    'password_reset_tokens',
    4,
    {
      email: ({ index }) => `benutzer${Math.ceil(index / 2)}@beispiel.de`,
      token: ({ index }) => `token-${Math.ceil(index / 2)}`,
      created_at: ({ index }) => timeText(1_735_689_600_000 + Math.ceil(index / 2) * 1_000),
    },
    0.5,
  ),
  customer_password_resets: plain(
    'customer_password_resets',
    3,
    { email: ({ index }) => `kunde${index}@beispiel.de` },
    0.5,
  ),
  personal_access_tokens: plain(
    'personal_access_tokens',
    6,
    {
      tokenable_type: () => 'App\\Models\\User',
      tokenable_id: user,
      token: ({ index, random }) => `${random.hex(40)}${index}`,
    },
    0.6,
  ),
  oauth_access_tokens: plain(
    'oauth_access_tokens',
    5,
    { id: ({ index, random }) => `${random.hex(60)}${index}`, client_id: () => 1 },
    0.6,
  ),
  oauth_auth_codes: plain(
    'oauth_auth_codes',
    3,
    { id: ({ index, random }) => `${random.hex(60)}${index}`, user_id: user, client_id: () => 1 },
    0.5,
  ),
  oauth_clients: plain('oauth_clients', 2, {}, 0.2),
  oauth_personal_access_clients: plain('oauth_personal_access_clients', 1, { client_id: () => 1 }, 0.1),
  oauth_refresh_tokens: plain(
    'oauth_refresh_tokens',
    4,
    { id: ({ index, random }) => `${random.hex(60)}${index}` },
    0.6,
  ),
  dummy_companies: plain('dummy_companies', 2, {}, 0.2),
  staff_branches_and_staff_services_tables: plain('staff_branches_and_staff_services_tables', 1, {}, 0.1),
  calcom_bookings_backup: plain(
    'calcom_bookings_backup',
    9,
    { company_id: company, calcom_booking_id: ({ index }) => 5_000_000 + index },
    0.8,
  ),
  calcom_event_types_backup: plain(
    'calcom_event_types_backup',
    6,
    { company_id: company, calcom_event_type_id: ({ index }) => 100_000 + index },
    0.6,
  ),
  retell_agents_backup: plain(
    'retell_agents_backup',
    5,
    { company_id: company, retell_agent_id: ({ index }) => `agent_alt_${index}` },
    0.6,
  ),
  billing_snapshots_archive: plain('billing_snapshots_archive', 5, {}, 0.7),
  agents: plain('agents', 4, {}, 0.5),
  user_statuses: plain('user_statuses', 4, {}, 0.1),
  dashboard_widget_settings: plain('dashboard_widget_settings', 4, {}, 0.5),
}
