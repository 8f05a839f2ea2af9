/** Tables that are kept in the archive only, each with its reason. */
import type { Tools } from '../lenses.js'

export const retired = (t: Tools) => ({
  cache: t.retire('cache', 'filled again by itself; the new system caches outside the database'),
  cache_locks: t.retire('cache_locks', 'locks of the cache, worth nothing after seconds'),
  sessions: t.retire('sessions', 'web sessions; everybody signs in again after the switch'),
  jobs: t.retire('jobs', 'the queue is drained before the switch and is no longer kept in the database'),
  failed_jobs: t.retire('failed_jobs', 'jobs of the old code, which the new code cannot run again'),
  password_reset_tokens: t.retire('password_reset_tokens', 'valid for an hour, and has no primary key'),
  customer_password_resets: t.retire('customer_password_resets', 'valid for an hour; a customer asks for a new one'),
  personal_access_tokens: t.retire('personal_access_tokens', 'tokens of the old API; new ones are issued'),
  oauth_access_tokens: t.retire('oauth_access_tokens', 'the OAuth server was never put into use'),
  oauth_auth_codes: t.retire('oauth_auth_codes', 'the OAuth server was never put into use'),
  oauth_clients: t.retire('oauth_clients', 'the OAuth server was never put into use'),
  oauth_personal_access_clients: t.retire('oauth_personal_access_clients', 'the OAuth server was never put into use'),
  oauth_refresh_tokens: t.retire('oauth_refresh_tokens', 'the OAuth server was never put into use'),
  dummy_companies: t.retire('dummy_companies', 'left over from a trial'),
  staff_branches_and_staff_services_tables: t.retire(
    'staff_branches_and_staff_services_tables',
    'an empty table that a misnamed migration made',
  ),
  calcom_bookings_backup: t.retire('calcom_bookings_backup', 'a copy; the bookings are in calcom_bookings'),
  calcom_event_types_backup: t.retire('calcom_event_types_backup', 'a copy; the event types are in calcom_event_types'),
  retell_agents_backup: t.retire('retell_agents_backup', 'a copy; the agents are in retell_agents'),
  billing_snapshots_archive: t.retire('billing_snapshots_archive', 'already an archive, read by nobody'),
  agents: t.retire('agents', 'replaced by retell_agents'),
  user_statuses: t.retire('user_statuses', 'a list of words that no column refers to'),
  dashboard_widget_settings: t.retire(
    'dashboard_widget_settings',
    'replaced by dashboard_configurations; its user_id is a UUID that fits no user',
  ),
  staff_event_type_assignments: t.retire(
    'staff_event_type_assignments',
    'its staff_id is a number and fits no member of staff; staff_event_types has the assignments',
  ),
})
