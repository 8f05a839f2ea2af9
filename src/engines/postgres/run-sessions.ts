/**
 * Sessions of a run are enlisted on the side they work on, by an advisory lock that lasts as long as they do. A newer run ends
 * them all before anything else, and none of the older run can be opened behind that. So whatever statement an orchestrator
 * that was left behind sends when it wakes, DDL too, nobody executes it.
 */
import type { Side } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { sql } from '../sql.js'
import { lockBlockers, ownHolders } from './blockers.js'
import type { MetaNames } from './meta.js'
import type { PostgresSession } from './session.js'

/** A session that is being ended rolls back first. Longer than this means that it cannot be ended. */
export const END_MS = 30_000
const LOOK_MS = 20
const NO_SUCH = ['42P01', '3F000']

/** Enlists a session of `runEpoch` that was just opened. @throws {CrossfadeError} LEASE_LOST when another run has the side. */
export async function enlist(session: PostgresSession, side: Side, meta: MetaNames, runEpoch: number): Promise<void> {
  // The lock before the look: a run that takes the side ends this session, or this session sees that run.
  await session.script(`SELECT pg_advisory_lock_shared(${meta.sessionLock.text})`)
  await expectRun(session, side, meta, runEpoch)
}

/**
 * Waits for a run that is just taking the side, then says whose it is. Inside a transaction no other run takes it until the end.
 * @throws {CrossfadeError} LEASE_LOST
 */
export async function expectRun(
  session: PostgresSession,
  side: Side,
  meta: MetaNames,
  runEpoch: number,
): Promise<void> {
  let found: string | undefined
  try {
    // Two statements in one round trip: the second sees what was committed before the lock was granted.
    const [, rows] = await session.script(
      `SELECT pg_advisory_xact_lock_shared(${meta.leaseLock.text}); SELECT run_epoch FROM ${meta.qualified.run} WHERE id = 1`,
    )
    found = rows?.[0] && String(rows[0][0])
  } catch (error) {
    // Whoever removed the migration took the table away.
    if (!NO_SUCH.includes(String(((error as CrossfadeError).cause as { code?: unknown } | undefined)?.code)))
      throw error
  }
  if (found !== String(runEpoch)) throw lost(side, runEpoch, found ?? 'none')
}

/** Call while no session can be enlisted. @throws {CrossfadeError} LEASE_HELD when one cannot be ended. */
export async function endEnlisted(session: PostgresSession, side: Side, meta: MetaNames): Promise<void> {
  const start = performance.now()
  for (;;) {
    const pids = await ownHolders(session, meta.sessionLock)
    if (pids.length === 0) return
    if (performance.now() - start > END_MS) {
      const who = (await lockBlockers(session, meta.sessionLock)).join('; ')
      throw new CrossfadeError('LEASE_HELD', `sessions of an older run on ${side} could not be ended: ${who}`)
    }
    for (const pid of pids) await session.query(sql`SELECT pg_terminate_backend(CAST(${pid} AS integer))`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

export function lost(side: Side, runEpoch: number, found: string): CrossfadeError {
  return new CrossfadeError('LEASE_LOST', `run ${runEpoch} no longer holds ${side}: the run there is ${found}`)
}
