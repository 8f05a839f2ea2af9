/** What preflight looks for in the tables of a side. Tables that are not there yet are the business of drift. */
import type { SchemaSpec } from '../../plan/schema.js'
import type { Finding } from '../engine.js'
import { sql } from '../sql.js'
import type { SideContext } from './context.js'
import { arrayLiteral } from './literals.js'
import { finding } from './preflight.js'
import type { PostgresSession } from './session.js'

export async function checkTables(
  context: SideContext,
  session: PostgresSession,
  schema: SchemaSpec,
): Promise<Finding[]> {
  const { side, location } = context
  const names = arrayLiteral(Object.keys(schema))
  const ofPlan = sql`n.nspname = ${location.namespace} AND c.relname = ANY (CAST(${names} AS text[])) AND c.relkind IN ('r', 'p')`
  const from = sql`pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`
  const list = async (select: ReturnType<typeof sql>) => (await session.query(select)).map((row) => row.map(String))
  const findings: Finding[] = []

  for (const [name] of await list(
    sql`SELECT c.relname FROM ${from} WHERE ${ofPlan} AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1`,
  )) {
    findings.push(
      finding(
        'not-owner',
        'blocking',
        `on ${side} the role does not own ${name}, so it can make no triggers that always fire`,
        `ALTER TABLE ${name} OWNER TO a role that this one is a member of.`,
      ),
    )
  }
  for (const [name] of await list(
    sql`SELECT c.relname FROM ${from} WHERE ${ofPlan} AND row_security_active(c.oid) ORDER BY 1`,
  )) {
    findings.push(
      finding(
        'row-security',
        'blocking',
        `row-level security hides rows of ${side}.${name} from this role`,
        `ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY, or use a role with BYPASSRLS.`,
      ),
    )
  }
  const keyless = sql`SELECT c.relname FROM ${from} WHERE ${ofPlan} AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) ORDER BY 1`
  for (const [name] of await list(keyless)) {
    const isKnown = schema[name!]?.primaryKey.length === 0
    findings.push(
      finding(
        'no-primary-key',
        isKnown ? 'warning' : 'blocking',
        `${side}.${name} has no primary key`,
        'It can only be retired; its rows are compared as a whole.',
      ),
    )
  }
  const generated = sql`SELECT c.relname, a.attname FROM ${from} JOIN pg_attribute a ON a.attrelid = c.oid WHERE ${ofPlan} AND a.attgenerated <> '' ORDER BY 1, 2`
  for (const [table, column] of await list(generated)) {
    if (schema[table!]?.columns[column!] === undefined) continue
    findings.push(
      finding(
        'generated-column',
        'blocking',
        `${side}.${table}.${column} is computed by the server and cannot be written`,
        'Leave it out of the schema of the plan.',
      ),
    )
  }
  const triggers =
    await list(sql`SELECT t.tgname || ' on ' || c.relname, t.tgenabled FROM pg_trigger t JOIN ${from} ON c.oid = t.tgrelid
    WHERE ${ofPlan} AND NOT t.tgisinternal AND NOT starts_with(t.tgname, 'crossfade_') AND t.tgenabled <> 'D' ORDER BY 1`)
  const quiet = triggers.filter(([, enabled]) => enabled === 'O').map(([name]) => name)
  const loud = triggers.filter(([, enabled]) => enabled !== 'O').map(([name]) => name)
  if (quiet.length > 0) {
    findings.push(
      finding(
        'foreign-triggers',
        'warning',
        `${side} has triggers of its own: ${quiet.join(', ')}`,
        'They do not fire for rows that Crossfade writes; what they would do must come over by the plan.',
      ),
    )
  }
  if (loud.length > 0) {
    findings.push(
      finding(
        'loud-triggers',
        'warning',
        `${side} has triggers that also fire for rows that Crossfade writes: ${loud.join(', ')}`,
        "Make them plain triggers, or let them return when current_setting('crossfade.sync', true) is 'on'.",
      ),
    )
  }
  const rules = await list(
    sql`SELECT r.rulename || ' on ' || c.relname FROM pg_rewrite r JOIN ${from} ON c.oid = r.ev_class WHERE ${ofPlan} AND r.rulename <> '_RETURN' ORDER BY 1`,
  )
  if (rules.length > 0) {
    findings.push(
      finding(
        'rules',
        'blocking',
        `${side} has rewrite rules: ${rules.join(', ')}`,
        'Rules change statements before triggers see them. Replace them by triggers.',
      ),
    )
  }
  const collated =
    await list(sql`SELECT c.relname || '.' || a.attname FROM ${from} JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) JOIN pg_collation l ON l.oid = a.attcollation
    WHERE ${ofPlan} AND l.collname <> 'C' AND NOT (l.collname = 'default' AND
      (SELECT datcollate IN ('C', 'POSIX') FROM pg_database WHERE datname = current_database())) ORDER BY 1`)
  if (collated.length > 0) {
    findings.push(
      finding(
        'text-keys',
        'warning',
        `keys of ${side} are texts in an order of their own: ${collated.join(', ')}`,
        'Chunks go by bytes, so each sorts the table. Where it is large: CREATE INDEX on the key COLLATE "C".',
      ),
    )
  }
  return findings
}
