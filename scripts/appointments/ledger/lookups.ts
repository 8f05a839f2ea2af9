/** How the things of the ledger are found on each side: one SELECT each, with the ledger's own names for the values. */
import type { EngineName, Side } from '../../../src/engines/engine.js'
import { WEEKDAY } from '../application/operations/offers.js'
import { elementsOf } from '../application/session.js'
import type { Entity, Values } from './ledger.js'

/** A thing as a side has it. */
export interface Found {
  readonly key: string
  readonly values: Values
}

export interface Lookup {
  /**
   * Rows whose `key` starts with the ledger's prefix (`%PREFIX%`), or is one of a list (`%KEYS%`). Column aliases are the names of
   * the values; `expand` makes several things of one row.
   */
  readonly sql: string
  readonly expand?: (row: Record<string, unknown>) => Record<string, unknown>[]
}

/** Values that are numbers in the database: compared as numbers, so that 1.50 and 1.5 are one. */
const NUMBERS = new Set([
  'seconds',
  'cost',
  'price',
  'minutes',
  'total',
  'sum',
  'lines',
  'points',
  'version',
  'level',
  'starts',
])

export function lookupsFor(engine: EngineName, side: Side): Readonly<Record<Entity, Lookup>> {
  const isBlue = side === 'blue'
  const isPostgres = engine === 'postgres'
  const seconds = (column: string): string =>
    isPostgres ? `CAST(EXTRACT(EPOCH FROM ${column}) AS bigint)` : `CAST(UNIX_TIMESTAMP(${column}) AS SIGNED)`
  const text = (column: string): string => `CAST(${column} AS ${isPostgres ? 'text' : 'CHAR'})`
  const flag = (column: string): string => `CASE WHEN ${column} THEN 1 ELSE 0 END`
  const quote = (name: string): string => (isPostgres ? `"${name}"` : `\`${name}\``)
  const from = (columns: string, table: string, key: string, where = ''): Lookup => ({
    sql: `SELECT ${columns} FROM ${table} WHERE ${key} LIKE '%PREFIX%' ${where}`,
  })
  const fromSource = isBlue ? '' : `AND source_table = 'webhook_events'`
  return {
    webhook: from('event_id AS "key", company_id AS company, status, notes', 'webhook_events', 'event_id', fromSource),
    call: from(
      `retell_call_id AS "key", company_id AS company, customer_id AS customer, duration_sec AS seconds, cost, sentiment,
       RIGHT(transcript, 49) AS ending, ${flag('appointment_made')} AS made, notes`,
      'calls',
      'retell_call_id',
    ),
    customer: from(
      'email AS "key", company_id AS company, name, phone, loyalty_points AS points, notes',
      'customers',
      'email',
    ),
    note: isBlue
      ? from('title AS "key", customer_id AS customer, content', 'notes', 'title')
      : {
          sql: `SELECT id, notes_log FROM customers WHERE ${text('notes_log')} LIKE '%%PREFIX%'`,
          expand: ({ id, notes_log: notes }) =>
            elementsOf(notes).map((note) => ({ key: note['title'], customer: id, content: note['content'] })),
        },
    appointment: from(
      `external_id AS "key", company_id AS company, customer_id AS customer, staff_id AS staff,
       ${isBlue ? 'calcom_event_type_id' : 'event_type_id'} AS ${quote('eventType')}, ${seconds('starts_at')} AS starts, status, price, version, notes`,
      'appointments',
      'external_id',
    ),
    lock: from(
      `lock_token AS "key", staff_id AS staff, ${text('starts_at')} AS starts_text`,
      'appointment_locks',
      'lock_token',
    ),
    invoice: isBlue
      ? {
          sql: `SELECT i.number AS "key", i.company_id AS company, i.status, i.total, count(l.id) AS ${quote('lines')}, sum(l.total) AS sum
                FROM invoices i LEFT JOIN invoice_items l ON l.invoice_id = i.id WHERE i.number LIKE '%PREFIX%'
                GROUP BY i.id, i.number, i.company_id, i.status, i.total`,
        }
      : {
          sql: `SELECT number AS "key", company_id AS company, status, total, ${quote('lines')} AS items FROM invoices WHERE number LIKE '%PREFIX%'`,
          expand: ({ items, ...invoice }) => {
            const cents = elementsOf(items).map((item) => Math.round(Number(item['total']) * 100))
            return [{ ...invoice, lines: cents.length, sum: cents.reduce((total, amount) => total + amount, 0) / 100 }]
          },
        },
    notification: from(
      'type AS "key", appointment_id AS appointment, customer_id AS customer, status',
      isBlue ? 'notification_logs' : 'notifications',
      'type',
    ),
    'api-call': from(
      'correlation_id AS "key", company_id AS company, response_status AS status, service',
      'api_call_logs',
      'correlation_id',
    ),
    service: isBlue
      ? {
          sql: `SELECT name AS "key", price, default_duration_minutes AS minutes, description FROM services WHERE name LIKE '%PREFIX%'
                UNION ALL
                SELECT name, price, duration_minutes, description FROM calcom_event_types WHERE name LIKE '%PREFIX%'`,
        }
      : from('name AS "key", price, duration_minutes AS minutes, description', 'calcom_event_types', 'name'),
    staff: { sql: `SELECT id AS "key", phone, experience_level AS level FROM staff WHERE id IN (%KEYS%)` },
    hours: isBlue
      ? {
          sql: `SELECT staff_id AS "key", ${text(quote('start'))} AS ${quote('start')}, ${text(quote('end'))} AS ${quote('end')}
                FROM working_hours WHERE weekday = ${WEEKDAY} AND staff_id IN (%KEYS%)`,
        }
      : {
          sql: `SELECT id AS "key", weekly_hours FROM staff WHERE id IN (%KEYS%)`,
          expand: ({ key, weekly_hours: hours }) =>
            elementsOf(hours)
              .filter((day) => Number(day['weekday']) === WEEKDAY)
              .map((day) => ({ key, start: day['start'], end: day['end'] })),
        },
    company: from('slug AS "key", name', 'companies', 'slug'),
    branch: from('slug AS "key", company_id AS company', 'branches', 'slug'),
  }
}

/** A row in the words of the ledger. */
export function toFound(row: Record<string, unknown>): Found {
  const { key, ...rest } = row
  const values = Object.fromEntries(
    Object.entries(rest).map(([name, value]): [string, string | null] => {
      if (value === null || value === undefined) return [name, null]
      if (name === 'starts_text') return ['starts', String(value).slice(0, 19)]
      if (name === 'start' || name === 'end') return [name, String(value).slice(0, 8)]
      return [name, canonical(name, String(value))]
    }),
  )
  return { key: String(key), values }
}

/** Text that is equal when the value is. */
export function canonical(name: string, value: string): string {
  return NUMBERS.has(name) && /^-?\d+(\.\d+)?$/.test(value) ? String(Number(value)) : value
}
