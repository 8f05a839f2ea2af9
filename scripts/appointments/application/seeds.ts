/** What the application finds when it starts: nothing that an application made. The same statements on both sides. */
import type { Seeds } from './client.js'
import type { Session } from './session.js'

/** Below every band of the plan's keys: keys that are the same on both sides. */
const KEPT = '1000000000000000'
const MOST = 400

export async function readSeeds(session: Session): Promise<Seeds> {
  const staff = await session.rows(
    `SELECT s.id, s.company_id, s.branch_id FROM staff s JOIN branches b ON b.id = s.branch_id AND b.company_id = s.company_id
     ORDER BY s.id LIMIT ${MOST}`,
  )
  const eventTypes = await session.rows(
    `SELECT id, company_id FROM calcom_event_types WHERE company_id IS NOT NULL AND id < ${KEPT} ORDER BY id LIMIT ${MOST}`,
  )
  const customers = await session.rows(
    `SELECT id, company_id FROM customers WHERE company_id IS NOT NULL AND id < ${KEPT}
     AND (email IS NULL OR email NOT LIKE 'app-%') ORDER BY id LIMIT ${MOST}`,
  )
  const owned = (row: Record<string, unknown>) => ({ id: String(row['id']), company: String(row['company_id']) })
  if (staff.length === 0 || customers.length === 0)
    throw new Error('the application finds no staff or no customers: generate data first')
  return {
    staff: staff.map((row) => ({ ...owned(row), branch: String(row['branch_id']) })),
    eventTypes: eventTypes.map(owned),
    customers: customers.map(owned),
  }
}
