import { preciseTimeText } from '../moments.js'
import { plain, sometimes, type RowContext } from '../recipe.js'

const company = ({ world, random }: RowContext): number => world.id('companies', world.anyCompany(random))

/** With orphans, where no foreign key forbids them. */
const looseCompany = (row: RowContext): number => (row.random.chance(0.02) ? 900_005 : company(row))

const branch = (row: RowContext): string | null =>
  row.random.chance(0.5) ? null : row.world.uuid('branches', row.random.between(1, row.world.count('branches')))

const user = ({ world, random }: RowContext): number | null =>
  random.chance(0.3) ? null : world.id('users', random.between(1, world.count('users')))

const requested = ({ createdMs, random, world }: RowContext): string =>
  preciseTimeText(createdMs, random, world.hasMicroseconds)

/** API calls, activity and metrics. */
export const logRecipes = {
  api_call_logs: plain('api_call_logs', 460, {
    service: ({ random }) => random.pick(['calcom', 'retell', 'stripe']),
    endpoint: ({ random }) => `/v2/${random.pick(['bookings', 'slots', 'calls', 'event-types'])}/${random.int(5_000)}`,
    method: ({ random }) => random.pick(['GET', 'POST', 'PATCH']),
    company_id: (row) => sometimes(row.random, 0.93, company(row)),
    user_id: user,
    requested_at: requested,
    response_status: ({ random }) => random.pick([200, 200, 200, 201, 404, 429, 500, null]),
    duration_ms: ({ random }) => sometimes(random, 0.95, random.int(4_000_000) / 1_000),
    threat_score: ({ random }) => random.int(100),
    blocked: ({ random }) => random.chance(0.02),
  }),
  api_health_logs: plain('api_health_logs', 60, {
    service: ({ random }) => random.pick(['calcom', 'retell']),
    company_id: (row) => sometimes(row.random, 0.6, company(row)),
    status: ({ random }) => random.pick(['healthy', 'degraded', 'down']),
  }),
  external_sync_logs: plain('external_sync_logs', 12, {
    sync_type: ({ random }) => random.pick(['calendar', 'calls']),
    status: ({ random }) => random.pick(['success', 'failed']),
  }),
  rate_limit_violations: plain('rate_limit_violations', 11, {
    key: ({ random }) => `ip:10.0.0.${random.int(255)}`,
    method: ({ random }) => sometimes(random, 0.8, random.pick(['GET', 'POST'])),
    limit: () => 60,
    attempts: ({ random }) => random.between(61, 500),
    user_id: user,
  }),
  activity_log: plain('activity_log', 130, {
    description: ({ random }) => random.pick(['created', 'updated', 'deleted', 'angemeldet "über SSO"']),
    subject_type: ({ random }) =>
      sometimes(random, 0.9, random.pick(['App\\Models\\Appointment', 'App\\Models\\Customer'])),
    causer_type: ({ random }) => sometimes(random, 0.7, 'App\\Models\\User'),
    event: ({ random }) => sometimes(random, 0.8, random.pick(['created', 'updated', 'deleted'])),
  }),
  audit_trail: plain('audit_trail', 40, {
    action: ({ random }) => random.pick(['login', 'update', 'export']),
    entity_type: ({ random }) => random.pick(['company', 'staff', 'invoice']),
    entity_id: ({ random, world }) => (random.chance(0.5) ? String(random.int(100)) : world.uuid('staff', 1)),
  }),
  security_logs: plain('security_logs', 30, {
    type: ({ random }) => random.pick(['login_failed', 'suspicious_activity']),
    user_id: user,
    company_id: (row) => sometimes(row.random, 0.7, looseCompany(row)),
  }),
  security_audit_logs: plain('security_audit_logs', 22, {
    event_type: ({ random }) => random.pick(['permission_denied', 'token_created']),
    severity: ({ random }) => random.pick(['info', 'warning', 'critical']),
    user_id: user,
    correlation_id: ({ random }) => sometimes(random, 0.6, random.uuid()),
  }),
  critical_errors: plain('critical_errors', 9, {
    error_class: ({ random }) => random.pick(['App\\Exceptions\\BookingFailed', 'PDOException']),
    line: ({ random }) => random.int(900),
  }),
  logs: plain('logs', 70, {
    level: ({ random }) => random.pick(['debug', 'info', 'warning', 'error']),
    channel: ({ random }) => random.pick(['stack', 'daily']),
  }),
  backup_logs: plain('backup_logs', 6, {
    type: ({ random }) => random.pick(['full', 'incremental']),
    size: ({ random }) => (random.chance(0.2) ? '9007199254740995' : random.int(2_000_000_000)),
    status: ({ random }) => random.pick(['success', 'failed']),
  }),
  event_type_import_logs: plain('event_type_import_logs', 7, {
    company_id: looseCompany,
    user_id: user,
    status: ({ random }) => random.pick(['completed', 'failed']),
  }),
  validation_results: plain('validation_results', 12, {
    entity_id: ({ world, random }) => (random.chance(0.5) ? String(random.int(50)) : world.uuid('branches', 1)),
    test_type: ({ random }) => random.pick(['api', 'webhook']),
  }),
  anomaly_logs: plain('anomaly_logs', 11, {
    company_id: (row) => sometimes(row.random, 0.8, company(row)),
    branch_id: branch,
    anomaly_type: ({ random }) => random.pick(['call_volume', 'cancellations']),
    severity: ({ random }) => random.pick(['low', 'high']),
  }),
  metric_snapshots: plain('metric_snapshots', 25, {
    company_id: company,
    branch_id: branch,
    metric_type: ({ random }) => random.pick(['calls', 'revenue', 'bookings']),
    period: ({ random }) => random.pick(['hour', 'day', 'month']),
  }),
  mcp_metrics: plain('mcp_metrics', 60, {
    service: ({ random }) => random.pick(['calcom', 'retell', 'database']),
    tenant_id: ({ random, world }) => sometimes(random, 0.6, random.between(1, world.companies)),
    status: ({ random }) => random.pick(['success', 'error']),
  }),
  circuit_breaker_metrics: plain('circuit_breaker_metrics', 35, {
    service: ({ random }) => random.pick(['calcom', 'retell', 'stripe']),
  }),
}
