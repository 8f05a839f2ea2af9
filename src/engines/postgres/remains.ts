/** What Crossfade left on a side. The journal and the pool's tables in the meta schema are not the side's and do not count. */
import { scratchName } from '../scratch.js'
import { raw, sql } from '../sql.js'
import { lockBlockers } from './blockers.js'
import type { SideContext } from './context.js'
import { quoteLiteral } from './literals.js'
import { isOpenHere, type PostgresSession } from './session.js'

export async function listRemains(context: SideContext, session: PostgresSession): Promise<readonly string[]> {
  const [objects, locks, sessions] = [
    await session.query(objectsOf(context)),
    [...(await lockBlockers(session, context.meta.gateLock)), ...(await lockBlockers(session, context.meta.leaseLock))],
    await session.query(
      sql`SELECT pid, application_name FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'crossfade/%' AND pid <> pg_backend_pid() ORDER BY pid`,
    ),
  ]
  return [
    ...objects.map(([name]) => String(name)),
    ...locks.map((holder) => `advisory lock held by ${holder}`),
    ...sessions
      .filter(([pid, name]) => name !== 'crossfade/journal' && !isOpenHere(context.location.url, Number(pid)))
      .map(([pid, name]) => `session ${String(pid)} (${String(name)})`),
  ]
}

function objectsOf({ side, meta, location }: SideContext) {
  const ours = raw(quoteLiteral(`${side}_`))
  const schema = sql`n.nspname = ${meta.schema}`
  const scratch = scratchName(location)
  return sql`
    SELECT format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname) FROM pg_trigger t
      JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace
      WHERE NOT t.tgisinternal AND starts_with(t.tgname, ${`crossfade_${side}_`})
        AND (n.nspname = ${location.namespace} OR f.nspname = ${meta.schema})
    UNION ALL SELECT format('%s %I.%I', CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname, c.relname)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${schema} AND c.relkind IN ('r', 'S') AND starts_with(c.relname, ${ours})
    UNION ALL SELECT format('function %I.%I', n.nspname, p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${schema} AND starts_with(p.proname, ${ours})
    UNION ALL SELECT format('schema %I', n.nspname) FROM pg_namespace n WHERE n.nspname = ${scratch}
      OR (${schema} AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid))
    UNION ALL SELECT format('database %I', d.datname) FROM pg_database d WHERE d.datname = ${scratch}
    UNION ALL SELECT format('replication slot %s', r.slot_name) FROM pg_replication_slots r
      WHERE r.database = current_database() AND starts_with(r.slot_name, 'crossfade')
    ORDER BY 1`
}
