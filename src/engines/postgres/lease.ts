/**
 * The fence against a left-behind orchestrator. Holders share an advisory lock; its queue is fair, so a new run gets in also
 * while an old one keeps starting transactions (sharers of a row lock would pass ahead of it without end).
 */
import type { WriterLease } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { lockBlockers, ownHolders } from './blockers.js'
import type { SideContext } from './context.js'
import { ensureMeta } from './meta.js'
import { PostgresSession } from './session.js'

/** One try after the grace period; in between holders are ended. */
const RETRY_MS = 500
/** A session that is being ended rolls back first. Longer than this means that it cannot be ended. */
const END_MS = 30_000

export function createLease(context: SideContext): WriterLease {
  const { meta, side } = context
  return {
    take: (runEpoch, graceMs) => context.withSession('lease', (session) => take(context, session, runEpoch, graceMs)),
    hold: async (session, runEpoch) => {
      if (!(session instanceof PostgresSession)) throw new TypeError('this session is not one of PostgreSQL')
      // Two statements in one round trip: the second sees what was committed before the lock was granted.
      const [, rows] = await session.script(
        `SELECT pg_advisory_xact_lock_shared(${meta.leaseLock.text}); SELECT run_epoch FROM ${meta.qualified.run} WHERE id = 1`,
      )
      const found = rows?.[0]?.[0]
      if (found !== String(runEpoch)) throw lost(side, runEpoch, found === undefined ? 'none' : String(found))
    },
    remove: () =>
      context.withSession('lease', async (session) => {
        await session.script(`DROP TABLE IF EXISTS ${meta.qualified.run}`)
      }),
  }
}

async function take(context: SideContext, session: PostgresSession, runEpoch: number, graceMs: number): Promise<void> {
  const { meta, side, majorVersion } = context
  await ensureMeta(session, meta, majorVersion)
  const run = raw(meta.qualified.run)
  await session.script(
    `CREATE TABLE IF NOT EXISTS ${meta.qualified.run} (id smallint PRIMARY KEY, run_epoch bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
     INSERT INTO ${meta.qualified.run} (id, run_epoch) VALUES (1, 0) ON CONFLICT DO NOTHING`,
  )
  const [row] = await session.query(sql`SELECT run_epoch FROM ${run} WHERE id = 1`)
  // Its own sessions may hold the lease already.
  if (row![0] === String(runEpoch)) return
  const start = performance.now()
  for (;;) {
    const leftMs = Math.floor(graceMs - (performance.now() - start))
    try {
      const changed = await session.transaction(async () => {
        await session.script(
          `SET LOCAL lock_timeout = '${Math.max(leftMs, RETRY_MS)}ms'; SELECT pg_advisory_xact_lock(${meta.leaseLock.text})`,
        )
        return session.execute(
          sql`UPDATE ${run} SET run_epoch = ${runEpoch}, at = clock_timestamp() WHERE id = 1 AND run_epoch < ${runEpoch}`,
        )
      })
      if (changed === 1) return
      throw lost(side, runEpoch, 'a newer one')
    } catch (error) {
      if (!(error instanceof CrossfadeError && error.code === 'CONTENTION')) throw error
      await endHolders(context, session, performance.now() - start - graceMs, error)
    }
  }
}

/** The old run had its time. Only sessions of Crossfade take this lock, and only those are ended. */
async function endHolders(
  context: SideContext,
  session: PostgresSession,
  overMs: number,
  cause: CrossfadeError,
): Promise<void> {
  if (overMs < 0) return
  if (overMs > END_MS) {
    const who = (await lockBlockers(session, context.meta.leaseLock)).join('; ')
    throw new CrossfadeError('LEASE_HELD', `sessions of an older run on ${context.side} could not be ended: ${who}`, {
      cause,
    })
  }
  for (const pid of await ownHolders(session, context.meta.leaseLock)) {
    await session.query(sql`SELECT pg_terminate_backend(CAST(${pid} AS integer))`)
  }
}

function lost(side: string, runEpoch: number, found: string): CrossfadeError {
  return new CrossfadeError('LEASE_LOST', `run ${runEpoch} no longer holds ${side}: the run there is ${found}`)
}
