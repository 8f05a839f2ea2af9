/** The fence against a left-behind orchestrator: see `WriterLease`. */
import { createHash } from 'node:crypto'
import type { WriterLease } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { ignoreNoDatabase } from './capture.js'
import { errnoOf } from './classify-error.js'
import type { SideContext } from './context.js'
import { ensureMetaDatabase } from './meta.js'
import type { MysqlSession } from './session.js'
import { pause } from './sleep.js'

const NO_SUCH_TABLE = 1146
/** Between looks for holders that have to be ended. The server refreshes its list of lock waits ten times a second. */
const LOOK_MS = 120

export function createLease(context: SideContext): WriterLease {
  const { meta, side } = context
  const run = raw(meta.run)
  return {
    async take(runEpoch, graceMs) {
      await context.withSession('crossfade lease', async (session) => {
        await ensureMetaDatabase(session, meta.database)
        await session.execute(
          raw(
            `CREATE TABLE IF NOT EXISTS ${meta.run} (id TINYINT NOT NULL PRIMARY KEY, run_epoch BIGINT NOT NULL) ENGINE=InnoDB`,
          ),
        )
        await session.execute(sql`INSERT IGNORE INTO ${run} (id, run_epoch) VALUES (1, 0)`)
        const ended = new AbortController()
        // Where it fails nobody is ended, and the UPDATE below gives up after the lock timeout.
        const ending = endHolders(context, session.id, graceMs, ended.signal).catch(() => undefined)
        try {
          // Waits for transactions that hold the row shared, and none of an older run can begin behind it.
          await session.execute(
            sql`UPDATE ${run} SET run_epoch = ${runEpoch} WHERE id = 1 AND run_epoch <= ${runEpoch}`,
          )
        } finally {
          ended.abort()
          await ending
        }
        const current = await readRun(context, session, false)
        if (current !== runEpoch) throw new CrossfadeError('LEASE_LOST', `${side} has been taken by run ${current}`)
      })
    },
    async hold(session, runEpoch) {
      let current: number | undefined
      try {
        current = await readRun(context, session as MysqlSession, true)
      } catch (error) {
        if (errnoOf(error) !== NO_SUCH_TABLE) throw error
      }
      if (current !== runEpoch) {
        throw new CrossfadeError(
          'LEASE_LOST',
          `run ${runEpoch} has lost ${side}: it belongs to ${current === undefined ? 'no run' : `run ${current}`}`,
        )
      }
    },
    async remove() {
      await context.withSession('crossfade lease', async (session) => {
        await session.execute(raw(`DROP TABLE IF EXISTS ${meta.run}`)).catch(ignoreNoDatabase)
      })
    },
  }
}

async function readRun({ meta }: SideContext, session: MysqlSession, locks: boolean): Promise<number | undefined> {
  // The user lock says whose connection this is, to whoever has to end it; it lasts as long as the connection.
  const mark = locks ? sql`, GET_LOCK(${holderMark(meta.database, session.id)}, 0)` : raw('')
  const lock = raw(locks ? ' LOCK IN SHARE MODE' : '')
  const [row] = await session.query(sql`SELECT run_epoch${mark} FROM ${raw(meta.run)} WHERE id = 1${lock}`)
  return row ? Number(row[0]) : undefined
}

/** Name of the user lock that a holder's connection has; 64 characters at most. */
function holderMark(database: string, connection: number): string {
  return `crossfade-${createHash('sha256').update(database).digest('hex').slice(0, 16)}-${connection}`
}

/**
 * Ends whoever makes `waiting` wait, when its mark says that it is an older holder: MariaDB gives every transaction that has not
 * written the number 0, so that its list of blockers names every reader of the server, the application's too.
 */
async function endHolders(context: SideContext, waiting: number, graceMs: number, isDone: AbortSignal): Promise<void> {
  await pause(graceMs, isDone).catch(() => undefined)
  if (isDone.aborted) return
  await context.withSession('crossfade lease', async (session) => {
    while (!isDone.aborted) {
      for (const [id] of await session.query(context.flavor.rowLockBlockers(waiting))) {
        const mark = holderMark(context.meta.database, Number(id))
        const [owner] = await session.query(sql`SELECT IS_USED_LOCK(${mark})`)
        // It may have ended by itself.
        if (String(owner?.[0]) === String(id)) await context.killer.kill(Number(id)).catch(() => undefined)
      }
      await pause(LOOK_MS, isDone).catch(() => undefined)
    }
  })
}
