/** Runs one transaction on a lent connection. */
import type { BeginOptions } from '../engines/pool-driver.js'
import { isConflict, isRefusedWrite } from './conflict.js'
import type { PoolConnection, QueryOptions, StatementOptions, StreamOptions } from './connection.js'
import { type Conversation, endedBefore, StaleConnectionError } from './conversation.js'
import { ConnectionLostError, OutcomeUnknownError, SideClosedError, TransactionAbortedError } from './errors.js'
import type { Slot } from './slot.js'
import type { Statement } from './statement.js'
import { unlessAborted } from './unless-aborted.js'

/**
 * Begins, runs `work`, commits. When the fence refused any of its writes, the transaction is rolled back and its
 * SideClosedError is thrown, even if `work` swallowed it.
 */
export async function runTransaction<T>(
  conversation: Conversation,
  work: (connection: PoolConnection) => Promise<T>,
  options: BeginOptions & QueryOptions,
): Promise<T> {
  const { slot } = conversation
  const { connection } = slot
  try {
    const begun = watched(slot, 'BEGIN', () => connection.begin(options))
    await (options.signal === undefined ? begun : unlessAborted(begun, options.signal))
  } catch (error) {
    // It may still begin.
    if (options.signal?.aborted === true) slot.unclean = 'unclean'
    if (!connection.isDead || options.signal?.aborted === true) throw error
    throw new StaleConnectionError('the connection died before the transaction began', { cause: error })
  }
  let result: T
  try {
    result = await work(asConnection(conversation, options.signal))
    options.signal?.throwIfAborted()
  } catch (error) {
    await rollback(conversation)
    throw outcomeOf(conversation, error)
  }
  // Most have nothing under way, and a wait for nothing is felt on a busy pool.
  const rest = conversation.finish()
  if (rest !== undefined) await rest
  if (connection.isDead) {
    const message = 'the connection died before the commit was sent'
    if (conversation.hasEnded) throw endedBefore(message, conversation.firstError)
    throw new ConnectionLostError(message, { cause: conversation.firstError })
  }
  if (conversation.refusal !== undefined || conversation.isRolledBack) {
    await rollback(conversation)
    throw outcomeOf(conversation, aborted(conversation))
  }
  let isCommitted: boolean
  try {
    isCommitted = await watched(slot, 'COMMIT', () => connection.commit())
  } catch (error) {
    throw await commitFailed(conversation, error)
  }
  if (!isCommitted) throw outcomeOf(conversation, aborted(conversation))
  return result
}

/** What to throw for an error of the work. Nothing that makes it run again when a part is committed. */
function outcomeOf(conversation: Conversation, error: unknown): unknown {
  const cause = conversation.refusal ?? error
  if (!conversation.hasEnded) return cause
  const saysNothingIs =
    cause instanceof SideClosedError ||
    cause instanceof TransactionAbortedError ||
    isConflict(cause) ||
    isRefusedWrite(cause, conversation.slot)
  return saysNothingIs ? endedBefore('the transaction was refused, or lost against another one', cause) : cause
}

async function commitFailed(conversation: Conversation, error: unknown): Promise<unknown> {
  const { connection, lane } = conversation.slot
  if (connection.isDead)
    return new OutcomeUnknownError(`the connection to ${lane.driver.where} died during COMMIT`, { cause: error })
  // The server answered: a deferred check failed, and everything is rolled back.
  const cause = conversation.explain(error, 'COMMIT', 'in-transaction', !conversation.hasEnded)
  await rollback(conversation)
  return cause
}

async function rollback(conversation: Conversation): Promise<void> {
  await conversation.finish()
  const { slot } = conversation
  if (slot.connection.isDead) return
  await watched(slot, 'ROLLBACK', () => slot.connection.rollback()).catch(() => {
    slot.unclean = 'unclean'
  })
}

/** For the log of slow statements: a COMMIT may take longest of all. */
function watched<T>(slot: Slot, sql: string, send: () => Promise<T>): Promise<T> {
  const watch = slot.lane.telemetry.query(slot, sql, true)
  const answer = send()
  if (watch !== undefined) {
    answer.then(
      () => watch.end(0),
      (error: unknown) => watch.end(undefined, error),
    )
  }
  return answer
}

function aborted(conversation: Conversation): TransactionAbortedError {
  return new TransactionAbortedError(
    'the server rolled the transaction back, because one of its statements had failed',
    {
      cause: conversation.firstError,
    },
  )
}

/** What the application's code gets. It may take `query` out of it, so nothing needs `this`. */
function asConnection(conversation: Conversation, signal: AbortSignal | undefined): PoolConnection {
  const { side, epoch } = conversation.authority
  const withSignal = <O extends QueryOptions>(options: O | undefined) =>
    signal === undefined ? options : { signal, ...options }
  return {
    side,
    epoch,
    query: (statement: Statement, params: readonly unknown[] = [], options?: StatementOptions) =>
      conversation.query(statement, params, 'in-transaction', withSignal(options)),
    stream: (statement: Statement, params: readonly unknown[] = [], options?: StreamOptions) =>
      conversation.stream(statement, params, 'in-transaction', withSignal(options)),
  }
}
