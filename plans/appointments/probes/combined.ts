/** Questions that took the old application many queries and take the new one a few. */
import type { EngineSql, Probe } from 'crossfade'
import { keyIn, same } from '../sql-text.js'
import { aDay, busiestCompany } from './single.js'

/** Numbers from 0 below `count`, as a relation. */
const numbers = (count: number): string =>
  `(${Array.from({ length: count }, (_, index) => `SELECT ${index}${index === 0 ? ' AS n' : ''}`).join(' UNION ALL ')}) k`

/** Several values of one row as that many rows: what several queries, each with one value, answer. */
const asRows = (values: readonly string[], from: string): string => {
  const columns = values.map((value, index) => `${value} AS v${index}`).join(', ')
  const branches = values.map((_, index) => `WHEN ${index} THEN s.v${index}`).join(' ')
  return `SELECT CASE k.n ${branches} END FROM (SELECT ${columns} ${from}) s CROSS JOIN ${numbers(values.length)} ORDER BY k.n`
}

const statements = (list: readonly string[]): string => list.join(';\n')

const STATUSES = ['pending', 'scheduled', 'confirmed', 'completed', 'cancelled', 'no_show'] as const

/** Appointments made in the 30 days before a day. */
const inMonth = (type: string, days: string): string =>
  `FROM appointments WHERE company_id = :company AND created_at >= CAST(:day AS ${type}) - ${days} AND created_at < CAST(:day AS ${type})`

/** Appointments that take place in the 30 days before a day. */
const inPeriod = (type: string, days: string): string =>
  `FROM appointments WHERE company_id = :company AND starts_at >= CAST(:day AS ${type}) - ${days} AND starts_at < CAST(:day AS ${type})`

const each = (make: (type: string, days: string) => string): EngineSql => ({
  postgres: make('timestamptz', `INTERVAL '30 days'`),
  mysql: make('DATETIME', 'INTERVAL 30 DAY'),
})

const DASHBOARD = [
  ['COUNT(*)', ''],
  ['COUNT(*)', `status = 'completed'`],
  ['COUNT(*)', `status = 'cancelled'`],
  ['COALESCE(SUM(price), 0)', `status = 'completed'`],
  ['COALESCE(SUM(price), 0)', `status IN ('pending', 'scheduled', 'confirmed')`],
  ['COUNT(DISTINCT customer_id)', ''],
] as const

/** The aggregate over the rows that meet a condition, within a query that reads all of them. */
const within = (aggregate: string, condition: string): string => {
  if (condition === '') return aggregate
  if (aggregate === 'COUNT(*)') return `COUNT(CASE WHEN ${condition} THEN 1 END)`
  return `COALESCE(SUM(CASE WHEN ${condition} THEN price END), 0)`
}

const SLOTS = 48

/** The half hour `n` of a day. */
const slot = {
  postgres: (n: string) => `(CAST(:day AS timestamptz) + ${n} * INTERVAL '30 minutes')`,
  mysql: (n: string) => `(CAST(:day AS DATETIME) + INTERVAL (30 * ${n}) MINUTE)`,
} as const

const IS_TAKEN = `status IN ('pending', 'scheduled', 'confirmed', 'completed')`

const slotByQueries = (at: (n: string) => string): string =>
  statements(
    Array.from(
      { length: SLOTS },
      (_, index) => `SELECT COUNT(*) FROM appointments WHERE staff_id = :staff AND ${IS_TAKEN}
        AND starts_at < ${at(String(index + 1))} AND ends_at > ${at(String(index))}`,
    ),
  )

const slotsAtOnce = (at: (n: string) => string): string => `
  SELECT COUNT(a.starts_at) FROM ${numbers(SLOTS)} LEFT JOIN (
    SELECT starts_at, ends_at FROM appointments WHERE staff_id = :staff AND ${IS_TAKEN}
      AND starts_at < ${at(String(SLOTS))} AND ends_at > ${at('0')}
  ) a ON a.starts_at < ${at('(k.n + 1)')} AND a.ends_at > ${at('k.n')} GROUP BY k.n ORDER BY k.n`

export const combinedProbes: readonly Probe[] = [
  {
    name: 'monthly revenue of a company',
    blue: each((type, days) =>
      statements(
        STATUSES.map((status) => `SELECT COALESCE(SUM(price), 0) ${inMonth(type, days)} AND status = '${status}'`),
      ),
    ),
    green: each((type, days) =>
      asRows(
        STATUSES.map((status) => `COALESCE(SUM(CASE WHEN status = '${status}' THEN price END), 0)`),
        inMonth(type, days),
      ),
    ),
    parameters: { company: busiestCompany, day: aDay },
    beforeMs: 200,
    afterMs: 20,
  },
  {
    name: 'dashboard sums',
    blue: each((type, days) =>
      statements(
        DASHBOARD.map(
          ([aggregate, condition]) => `SELECT ${aggregate} ${inPeriod(type, days)}${condition && ` AND ${condition}`}`,
        ),
      ),
    ),
    green: each((type, days) =>
      asRows(
        DASHBOARD.map(([aggregate, condition]) => within(aggregate, condition)),
        inPeriod(type, days),
      ),
    ),
    parameters: { company: busiestCompany, day: aDay },
    beforeMs: 72,
    afterMs: 12,
  },
  {
    name: 'free slots of a day',
    blue: { postgres: slotByQueries(slot.postgres), mysql: slotByQueries(slot.mysql) },
    green: { postgres: slotsAtOnce(slot.postgres), mysql: slotsAtOnce(slot.mysql) },
    parameters: {
      staff: same(
        `SELECT staff_id FROM appointments WHERE staff_id IS NOT NULL AND starts_at IS NOT NULL ORDER BY starts_at DESC LIMIT 1`,
      ),
      day: aDay,
    },
    afterMs: 20,
  },
  listWithRelations(),
]

/** 100 appointments and what each refers to: one query per reference, or one per kind of reference. */
function listWithRelations(): Probe {
  const rows = 100
  const list = `SELECT id, status, price FROM appointments WHERE company_id = :company ORDER BY id LIMIT ${rows}`
  const ids = Array.from({ length: rows }, (_, index) => `a${index}`)
  const parameters: Record<string, EngineSql> = { company: busiestCompany }
  // NULL, and no rows then, where the company has fewer appointments.
  for (const [index, id] of ids.entries())
    parameters[id] = same(`SELECT id FROM appointments
      WHERE company_id = (SELECT company_id FROM appointments GROUP BY company_id ORDER BY COUNT(*) DESC, company_id LIMIT 1)
      ORDER BY id LIMIT 1 OFFSET ${index}`)
  const byOne = (name: string, from: string): string[] => ids.map((id) => `SELECT ${name} ${from} WHERE a.id = :${id}`)
  const joins = {
    customer: 'FROM appointments a JOIN customers c ON c.id = a.customer_id',
    staff: 'FROM appointments a JOIN staff s ON s.id = a.staff_id',
    branch: 'FROM appointments a JOIN branches b ON b.id = a.branch_id',
    call: 'FROM appointments a JOIN calls l ON l.id = a.call_id',
  } as const
  const blue = (key: string): string => {
    const type = `FROM appointments a LEFT JOIN calcom_event_types o ON o.id = a.calcom_event_type_id
      LEFT JOIN services v ON v.id = a.service_id LEFT JOIN calcom_event_types m ON m.id = ${key}`
    const hasType = ids.map(
      (id) =>
        `SELECT COALESCE(o.name, m.name, v.name) ${type} WHERE a.id = :${id} AND COALESCE(o.id, m.id, v.id) IS NOT NULL`,
    )
    return statements([
      list,
      ...byOne('c.name', joins.customer),
      ...byOne('s.name', joins.staff),
      ...byOne('b.name', joins.branch),
      ...byOne('l.retell_call_id', joins.call),
      ...hasType,
    ])
  }
  const page = `(SELECT id FROM appointments WHERE company_id = :company ORDER BY id LIMIT ${rows}) p`
  const together = (name: string, from: string): string =>
    `SELECT ${name} ${from.replace('FROM appointments a', `FROM ${page} JOIN appointments a ON a.id = p.id`)} ORDER BY a.id`
  return {
    name: 'list of 100 appointments with relations',
    blue: {
      postgres: blue(keyIn('v.calcom_event_type_id').postgres),
      mysql: blue(keyIn('v.calcom_event_type_id').mysql),
    },
    green: same(
      statements([
        list,
        together('c.name', joins.customer),
        together('s.name', joins.staff),
        together('b.name', joins.branch),
        together('l.retell_call_id', joins.call),
        together('e.name', 'FROM appointments a JOIN calcom_event_types e ON e.id = a.event_type_id'),
      ]),
    ),
    parameters,
    afterMs: 50,
  }
}
