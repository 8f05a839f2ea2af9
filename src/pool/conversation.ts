/** What a borrower holds: statements on one connection, one after the other, with errors that say what became of them. */
import type { Row, StatementResult } from '../engines/pool-driver.js'
import { markConflict, markRefusedWrite } from './conflict.js'
import type { StatementOptions, StreamOptions } from './connection.js'
import { ConnectionLostError, OutcomeUnknownError, PoolError, SideClosedError } from './errors.js'
import type { Authority } from './gate.js'
import type { Slot } from './slot.js'
import { unlessAborted } from './unless-aborted.js'
import { firstWords, isPlainRead, mayCommitInParts, mayEndTransaction, textFor, type Statement } from './statement.js'

const BATCH_ROWS = 500

/** Words of what may begin a transaction, also with the end of another one (AND CHAIN, completion_type). */
const BEGINNING = /\b(begin|start|commit|rollback|call|execute)\b/i

/** A server that does not answer a request to stop is given up, and the connection with it. */
const CANCEL_GRACE_MS = 5_000

export function streamIsOpen(): PoolError {
  return new PoolError('STREAM_OPEN', 'a statement came while a stream of its connection was open')
}

/** What an error in, or the end of, a transaction means that one of its own statements had ended before. */
export function endedBefore(message: string, cause?: unknown): OutcomeUnknownError {
  const what = `${message}; one of its statements had ended the transaction, and what came before it is committed`
  return new OutcomeUnknownError(what, { cause })
}

/** The connection was dead before anything was sent: any other one will do. */
export class StaleConnectionError extends ConnectionLostError {}

/** Where a statement stands: decides what its loss means. `read`: it has no effect, as a parser or the caller says. */
export type Standing = 'single' | 'read' | 'in-transaction'

/** The connection of a borrower, whose statements follow one another. */
export class Conversation {
  #last: Promise<void> = Promise.resolve()
  #unfinished = 0
  #isOver = false
  #open: AsyncGenerator<Row[], void, undefined> | undefined
  /** The fence's refusal, even when the application swallowed it. */
  refusal: SideClosedError | OutcomeUnknownError | undefined
  /** The first error of a statement. */
  firstError: unknown
  /** The server ended the transaction; going on would commit the rest statement by statement. */
  isRolledBack = false
  /** One of its statements has ended the transaction (COMMIT, or DDL on MySQL), or may have: a part may be committed. */
  hasEnded = false

  constructor(
    readonly slot: Slot,
    readonly authority: Authority,
  ) {}

  query<R>(
    statement: Statement,
    params: readonly unknown[],
    standing: Standing,
    options: StatementOptions = {},
  ): Promise<StatementResult<R>> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    // Most come one after the other and need not be lined up.
    const before = this.#unfinished === 0 ? undefined : this.#last
    const start = () => this.single<R>(statement, params, standing, options)
    const run = before === undefined ? start() : unlessAborted(before, options.signal).then(start)
    this.#unfinished += 1
    const end = run.then(this.#onFinished, this.#onFinished)
    // Who gives up while another one works does not let the next one pass.
    this.#last = before === undefined ? end : end.then(() => before)
    return run
  }

  async *stream<R>(
    statement: Statement,
    params: readonly unknown[],
    standing: Standing,
    { signal, batchRows = BATCH_ROWS }: StreamOptions = {},
  ): AsyncGenerator<R, void, undefined> {
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    const sql = textFor(statement, this.authority.side)
    const { slot } = this
    const open = (this.#open = slot.connection.stream(sql, params, batchRows))
    let stopWatching = (): Promise<void> => Promise.resolve()
    let watch: ReturnType<Slot['lane']['telemetry']['query']>
    let rowCount = 0
    let isRead = false
    try {
      await this.#last
      this.#begin(sql, standing, signal)
      stopWatching = this.#watch(signal)
      watch = slot.lane.telemetry.query(slot, sql, standing === 'in-transaction')
      for await (const rows of open) {
        rowCount += rows.length
        for (const row of rows) {
          yield row as R
          signal?.throwIfAborted()
        }
      }
      isRead = true
      this.#succeeded(sql, standing)
      // What was asked to stop may end as if it were complete.
      signal?.throwIfAborted()
      if (slot.connection.isDead) throw new Error('the connection was dropped')
      if (this.#isOver)
        throw new PoolError('CONNECTION_RELEASED', 'the transaction of a stream ended before the stream')
    } catch (error) {
      watch?.end(undefined, error)
      watch = undefined
      if (error instanceof PoolError) throw error
      if (signal?.aborted === true) throw signal.reason
      const cause = this.explain(error, sql, standing)
      this.firstError ??= cause
      throw cause
    } finally {
      await open.return()
      // Left early, or aborted: nobody has seen its end.
      if (!isRead && standing === 'in-transaction' && !this.#isWhole(sql, standing)) this.hasEnded = true
      watch?.end(rowCount)
      await stopWatching()
      this.#open = undefined
    }
  }

  /** Takes no more statements. Undefined when nothing is under way that nobody awaited. */
  finish(): Promise<void> | undefined {
    this.#isOver = true
    return this.#open === undefined && this.#unfinished === 0 ? undefined : this.#finished()
  }

  /** As {@link query}, for the only statement of a borrower: nothing is lined up. */
  single<R>(
    statement: Statement,
    params: readonly unknown[],
    standing: Standing,
    { signal, prepare, driver }: StatementOptions = {},
  ): Promise<StatementResult<R>> {
    let sql: string
    try {
      sql = textFor(statement, this.authority.side)
      this.#begin(sql, standing, signal)
    } catch (error) {
      // Not of an asynchronous function: on a busy pool each promise more is felt.
      return Promise.reject(error as Error)
    }
    const { connection, lane } = this.slot
    const stopWatching = signal && this.#watch(signal)
    const watch = lane.telemetry.query(this.slot, sql, standing === 'in-transaction')
    const isPlain = prepare !== true && driver === undefined
    const sent = connection.query(sql, params, isPlain ? undefined : { isPrepared: prepare ?? false, driver })
    const answer = sent.then(
      (result) => {
        watch?.end(result.rowCount)
        this.#succeeded(sql, standing)
        return result as StatementResult<R>
      },
      (error: unknown) => {
        // Drivers' own leads to their socket; from here it leads to the application.
        if (error instanceof Error) Error.captureStackTrace(error)
        watch?.end(undefined, error)
        const cause = this.explain(error, sql, standing)
        this.firstError ??= cause
        throw signal?.aborted === true && cause === error ? signal.reason : cause
      },
    )
    return stopWatching === undefined ? answer : answer.finally(stopWatching)
  }

  async #finished(): Promise<void> {
    if (this.#open !== undefined) await this.#open.return()
    await this.#last
  }

  readonly #onFinished = (): void => {
    this.#unfinished -= 1
  }

  #refusal(): PoolError | undefined {
    if (this.#isOver) return new PoolError('CONNECTION_RELEASED', 'a query came after its transaction had ended')
    if (this.#open !== undefined) return streamIsOpen()
    return undefined
  }

  /** Nothing was sent yet, and perhaps nothing must be. */
  #begin(sql: string, standing: Standing, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    if (this.isRolledBack) throw this.firstError
    if (this.refusal !== undefined) throw this.refusal
    const { connection, lane } = this.slot
    if (connection.isDead) {
      const message = `the connection to ${lane.driver.where} had died before "${firstWords(lane.driver.redact(sql))}" was sent`
      if (standing !== 'in-transaction') throw new StaleConnectionError(message)
      throw this.hasEnded ? endedBefore(message) : new ConnectionLostError(message)
    }
    this.slot.sql = sql
  }

  /**
   * The error to throw for an error of the driver.
   * @param isWhole nothing of it, and of its transaction, is committed when the server refuses it.
   */
  explain(error: unknown, sql: string, standing: Standing, isWhole = this.#isWhole(sql, standing)): unknown {
    const { lane, connection } = this.slot
    const fault = connection.isDead ? 'lost' : lane.driver.fault(error)
    const { side, epoch } = this.authority
    lane.measures.errors[fault] += 1
    if (standing === 'in-transaction') {
      if (!isWhole) this.hasEnded = true
      else if (!connection.isInTransaction) this.isRolledBack = true
    }
    if (fault === 'side-closed' && !isWhole) {
      const message = `${side} refused a write of "${firstWords(lane.driver.redact(sql))}"; a part of it may be committed`
      // Says less than an earlier refusal that nothing is.
      if (!(this.refusal instanceof OutcomeUnknownError))
        this.refusal = new OutcomeUnknownError(message, { cause: error })
      return this.refusal
    }
    if (fault === 'side-closed') {
      this.refusal ??= new SideClosedError(side, epoch, `${side} refused a write at epoch ${epoch}`, { cause: error })
      return this.refusal
    }
    if (isWhole && lane.driver.isConflict(error)) markConflict(error)
    if (isWhole && fault === 'read-only') markRefusedWrite(error, this.slot)
    if (fault === 'read-only') lane.suspect()
    if (fault !== 'lost') return error
    const mayHaveCommitted =
      standing === 'single' ? !isPlainRead(lane.driver.bare(sql)) : standing === 'in-transaction' && !isWhole
    if (standing !== 'in-transaction' && lane.driver.farewell(error) === 'idle')
      return new StaleConnectionError(`${lane.driver.where} had put out an idle connection`, { cause: error })
    const message = `the connection to ${lane.driver.where} died during "${firstWords(lane.driver.redact(sql))}"`
    if (mayHaveCommitted) return new OutcomeUnknownError(`${message}; it may have taken effect`, { cause: error })
    return new ConnectionLostError(`${message}; nothing was committed`, { cause: error })
  }

  /** It is committed as a whole or not at all. */
  #isWhole(sql: string, standing: Standing): boolean {
    const { driver } = this.slot.lane
    if (standing !== 'in-transaction') return !mayCommitInParts(driver.bare(sql))
    if (this.hasEnded) return false
    // The server says that it goes on, unless another one has begun.
    if (this.slot.connection.isInTransaction && !this.slot.connection.isDead && !BEGINNING.test(sql)) return true
    return !mayEndTransaction(driver.bare(sql), driver.keepsTransactions)
  }

  #succeeded(sql: string, standing: Standing): void {
    if (standing !== 'in-transaction') return
    // What ends a transaction and begins the next one is not to be seen in the state.
    if (!this.slot.connection.isInTransaction || (BEGINNING.test(sql) && !this.#isWhole(sql, standing)))
      this.hasEnded = true
  }

  /** Asks the server to stop when the signal aborts. The connection is not lent again: a late request could hit its next statement. */
  #watch(signal: AbortSignal | undefined): () => Promise<void> {
    if (signal === undefined) return () => Promise.resolve()
    const { connection } = this.slot
    let cancelling: Promise<void> | undefined
    let timer: NodeJS.Timeout | undefined
    const cancel = () => {
      this.slot.unclean = 'unclean'
      timer = setTimeout(() => connection.destroy(), CANCEL_GRACE_MS)
      cancelling = connection.cancel().catch(() => undefined)
    }
    signal.addEventListener('abort', cancel, { once: true })
    return async () => {
      signal.removeEventListener('abort', cancel)
      await cancelling
      clearTimeout(timer)
    }
  }
}
