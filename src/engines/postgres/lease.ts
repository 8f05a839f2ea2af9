/**
 * The fence against a left-behind orchestrator. Writing transactions share an advisory lock; its queue is fair, so a new run gets
 * in also while an old one keeps starting them (sharers of a row lock would pass ahead of it without end). The old run's other
 * sessions are ended before the new one has the side: see run-sessions.ts.
 */
import type { WriterLease } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { lockBlockers, ownHolders } from './blockers.js'
import type { SideContext } from './context.js'
import { ensureMeta } from './meta.js'
import { END_MS, endEnlisted, expectRun, lost } from './run-sessions.js'
import { PostgresSession } from './session.js'

/** One try after the grace period; in between holders are ended. */
const RETRY_MS = 500

export function createLease(context: SideContext): WriterLease {
  const { meta, side } = context
  return {
    take: async (runEpoch, graceMs) => {
      // The session that takes it is no run's yet.
      if (context.run.epoch !== runEpoch) context.run.epoch = undefined
      await context.withSession('lease', (session) => take(context, session, runEpoch, graceMs))
      context.run.epoch = runEpoch
      // It may be from before, and not enlisted.
      await context.standing.close()
    },
    hold: async (session, runEpoch) => {
      if (!(session instanceof PostgresSession)) throw new TypeError('this session is not one of PostgreSQL')
      await expectRun(session, side, meta, runEpoch)
    },
    remove: () =>
      context.withSession('lease', async (session) => {
        await session.script(`DROP TABLE IF EXISTS ${meta.qualified.run}`)
        context.run.epoch = undefined
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
        const taken = await session.execute(
          sql`UPDATE ${run} SET run_epoch = ${runEpoch}, at = clock_timestamp() WHERE id = 1 AND run_epoch < ${runEpoch}`,
        )
        // Only while this run is the newest: the lock keeps newer ones out until all of it is done.
        if (taken === 1) await endEnlisted(session, side, meta)
        return taken
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
