/**
 * Marks each of Crossfade's connections with a lock that carries its number: the server keeps no name of an application
 * that everybody may read, and the mark goes with the connection.
 */
import { createHash } from 'node:crypto'
import { raw, sql } from '../sql.js'
import type { SideContext } from './context.js'
import type { MysqlSession } from './session.js'

type Marked = Pick<SideContext, 'side' | 'location'>

/** At most 64 characters, so the namespaces are hashed. */
function markStart({ side, location }: Marked): string {
  const migration = createHash('sha256')
    .update(`${location.metaNamespace}\0${location.namespace}`)
    .digest('hex')
    .slice(0, 16)
  return `crossfade:${migration}:${side}:`
}

export async function markSession(context: Marked, session: MysqlSession): Promise<void> {
  await session.query(sql`SELECT GET_LOCK(${markStart(context) + String(session.id)}, 0)`)
}

/** Connections of Crossfade to this side, of this process and of others. */
export async function listOwnSessions(
  context: Marked & Pick<SideContext, 'flavor'>,
  session: MysqlSession,
): Promise<readonly number[]> {
  const rows = await session.query(
    sql`SELECT id FROM ${raw(context.flavor.sessions)} AS p WHERE IS_USED_LOCK(CONCAT(${markStart(context)}, id)) = id`,
  )
  return rows.map(([id]) => Number(id))
}
