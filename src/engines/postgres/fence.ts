/**
 * The fence: gate triggers take a shared advisory lock and read the state from a sequence, which is outside of MVCC, so that
 * a transaction with an old snapshot sees the newest state too. Whoever holds the lock exclusively has no writer in flight.
 */
import type { AuthorityState, Fence } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { lockBlockers } from './blockers.js'
import { SIDE_CLOSED_MARK, SIDE_CLOSED_STATE } from './classify-error.js'
import { inItsOwnBlock } from './client.js'
import type { SideContext } from './context.js'
import { quoteLiteral } from './literals.js'
import { longTransactions } from './long-transactions.js'
import { IS_OWN_SESSION, ensureMeta, triggerPrefix } from './meta.js'
import type { PostgresSession } from './session.js'
import {
  dropTriggers,
  installTriggers,
  listTriggers,
  missingTriggers,
  listPartitions,
  type TriggerPlan,
} from './triggers.js'

/** Between two statements under the lock pass milliseconds. */
const LOCK_IDLE_MS = 5000

export function createFence(context: SideContext): Fence {
  const { meta, side } = context
  const plans = (tables: readonly string[]) => tables.map((table) => gateOf(context, table))
  return {
    prepare: (initial) => context.withSession('fence', (session) => prepare(context, session, initial)),
    arm: (tables, options) =>
      context.withSession('gates', async (session) => {
        await installTriggers(context, session, plans(tables), 'gate', options)
        const [left] = await missingTriggers(context, session, plans(tables), 'gate')
        if (left) throw new CrossfadeError('STATEMENT_FAILED', `the gate is not on ${left.target} after it was made`)
      }),
    isArmed: (tables) =>
      context.withSession(
        'gates',
        async (session) => (await missingTriggers(context, session, plans(tables), 'gate')).length === 0,
      ),
    disarm: (tables, options) =>
      context.withSession('gates', async (session) => {
        const targets = new Set<string>()
        for (const table of tables) {
          // A table that has gone took its gates along.
          const parts = await listPartitions(session, context.location.namespace, table)
          for (const part of parts) targets.add(JSON.stringify([part.schema, part.table]))
        }
        const installed = await listTriggers(context, session, 'gate')
        await dropTriggers(
          session,
          installed.filter(({ schema, table }) => targets.has(JSON.stringify([schema, table]))),
          options,
        )
      }),
    exists: () => context.withSession('fence', (session) => exists(context, session)),
    read: () => context.standing.run((session) => read(context, session)),
    close: ({ epoch, budgetMs }) => context.standing.run((session) => close(context, session, epoch, budgetMs)),
    open: (epoch) =>
      context.standing.run(async (session) => {
        await session.transaction(() => writeRow(context, session, epoch, true))
        // Behind the commit: should it fail, the side is still closed.
        await session.query(setGate(context, epoch, true))
        await expectState(context, session, epoch, true)
      }),
    longTransactions: (olderThanMs) =>
      context.withSession('fence', (session) => longTransactions(session, olderThanMs)),
    remove: () =>
      context.withSession('fence', async (session) => {
        await dropTriggers(session, await listTriggers(context, session, 'gate'), {})
        await session.script(`DROP FUNCTION IF EXISTS ${meta.qualified.gateFunction}()`)
        await session.script(`DROP SEQUENCE IF EXISTS ${meta.qualified.gate}`)
        await session.script(`DROP TABLE IF EXISTS ${meta.qualified.authority}`)
      }),
  }

  function gateOf(owner: SideContext, table: string): TriggerPlan {
    const event = 'BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE'
    return {
      table,
      functionName: owner.meta.names.gateFunction,
      triggers: [{ name: triggerPrefix(side, 'gate'), event, action: 'FOR EACH STATEMENT' }],
    }
  }
}

/** The sequence holds twice the epoch, plus one where the side is open. What cannot be read counts as closed. */
function gateFunction({ side, meta }: SideContext): string {
  const gate = quoteLiteral(meta.qualified.gate)
  return `CREATE OR REPLACE FUNCTION ${meta.qualified.gateFunction}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $crossfade$
    DECLARE state bigint;
    BEGIN
      IF ${IS_OWN_SESSION} THEN RETURN NULL; END IF;
      PERFORM pg_advisory_xact_lock_shared(${meta.gateLock.text});
      state := pg_sequence_last_value(${gate}::regclass);
      IF coalesce(state % 2, 0) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = '${SIDE_CLOSED_STATE}', CONSTRAINT = '${SIDE_CLOSED_MARK}',
          MESSAGE = format('crossfade: side ${side} is closed, epoch %s', coalesce(state / 2, 0));
      END IF;
      RETURN NULL;
    END $crossfade$`
}

async function prepare(
  context: SideContext,
  session: PostgresSession,
  initial: { epoch: number; isWritable: boolean },
): Promise<void> {
  const { meta, side, majorVersion } = context
  await ensureMeta(session, meta, majorVersion)
  // Asked first: where gates are in place already, whoever waits for the lock behind a long transaction lets every writer wait.
  if (await exists(context, session)) return
  await session.transaction(async () => {
    await session.script(`SELECT pg_advisory_xact_lock(${meta.gateLock.text})`)
    if (await exists(context, session)) return
    await session.script(`CREATE TABLE IF NOT EXISTS ${meta.qualified.authority} (
      side text PRIMARY KEY, epoch bigint NOT NULL, is_writable boolean NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())`)
    await session.script(`CREATE SEQUENCE IF NOT EXISTS ${meta.qualified.gate} AS bigint MINVALUE 0 START 0 NO CYCLE`)
    await session.script(gateFunction(context))
    await session.execute(
      sql`INSERT INTO ${raw(meta.qualified.authority)} (side, epoch, is_writable) VALUES (${side}, ${initial.epoch}, ${initial.isWritable})
        ON CONFLICT (side) DO NOTHING`,
    )
    await session.query(setGate(context, initial.epoch, initial.isWritable))
  })
}

async function exists({ meta, side }: SideContext, session: PostgresSession): Promise<boolean> {
  const [row] = await session.query(
    sql`SELECT to_regclass(${meta.qualified.authority}) IS NOT NULL AND to_regclass(${meta.qualified.gate}) IS NOT NULL`,
  )
  if (row?.[0] !== 't') return false
  return (await session.query(sql`SELECT 1 FROM ${raw(meta.qualified.authority)} WHERE side = ${side}`)).length > 0
}

/** The sequence is the truth; the row is for people. */
async function read({ meta, side }: SideContext, session: PostgresSession): Promise<AuthorityState> {
  const [row] = await session.query(
    sql`SELECT last_value / 2, is_called AND last_value % 2 = 1 FROM ${raw(meta.qualified.gate)}`,
  )
  return { side, epoch: Number(row![0]), isWritable: row![1] === 't' }
}

async function close(
  context: SideContext,
  session: PostgresSession,
  epoch: number,
  budgetMs: number,
): ReturnType<Fence['close']> {
  // Applications that lock rows first form a circle with the fence. With a short timeout its own detector lets the writer
  // pass ahead of it. Needs a right that not every role has; without it the attempt runs into its budget.
  await session.script(inItsOwnBlock(`SET deadlock_timeout = '20ms'`))
  // Whoever is stopped with the lock in hand lets every writer wait: the server takes it away.
  await session.script(`SET idle_in_transaction_session_timeout = '${LOCK_IDLE_MS}ms'`)
  const start = performance.now()
  const waitedMs = () => Math.round(performance.now() - start)
  for (;;) {
    const leftMs = Math.max(1, Math.floor(budgetMs - waitedMs()))
    try {
      await session.transaction(async () => {
        await session.script(
          `SET LOCAL lock_timeout = '${leftMs}ms'; SELECT pg_advisory_xact_lock(${context.meta.gateLock.text})`,
        )
        await writeRow(context, session, epoch, false)
        // Last: the value stays also when the commit fails, and then the side is closed, which harms nobody.
        await session.query(setGate(context, epoch, false))
      })
      await expectState(context, session, epoch, false)
      return { fenced: true, waitedMs: waitedMs() }
    } catch (error) {
      if (!(error instanceof CrossfadeError && error.code === 'CONTENTION')) throw error
      const isVictim = waitedMs() < budgetMs - 1
      // A deadlock in which the fence was the victim leaves time for another try.
      if (isVictim) continue
      return { fenced: false, waitedMs: waitedMs(), blockers: await lockBlockers(session, context.meta.gateLock) }
    }
  }
}

async function writeRow(
  { meta, side }: SideContext,
  session: PostgresSession,
  epoch: number,
  isWritable: boolean,
): Promise<void> {
  const row = raw(meta.qualified.authority)
  const changed = await session.execute(
    sql`UPDATE ${row} SET epoch = ${epoch}, is_writable = ${isWritable}, at = clock_timestamp() WHERE side = ${side}`,
  )
  if (changed !== 1)
    throw new CrossfadeError(
      'STATEMENT_FAILED',
      `the authority row of ${side} is missing in ${meta.qualified.authority}`,
    )
}

function setGate({ meta }: SideContext, epoch: number, isWritable: boolean) {
  return sql`SELECT setval(${meta.qualified.gate}, ${epoch * 2 + (isWritable ? 1 : 0)})`
}

async function expectState(
  context: SideContext,
  session: PostgresSession,
  epoch: number,
  isWritable: boolean,
): Promise<void> {
  const state = await read(context, session)
  if (state.epoch === epoch && state.isWritable === isWritable) return
  const found = `${state.isWritable ? 'open' : 'closed'} at epoch ${state.epoch}`
  throw new CrossfadeError(
    'STATEMENT_FAILED',
    `the gate of ${context.side} is ${found} right after it was set to epoch ${epoch}`,
  )
}
