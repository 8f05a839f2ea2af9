/** What Crossfade left on a side. */
import { scratchName } from '../scratch.js'
import { raw, sql } from '../sql.js'
import type { SideContext } from './context.js'
import { listMetaTables } from './meta.js'
import { listOwnSessions } from './own-sessions.js'
import { quoteIdentifier } from './quote.js'
import type { MysqlSession } from './session.js'
import { listTriggers } from './triggers.js'

/** `known`: connections of this process. */
export async function findRemains(
  context: SideContext,
  session: MysqlSession,
  known: ReadonlySet<number>,
): Promise<readonly string[]> {
  const { database } = context.meta
  const triggers = await listTriggers(context, session, 'capture', 'cascade', 'gate')
  const tables = await listMetaTables(session, database)
  const scratch = await session.query(
    sql`SELECT schema_name FROM information_schema.schemata WHERE schema_name = ${scratchName(context.location)}`,
  )
  const other = context.side === 'blue' ? 'green_' : 'blue_'
  const sessions = await listOwnSessions(context, session)
  return [
    ...triggers.map(({ name, table }) => `trigger ${name} on ${context.location.namespace}.${table}`),
    ...tables.filter((table) => !table.startsWith(other)).map((table) => `table ${database}.${table}`),
    ...scratch.map(([name]) => `database ${String(name)}`),
    ...sessions.filter((id) => id !== session.id && !known.has(id)).map((id) => `connection ${id}`),
  ]
}

/** A database with anything in it stays: the other side, or the journal, may still be there. */
export async function dropMetaIfEmpty({ meta }: SideContext, session: MysqlSession): Promise<void> {
  if ((await listMetaTables(session, meta.database)).length > 0) return
  await session.execute(raw(`DROP DATABASE IF EXISTS ${quoteIdentifier(meta.database)}`))
}
