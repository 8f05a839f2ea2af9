/** Appointments, bookings and event types: the same on both sides. */
import type { Invariant } from 'crossfade'
import { alike, differing, elements, keyIn, month, perText, same, textMember } from '../sql-text.js'

export const bookingInvariants: readonly Invariant[] = [
  alike(
    'revenue per company',
    `SELECT company_id, COUNT(*), COALESCE(SUM(price), 0) FROM appointments WHERE status = 'completed'
     GROUP BY company_id ORDER BY company_id`,
  ),
  alike('appointments per status', perText('status', same('SELECT MIN(status), COUNT(*) FROM appointments'))),
  alike(
    'appointments per company and month',
    differing(
      month('starts_at'),
      (text) => `
      SELECT company_id, ${text} AS m, COUNT(*), COALESCE(SUM(price), 0) FROM appointments WHERE starts_at IS NOT NULL
      GROUP BY company_id, ${text} ORDER BY company_id, m`,
    ),
  ),
  alike(
    'appointments whose customer, branch, staff, call or parent is gone',
    `SELECT COUNT(CASE WHEN c.id IS NULL THEN 1 END),
            COUNT(CASE WHEN a.branch_id IS NOT NULL AND b.id IS NULL THEN 1 END),
            COUNT(CASE WHEN a.staff_id IS NOT NULL AND s.id IS NULL THEN 1 END),
            COUNT(CASE WHEN a.call_id IS NOT NULL AND l.id IS NULL THEN 1 END),
            COUNT(CASE WHEN a.parent_appointment_id IS NOT NULL AND p.id IS NULL THEN 1 END)
     FROM appointments a LEFT JOIN customers c ON c.id = a.customer_id LEFT JOIN branches b ON b.id = a.branch_id
     LEFT JOIN staff s ON s.id = a.staff_id LEFT JOIN calls l ON l.id = a.call_id
     LEFT JOIN appointments p ON p.id = a.parent_appointment_id`,
  ),
  {
    name: 'name of the event type of each company’s appointments',
    blue: differing(
      keyIn('s.calcom_event_type_id'),
      (key) => `
      SELECT a.company_id, COUNT(*), COUNT(COALESCE(o.id, m.id, s.id)),
             SUM(COALESCE(CHAR_LENGTH(o.name), CHAR_LENGTH(m.name), CHAR_LENGTH(s.name), 0))
      FROM appointments a LEFT JOIN calcom_event_types o ON o.id = a.calcom_event_type_id
      LEFT JOIN services s ON s.id = a.service_id LEFT JOIN calcom_event_types m ON m.id = ${key}
      GROUP BY a.company_id ORDER BY a.company_id`,
    ),
    green: same(`
      SELECT a.company_id, COUNT(*), COUNT(e.id), SUM(COALESCE(CHAR_LENGTH(e.name), 0))
      FROM appointments a LEFT JOIN calcom_event_types e ON e.id = a.event_type_id
      GROUP BY a.company_id ORDER BY a.company_id`),
  },
  {
    name: 'status of the latest external booking',
    blue: perText(
      'b.status',
      same(`
      SELECT MIN(b.status), COUNT(*) FROM calcom_bookings b
      JOIN (SELECT MAX(id) AS id FROM calcom_bookings WHERE appointment_id IS NOT NULL GROUP BY appointment_id) l ON l.id = b.id
      JOIN appointments a ON a.id = b.appointment_id`),
    ),
    green: perText(
      's',
      differing(
        textMember('external_bookings', 'status'),
        (text) =>
          `SELECT MIN(s), COUNT(*) FROM (SELECT ${text} AS s FROM appointments WHERE external_bookings IS NOT NULL) b`,
      ),
    ),
  },
  {
    name: 'locks per company',
    blue: same(`
      SELECT b.company_id, COUNT(*) FROM appointment_locks l JOIN branches b ON b.id = l.branch_id
      WHERE b.company_id IS NOT NULL GROUP BY b.company_id ORDER BY b.company_id`),
    green: same(`
      SELECT company_id, COUNT(*) FROM appointment_locks WHERE company_id IS NOT NULL GROUP BY company_id ORDER BY company_id`),
  },
  {
    name: 'event types by where they come from, and what merged into them',
    blue: {
      postgres: eventTypeCounts(keyIn('s.calcom_event_type_id').postgres, keyIn('u.external_id').postgres),
      mysql: eventTypeCounts(keyIn('s.calcom_event_type_id').mysql, keyIn('u.external_id').mysql),
    },
    green: {
      postgres: `
        SELECT (SELECT COUNT(*) FROM calcom_event_types WHERE source_table = 'calcom_event_types'),
               (SELECT COUNT(*) FROM calcom_event_types WHERE source_table = 'services'),
               (SELECT COALESCE(SUM(jsonb_array_length(merged_services)), 0) FROM calcom_event_types),
               (SELECT COUNT(*) FROM calcom_event_types WHERE source_table = 'unified_event_types'),
               (SELECT COALESCE(SUM(jsonb_array_length(merged_unified)), 0) FROM calcom_event_types)`,
      mysql: `
        SELECT (SELECT COUNT(*) FROM calcom_event_types WHERE source_table = 'calcom_event_types'),
               (SELECT COUNT(*) FROM calcom_event_types WHERE source_table = 'services'),
               (SELECT COALESCE(SUM(JSON_LENGTH(merged_services)), 0) FROM calcom_event_types),
               (SELECT COUNT(*) FROM calcom_event_types WHERE source_table = 'unified_event_types'),
               (SELECT COALESCE(SUM(JSON_LENGTH(merged_unified)), 0) FROM calcom_event_types)`,
    },
  },
  {
    name: 'who offers what, and how often it was said',
    blue: {
      postgres: assignmentCounts(keyIn('s.calcom_event_type_id').postgres),
      mysql: assignmentCounts(keyIn('s.calcom_event_type_id').mysql),
    },
    green: differing(
      elements('a', 'sources', { source_table: 'varchar(30)' }),
      (j) => `
      SELECT (SELECT COUNT(*) FROM staff_event_type_assignments), COUNT(*) FROM staff_event_type_assignments a ${j}`,
    ),
  },
  {
    name: 'working hours per weekday',
    blue: same(`
      SELECT w.weekday, COUNT(*), COUNT(DISTINCT w.staff_id) FROM working_hours w JOIN staff s ON s.id = w.staff_id
      GROUP BY w.weekday ORDER BY w.weekday`),
    green: differing(
      elements('s', 'weekly_hours', { weekday: 'int' }),
      (j) => `
      SELECT j.weekday, COUNT(*), COUNT(DISTINCT s.id) FROM staff s ${j} GROUP BY j.weekday ORDER BY j.weekday`,
    ),
  },
  {
    name: 'services of branches and their prices',
    blue: same(`
      SELECT COUNT(*), COUNT(x.price), COALESCE(SUM(x.price), 0.00), COALESCE(SUM(x.service_id), 0)
      FROM branch_service x JOIN branches b ON b.id = x.branch_id`),
    green: differing(
      elements('b', 'services', { price: 'decimal(10,2)', service_id: 'bigint' }),
      (j) => `
      SELECT COUNT(*), COUNT(j.price), COALESCE(SUM(j.price), 0.00), COALESCE(SUM(j.service_id), 0) FROM branches b ${j}`,
    ),
  },
]

function eventTypeCounts(serviceKey: string, unifiedKey: string): string {
  const services = `FROM services s LEFT JOIN calcom_event_types e ON e.id = ${serviceKey}`
  const unified = `FROM unified_event_types u LEFT JOIN calcom_event_types e ON u.provider = 'calcom' AND e.id = ${unifiedKey}`
  return `
    SELECT (SELECT COUNT(*) FROM calcom_event_types),
           (SELECT COUNT(*) ${services} WHERE e.id IS NULL), (SELECT COUNT(*) ${services} WHERE e.id IS NOT NULL),
           (SELECT COUNT(*) ${unified} WHERE e.id IS NULL), (SELECT COUNT(*) ${unified} WHERE e.id IS NOT NULL)`
}

/** Each offer has the letter of what it is in front of its id: an event type, or a service that names none. */
function assignmentCounts(serviceKey: string): string {
  const byService = (table: string): string => `
    SELECT x.staff_id, CASE WHEN e.id IS NULL THEN CONCAT('s', s.id) ELSE CONCAT('e', e.id) END AS offer
    FROM ${table} x JOIN services s ON s.id = x.service_id LEFT JOIN calcom_event_types e ON e.id = ${serviceKey}`
  const all = `
    SELECT staff_id, CONCAT('e', calcom_event_type_id) AS offer FROM staff_event_types
    UNION ALL ${byService('staff_services')} UNION ALL ${byService('service_staff')}`
  return `SELECT (SELECT COUNT(*) FROM (SELECT DISTINCT staff_id, offer FROM (${all}) d) p), (SELECT COUNT(*) FROM (${all}) c)`
}
