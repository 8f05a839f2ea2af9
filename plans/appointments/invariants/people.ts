/** Companies, branches, people: the same on both sides. */
import type { Invariant } from 'crossfade'
import { alike, differing, elements, perText, same, textMember } from '../sql-text.js'

/** Count of one table, and of the elements of the JSON column that it became, for children whose owner is there. */
const folded = (
  table: string,
  by: string,
  owner: string,
  column: string,
  sum?: readonly [column: string, type: string],
): Invariant => ({
  name: `${table} in ${owner}.${column}`,
  blue: same(`
    SELECT COUNT(*)${sum ? `, COALESCE(SUM(c.${sum[0]}), 0)` : ''} FROM ${table} c JOIN ${owner} o ON o.id = c.${by}`),
  green: differing(
    elements('o', column, { id: 'varchar(36)', ...(sum ? { [sum[0]]: sum[1] } : {}) }),
    (j) => `
    SELECT COUNT(*)${sum ? `, COALESCE(SUM(j.${sum[0]}), 0)` : ''} FROM ${owner} o ${j}`,
  ),
})

export const peopleInvariants: readonly Invariant[] = [
  alike(
    'companies by billing, their balance and what is active',
    perText(
      'billing_status',
      same(`
      SELECT MIN(billing_status), COUNT(*), SUM(credit_balance), COUNT(CASE WHEN is_active THEN 1 END), COUNT(deleted_at)
      FROM companies`),
    ),
  ),
  {
    name: 'prepaid balance of each company’s tenant, in cents',
    blue: same(`
      SELECT t.company_id, t.balance_cents FROM tenants t
      JOIN (SELECT MAX(id) AS id FROM tenants GROUP BY company_id) l ON l.id = t.id
      JOIN companies c ON c.id = t.company_id ORDER BY t.company_id`),
    green: differing(
      textMember('tenant', 'balance_cents'),
      (text) => `
      SELECT id, ${text} FROM companies WHERE tenant IS NOT NULL ORDER BY id`,
    ),
  },
  {
    name: 'onboarding of companies: the latest step',
    blue: same(`
      SELECT p.company_id, p.progress_percentage FROM onboarding_progress p
      JOIN (SELECT MAX(id) AS id FROM onboarding_progress GROUP BY company_id) l ON l.id = p.id
      JOIN companies c ON c.id = p.company_id ORDER BY p.company_id`),
    green: differing(
      textMember('onboarding', 'progress_percentage'),
      (text) => `
      SELECT id, ${text} FROM companies WHERE onboarding IS NOT NULL ORDER BY id`,
    ),
  },
  folded('company_pricing', 'company_id', 'companies', 'pricing', ['price_per_minute', 'decimal(10,4)']),
  folded('tax_rates', 'company_id', 'companies', 'tax_rates', ['rate', 'decimal(5,2)']),
  folded('integrations', 'company_id', 'companies', 'integrations'),
  folded('notes', 'customer_id', 'customers', 'notes_log', ['sort_order', 'bigint']),
  folded('gdpr_requests', 'customer_id', 'customers', 'privacy_requests', ['download_count', 'bigint']),
  folded('calendars', 'staff_id', 'staff', 'calendars'),
  folded('calendar_mappings', 'staff_id', 'staff', 'calendar_mappings'),
  folded('retell_agents', 'phone_number_id', 'phone_numbers', 'agent', ['version', 'bigint']),
  {
    name: 'staff_branches in staff.branch_ids',
    blue: same(`SELECT COUNT(*) FROM staff_branches x JOIN staff s ON s.id = x.staff_id`),
    green: differing(
      elements('s', 'branch_ids', { branch_id: 'varchar(36)' }),
      (j) => `SELECT COUNT(*) FROM staff s ${j}`,
    ),
  },
  alike(
    'branches and staff that are active, and those without a company',
    `SELECT (SELECT COUNT(*) FROM branches WHERE is_active), (SELECT COUNT(*) FROM branches WHERE company_id IS NULL),
            (SELECT COUNT(*) FROM staff WHERE is_active), (SELECT COUNT(*) FROM staff WHERE company_id IS NULL)`,
  ),
  {
    name: 'customers and kunden, their length of name and revenue',
    blue: same(`
      SELECT (SELECT COUNT(*) FROM customers), (SELECT SUM(CHAR_LENGTH(name)) FROM customers), (SELECT SUM(total_revenue) FROM customers),
             (SELECT COUNT(*) FROM kunden), (SELECT SUM(CHAR_LENGTH(name)) FROM kunden)`),
    green: same(`
      SELECT COUNT(CASE WHEN source_table = 'customers' THEN 1 END),
             SUM(CASE WHEN source_table = 'customers' THEN CHAR_LENGTH(name) END),
             SUM(CASE WHEN source_table = 'customers' THEN total_revenue END),
             COUNT(CASE WHEN source_table = 'kunden' THEN 1 END),
             SUM(CASE WHEN source_table = 'kunden' THEN CHAR_LENGTH(name) END)
      FROM customers`),
  },
  alike(
    'customers per company',
    `SELECT company_id, COUNT(*), SUM(appointment_count) FROM customers WHERE company_id IS NOT NULL
     GROUP BY company_id ORDER BY company_id`,
  ),
  {
    name: 'users, the customers they are, and their dashboards',
    blue: same(`
      SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM users u JOIN kunden k ON k.id = u.kunde_id),
             (SELECT SUM(CHAR_LENGTH(k.name)) FROM users u JOIN kunden k ON k.id = u.kunde_id),
             (SELECT COUNT(*) FROM dashboard_configurations d JOIN users u ON u.id = d.user_id)`),
    green: same(`
      SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM users u JOIN customers k ON k.id = u.customer_id),
             (SELECT SUM(CHAR_LENGTH(k.name)) FROM users u JOIN customers k ON k.id = u.customer_id),
             (SELECT COUNT(*) FROM users WHERE dashboard IS NOT NULL)`),
  },
]
