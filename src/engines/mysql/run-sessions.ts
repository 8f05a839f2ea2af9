/**
 * Sessions of a run are enlisted on the side they work on, by a user lock that lasts as long as they do. A newer run ends them all
 * before anything else, and none of the older run can be opened behind that. So whatever statement an orchestrator that was left
 * behind sends when it wakes, DDL too, nobody executes it.
 */
import { createHash } from 'node:crypto'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { errnoOf } from './classify-error.js'
import type { SideContext } from './context.js'
import type { MysqlSession } from './session.js'

/** ER_NO_SUCH_TABLE, ER_BAD_DB_ERROR */
const NO_SUCH = [1146, 1049]
/** A session that is being ended rolls back first. Longer than this means that it cannot be ended. */
const END_MS = 30_000
const LOOK_MS = 20

/** Enlists a session of `runEpoch` that was just opened. @throws {CrossfadeError} LEASE_LOST when another run has the side. */
export async function enlist(context: SideContext, session: MysqlSession, runEpoch: number): Promise<void> {
  // The mark before the look: a run that takes the side ends this session, or this session sees that run.
  await session.query(sql`SELECT GET_LOCK(${markOf(context, session.id)}, 0)`)
  await expectRun(context, session, runEpoch)
}

/**
 * Waits for a run that is just taking the side, then says whose it is. Inside a transaction no other run takes it until the end.
 * @throws {CrossfadeError} LEASE_LOST
 */
export async function expectRun({ side, meta }: SideContext, session: MysqlSession, runEpoch: number): Promise<void> {
  let found: string | undefined
  try {
    const [row] = await session.query(sql`SELECT run_epoch FROM ${raw(meta.run)} WHERE id = 1 LOCK IN SHARE MODE`)
    found = row && String(row[0])
  } catch (error) {
    // Whoever removed the migration took the table away.
    if (!NO_SUCH.includes(errnoOf(error) ?? 0)) throw error
  }
  if (found === String(runEpoch)) return
  const whose = found === undefined ? 'no run' : `run ${found}`
  throw new CrossfadeError('LEASE_LOST', `run ${runEpoch} has lost ${side}: it belongs to ${whose}`)
}

/** Call while no session can be enlisted. @throws {CrossfadeError} LEASE_HELD when one cannot be ended. */
export async function endEnlisted(context: SideContext, session: MysqlSession): Promise<void> {
  const start = performance.now()
  // Those that are opened from here on wait for the epoch's row, and see whose the side is then.
  const found = new Set(await enlisted(context, session))
  for (;;) {
    const ids = (await enlisted(context, session)).filter((id) => found.has(id))
    if (ids.length === 0) return
    if (performance.now() - start > END_MS)
      throw new CrossfadeError(
        'LEASE_HELD',
        `connections of an older run on ${context.side} could not be ended: ${ids.join(', ')}`,
      )
    // Without the right to it the connections stay, and that is what is told.
    for (const id of ids) await context.killer.kill(id).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

export async function isEnlisted(context: SideContext, session: MysqlSession, id: number): Promise<boolean> {
  const [owner] = await session.query(sql`SELECT IS_USED_LOCK(${markOf(context, id)})`)
  return String(owner?.[0]) === String(id)
}

async function enlisted(context: SideContext, session: MysqlSession): Promise<readonly number[]> {
  const rows = await session.query(
    sql`SELECT id FROM ${raw(context.flavor.sessions)} AS p WHERE id <> ${session.id} AND IS_USED_LOCK(CONCAT(${markOf(context, '')}, id)) = id`,
  )
  return rows.map(([id]) => Number(id))
}

/** Name of the user lock that an enlisted connection has; 64 characters at most. */
function markOf({ side, meta }: SideContext, connection: number | ''): string {
  const whose = createHash('sha256').update(`${meta.database}\0${side}`).digest('hex').slice(0, 16)
  return `crossfade-${whose}-${connection}`
}
