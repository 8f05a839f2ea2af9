import { nothing, pickOwn, type Client, type Done } from '../client.js'
import type { Session } from '../session.js'

const DAY = 86_400

/** Somebody looks at a dashboard, and at an appointment that was just made. */
export async function readDashboard(session: Session, client: Client): Promise<Done> {
  const { company } = client.random.pick(client.seeds.staff)
  const now = Math.floor(Date.now() / 1_000)
  await session.rows(
    'SELECT status, count(*) AS number, sum(price) AS revenue FROM appointments WHERE company_id = ? AND starts_at >= ? AND starts_at < ? GROUP BY status',
    company,
    session.at(now),
    session.at(now + 30 * DAY),
  )
  await session.rows(
    'SELECT id, status, call_status FROM calls WHERE company_id = ? ORDER BY created_at DESC LIMIT 20',
    company,
  )
  await session.rows('SELECT count(*) AS number FROM customers WHERE company_id = ?', company)
  const appointment = pickOwn(client, client.own.appointments)
  if (!appointment) return nothing()
  const row = await session.row('SELECT version FROM appointments WHERE id = ?', appointment.id)
  if (Number(row?.['version']) !== appointment.version)
    throw new Error('an own appointment does not show its last change')
  return nothing()
}
