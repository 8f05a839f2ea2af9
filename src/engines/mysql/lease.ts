/** The fence against a left-behind orchestrator: see `WriterLease`, and run-sessions.ts for the sessions that write nothing. */
import type { WriterLease } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { ignoreNoDatabase } from './capture.js'
import type { SideContext } from './context.js'
import { ensureMetaDatabase } from './meta.js'
import { endEnlisted, expectRun, isEnlisted } from './run-sessions.js'
import type { MysqlSession } from './session.js'
import { pause } from './sleep.js'

/** Between looks for holders that have to be ended. The server refreshes its list of lock waits ten times a second. */
const LOOK_MS = 120

export function createLease(context: SideContext): WriterLease {
  const { meta } = context
  return {
    async take(runEpoch, graceMs) {
      // The sessions that take it are no run's yet.
      if (context.run.epoch !== runEpoch) context.run.epoch = undefined
      await context.withSession('crossfade lease', (session) => take(context, session, runEpoch, graceMs))
      context.run.epoch = runEpoch
      // They may be from before, and not enlisted.
      await Promise.all([context.standing.close(), context.killer.close()])
    },
    hold: (session, runEpoch) => expectRun(context, session as MysqlSession, runEpoch),
    async remove() {
      await context.withSession('crossfade lease', async (session) => {
        await session.execute(raw(`DROP TABLE IF EXISTS ${meta.run}`)).catch(ignoreNoDatabase)
        context.run.epoch = undefined
      })
    },
  }
}

async function take(context: SideContext, session: MysqlSession, runEpoch: number, graceMs: number): Promise<void> {
  const { meta, side } = context
  const run = raw(meta.run)
  await ensureMetaDatabase(session, meta.database)
  await session.execute(
    raw(
      `CREATE TABLE IF NOT EXISTS ${meta.run} (id TINYINT NOT NULL PRIMARY KEY, run_epoch BIGINT NOT NULL) ENGINE=InnoDB`,
    ),
  )
  await session.execute(sql`INSERT IGNORE INTO ${run} (id, run_epoch) VALUES (1, 0)`)
  const [row] = await session.query(sql`SELECT run_epoch FROM ${run} WHERE id = 1`)
  // Its own sessions may hold the lease already.
  if (String(row?.[0]) === String(runEpoch)) return
  await session.transaction(async () => {
    const ended = new AbortController()
    // Where it fails nobody is ended, and the UPDATE below gives up after the lock timeout.
    const ending = endHolders(context, session.id, graceMs, ended.signal).catch(() => undefined)
    let taken = 0
    try {
      // Waits for transactions that hold the row shared, and none of an older run can begin behind it.
      taken = await session.execute(
        sql`UPDATE ${run} SET run_epoch = ${runEpoch} WHERE id = 1 AND run_epoch < ${runEpoch}`,
      )
    } finally {
      ended.abort()
      await ending
    }
    if (taken !== 1) throw new CrossfadeError('LEASE_LOST', `${side} has been taken by a run after ${runEpoch}`)
    // Only while this run is the newest: the row's lock keeps newer ones out until all of it is done.
    await endEnlisted(context, session)
  })
}

/**
 * Ends whoever makes `waiting` wait, when it is enlisted: MariaDB gives every transaction that has not written the number 0, so
 * that its list of blockers names every reader of the server, the application's too.
 */
async function endHolders(context: SideContext, waiting: number, graceMs: number, isDone: AbortSignal): Promise<void> {
  await pause(graceMs, isDone).catch(() => undefined)
  if (isDone.aborted) return
  await context.withSession('crossfade lease', async (session) => {
    while (!isDone.aborted) {
      for (const [id] of await session.query(context.flavor.rowLockBlockers(waiting)))
        // It may have ended by itself.
        if (await isEnlisted(context, session, Number(id))) await context.killer.kill(Number(id)).catch(() => undefined)
      await pause(LOOK_MS, isDone).catch(() => undefined)
    }
  })
}
