/** Questions that are one query on both sides: what changes is the index that serves them. */
import type { Probe } from 'crossfade'
import { same } from '../sql-text.js'

const busiestCompany = same(
  `SELECT company_id FROM appointments GROUP BY company_id ORDER BY COUNT(*) DESC, company_id LIMIT 1`,
)

const alike = (text: string): Pick<Probe, 'blue' | 'green'> => ({ blue: same(text), green: same(text) })

/** A day in the middle of what there is, as text. */
export const aDay = {
  postgres: `SELECT to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM appointments WHERE starts_at IS NOT NULL
             ORDER BY starts_at DESC LIMIT 1 OFFSET 5`,
  mysql: `SELECT DATE_FORMAT(starts_at, '%Y-%m-%d') FROM appointments WHERE starts_at IS NOT NULL ORDER BY starts_at DESC LIMIT 1 OFFSET 5`,
}

export const singleProbes: readonly Probe[] = [
  {
    name: 'appointment by call',
    ...alike(`SELECT id, company_id, status, price FROM appointments WHERE call_id = :call ORDER BY id`),
    parameters: { call: same(`SELECT call_id FROM appointments WHERE call_id IS NOT NULL ORDER BY id DESC LIMIT 1`) },
    beforeMs: 100,
    afterMs: 5,
  },
  {
    name: 'appointment by booking of the provider',
    ...alike(
      `SELECT id, company_id, status, price FROM appointments WHERE calcom_v2_booking_id = :booking ORDER BY id`,
    ),
    parameters: {
      booking: same(
        `SELECT calcom_v2_booking_id FROM appointments WHERE calcom_v2_booking_id IS NOT NULL ORDER BY id DESC LIMIT 1`,
      ),
    },
    beforeMs: 80,
    afterMs: 3,
  },
  {
    name: 'customer availability',
    blue: {
      postgres: overlaps(`CAST(:day AS timestamptz)`, `CAST(:day AS timestamptz) + INTERVAL '1 day'`),
      mysql: overlaps(`CAST(:day AS DATETIME)`, `CAST(:day AS DATETIME) + INTERVAL 1 DAY`),
    },
    green: {
      postgres: overlaps(`CAST(:day AS timestamptz)`, `CAST(:day AS timestamptz) + INTERVAL '1 day'`),
      mysql: overlaps(`CAST(:day AS DATETIME)`, `CAST(:day AS DATETIME) + INTERVAL 1 DAY`),
    },
    parameters: {
      customer: same(
        `SELECT customer_id FROM appointments WHERE starts_at IS NOT NULL ORDER BY starts_at DESC LIMIT 1 OFFSET 5`,
      ),
      day: aDay,
    },
    beforeMs: 150,
    afterMs: 15,
  },
  {
    name: 'appointments of a branch in a range',
    blue: {
      postgres: branchRange('timestamptz', `INTERVAL '30 days'`),
      mysql: branchRange('DATETIME', 'INTERVAL 30 DAY'),
    },
    green: {
      postgres: branchRange('timestamptz', `INTERVAL '30 days'`),
      mysql: branchRange('DATETIME', 'INTERVAL 30 DAY'),
    },
    parameters: {
      branch: same(
        `SELECT branch_id FROM appointments WHERE branch_id IS NOT NULL AND starts_at IS NOT NULL ORDER BY starts_at DESC LIMIT 1`,
      ),
      day: aDay,
    },
    beforeMs: 500,
    afterMs: 100,
  },
  {
    name: 'bytes of all indexes',
    blue: {
      postgres: `SELECT SUM(pg_indexes_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = current_schema() AND c.relkind = 'r'`,
      mysql: `SELECT SUM(index_length) FROM information_schema.tables WHERE table_schema = DATABASE()`,
    },
    green: {
      postgres: `SELECT SUM(pg_indexes_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = current_schema() AND c.relkind = 'r'`,
      mysql: `SELECT SUM(index_length) FROM information_schema.tables WHERE table_schema = DATABASE()`,
    },
    afterMs: 1000,
    isCompared: false,
  },
]

export { busiestCompany }

function overlaps(from: string, to: string): string {
  return `SELECT COUNT(*) FROM appointments WHERE customer_id = :customer AND starts_at < ${to} AND ends_at > ${from}
          AND status IN ('pending', 'scheduled', 'confirmed', 'completed')`
}

function branchRange(type: string, days: string): string {
  return `SELECT id, status, price FROM appointments WHERE branch_id = :branch AND starts_at >= CAST(:day AS ${type}) - ${days}
          AND starts_at < CAST(:day AS ${type}) + ${days} ORDER BY starts_at, id`
}
