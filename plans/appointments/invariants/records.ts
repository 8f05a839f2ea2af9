/** Calls, webhooks, logs, invoices, metrics: the same on both sides. */
import type { EngineSql, Invariant } from 'crossfade'
import { differing, elements, perText, same } from '../sql-text.js'

/** Counts of the tables of a union, and of the green rows by the word that tells them apart. */
function union(green: string, discriminator: string, tables: Readonly<Record<string, string>>): Invariant {
  const entries = Object.entries(tables)
  return {
    name: `${green}: rows of each of its ${entries.length} tables`,
    blue: same(`SELECT ${entries.map(([table]) => `(SELECT COUNT(*) FROM ${table})`).join(', ')}`),
    green: same(
      `SELECT ${entries.map(([, word]) => `(SELECT COUNT(*) FROM ${green} WHERE ${discriminator} = '${word}')`).join(', ')}`,
    ),
  }
}

const named = (...tables: string[]): Record<string, string> => Object.fromEntries(tables.map((table) => [table, table]))

const CALL_SECONDS: EngineSql = (() => {
  const seconds = 'COALESCE(duration_sec, duration, call_duration, duration_minutes * 60, duration_ms / 1000.0)'
  return same(`
    SELECT company_id, COUNT(*), COUNT(s), CAST(SUM(s) AS DECIMAL(30,3)) FROM (SELECT company_id, ${seconds} AS s FROM calls) c
    WHERE company_id IS NOT NULL GROUP BY company_id ORDER BY company_id`)
})()

/** The old words of `webhook_events.status`, as the plan reads them, and the words of the other four tables. */
const WEBHOOK_STATUS = `
  SELECT CASE WHEN status IN ('completed', 'processed', 'success') THEN 'completed' WHEN status IN ('failed', 'error') THEN 'failed'
              WHEN status IN ('duplicate', 'dead') THEN status ELSE 'pending' END AS s FROM webhook_events
  UNION ALL SELECT CASE status WHEN 'success' THEN 'completed' WHEN 'error' THEN 'failed' ELSE 'duplicate' END FROM webhook_logs
  UNION ALL SELECT 'completed' FROM retell_webhooks
  UNION ALL SELECT CASE WHEN resolved THEN 'completed' ELSE 'dead' END FROM webhook_dead_letter_queue
  UNION ALL SELECT CASE WHEN is_duplicate THEN 'duplicate' ELSE 'completed' END FROM webhook_deduplication`

const BACKUPS_WITHOUT_CALL = `
  (SELECT COUNT(*) FROM retell_calls_backup b LEFT JOIN calls c ON c.retell_call_id = b.retell_call_id WHERE c.id IS NULL)`

export const recordInvariants: readonly Invariant[] = [
  {
    name: 'calls, and backups of calls that are gone',
    blue: same(
      `SELECT (SELECT COUNT(*) FROM calls), ${BACKUPS_WITHOUT_CALL}, (SELECT COUNT(*) FROM calls WHERE kunde_id IS NOT NULL)`,
    ),
    green: same(`
      SELECT (SELECT COUNT(*) FROM calls WHERE source_table = 'calls'),
             (SELECT COUNT(*) FROM calls WHERE source_table = 'retell_calls_backup'),
             (SELECT COUNT(*) FROM calls WHERE legacy_customer_id IS NOT NULL)`),
  },
  {
    name: 'seconds of calls per company',
    blue: CALL_SECONDS,
    green: same(`
      SELECT company_id, COUNT(*), COUNT(duration_sec), CAST(SUM(duration_sec) AS DECIMAL(30,3)) FROM calls
      WHERE source_table = 'calls' AND company_id IS NOT NULL GROUP BY company_id ORDER BY company_id`),
  },
  {
    name: 'cost of calls per company',
    blue: same(`
      SELECT company_id, COUNT(s), CAST(SUM(s) AS DECIMAL(30,4))
      FROM (SELECT company_id, COALESCE(cost, retell_cost, cost_cents / 100.0) AS s FROM calls) c
      WHERE company_id IS NOT NULL GROUP BY company_id ORDER BY company_id`),
    green: same(`
      SELECT company_id, COUNT(cost), CAST(SUM(cost) AS DECIMAL(30,4)) FROM calls
      WHERE source_table = 'calls' AND company_id IS NOT NULL GROUP BY company_id ORDER BY company_id`),
  },
  {
    name: 'calls per sentiment',
    blue: perText(
      's',
      same(`SELECT MIN(s), COUNT(*) FROM (SELECT COALESCE(sentiment, user_sentiment, '(none)') AS s FROM calls) c`),
    ),
    green: perText(
      's',
      same(`
      SELECT MIN(s), COUNT(*) FROM (SELECT COALESCE(sentiment, '(none)') AS s FROM calls WHERE source_table = 'calls') c`),
    ),
  },
  {
    name: 'calls with a transcript, its length, and appointments they made',
    blue: same(`
      SELECT COUNT(transcript), COALESCE(SUM(CHAR_LENGTH(transcript)), 0), COUNT(CASE WHEN appointment_made THEN 1 END),
             COUNT(appointment_id) FROM calls`),
    green: same(`
      SELECT COUNT(transcript), COALESCE(SUM(CHAR_LENGTH(transcript)), 0), COUNT(CASE WHEN appointment_made THEN 1 END),
             COUNT(appointment_id) FROM calls WHERE source_table = 'calls'`),
  },
  union(
    'webhook_events',
    'source_table',
    named('webhook_events', 'webhook_logs', 'retell_webhooks', 'webhook_dead_letter_queue', 'webhook_deduplication'),
  ),
  {
    name: 'webhooks per status',
    blue: same(`SELECT s, COUNT(*) FROM (${WEBHOOK_STATUS}) w GROUP BY s ORDER BY s`),
    green: same(`SELECT status, COUNT(*) FROM webhook_events GROUP BY status ORDER BY status`),
  },
  union('api_call_logs', 'kind', {
    api_call_logs: 'api_call',
    api_health_logs: 'health',
    external_sync_logs: 'sync',
    rate_limit_violations: 'rate_limit',
  }),
  {
    name: 'API calls per company and answer',
    blue: same(`
      SELECT company_id, COALESCE(response_status, 0) AS r, COUNT(*) FROM api_call_logs WHERE company_id IS NOT NULL
      GROUP BY company_id, COALESCE(response_status, 0) ORDER BY company_id, r`),
    green: same(`
      SELECT company_id, COALESCE(response_status, 0) AS r, COUNT(*) FROM api_call_logs
      WHERE kind = 'api_call' AND company_id IS NOT NULL
      GROUP BY company_id, COALESCE(response_status, 0) ORDER BY company_id, r`),
  },
  union('activity_log', 'kind', {
    activity_log: 'activity',
    audit_trail: 'audit',
    security_logs: 'security',
    security_audit_logs: 'security_audit',
    critical_errors: 'critical_error',
    logs: 'log',
    backup_logs: 'backup',
    event_type_import_logs: 'event_type_import',
    validation_results: 'validation',
    anomaly_logs: 'anomaly',
  }),
  union('notifications', 'source_table', named('notifications', 'notification_logs')),
  union('metric_snapshots', 'kind', {
    metric_snapshots: 'snapshot',
    mcp_metrics: 'mcp',
    circuit_breaker_metrics: 'circuit_breaker',
  }),
  {
    name: 'invoices per company',
    blue: same(
      `SELECT company_id, COUNT(*), SUM(total), SUM(tax_amount) FROM invoices GROUP BY company_id ORDER BY company_id`,
    ),
    green: same(
      `SELECT company_id, COUNT(*), SUM(total), SUM(tax_amount) FROM invoices GROUP BY company_id ORDER BY company_id`,
    ),
  },
  {
    name: 'invoices whose subtotal is, and is not, the sum of their lines',
    blue: same(`
      SELECT COUNT(CASE WHEN i.subtotal = l.s THEN 1 END), COUNT(CASE WHEN i.subtotal <> l.s THEN 1 END), SUM(l.s)
      FROM invoices i JOIN (SELECT invoice_id, SUM(total) AS s FROM invoice_items GROUP BY invoice_id) l ON l.invoice_id = i.id`),
    green: differing(
      elements('i', 'lines', { total: 'decimal(10,2)' }),
      (j) => `
      SELECT COUNT(CASE WHEN i.subtotal = l.s THEN 1 END), COUNT(CASE WHEN i.subtotal <> l.s THEN 1 END), SUM(l.s)
      FROM invoices i JOIN (SELECT i.id AS invoice_id, SUM(j.total) AS s FROM invoices i ${j} GROUP BY i.id) l ON l.invoice_id = i.id`,
    ),
  },
  {
    name: 'billing periods with a company that is a number, and snapshots',
    blue: {
      postgres: billingCounts(`company_id ~ '^(0|-?[1-9][0-9]{0,17})$'`),
      mysql: billingCounts(`company_id REGEXP '^(0|-?[1-9][0-9]{0,17})$'`),
    },
    green: same(`
      SELECT (SELECT COUNT(*) FROM billing_periods WHERE source_table = 'billing_periods'),
             (SELECT SUM(total_cost) FROM billing_periods WHERE source_table = 'billing_periods'),
             (SELECT COUNT(*) FROM billing_periods WHERE source_table = 'billing_snapshots')`),
  },
  {
    name: 'lines of billing snapshots per month',
    blue: same(`
      SELECT s.period, COUNT(*), SUM(l.total) FROM billing_line_items l JOIN billing_snapshots s ON s.id = l.billing_snapshot_id
      GROUP BY s.period ORDER BY s.period`),
    green: differing(
      elements('b', 'line_items', { total: 'decimal(10,2)' }),
      (j) => `
      SELECT b.period, COUNT(*), SUM(j.total) FROM billing_periods b ${j} GROUP BY b.period ORDER BY b.period`,
    ),
  },
]

function billingCounts(isNumber: string): string {
  return `
    SELECT (SELECT COUNT(*) FROM billing_periods WHERE ${isNumber}), (SELECT SUM(total_cost) FROM billing_periods WHERE ${isNumber}),
           (SELECT COUNT(*) FROM billing_snapshots)`
}
