/** A connection for many statements. It passes the gate with each statement, so an idle lease never stands in a hold's way. */
import type { BeginOptions, StatementResult } from '../engines/pool-driver.js'
import { retryConflicts } from './conflict.js'
import type { PoolConnection, QueryOptions, StatementOptions, StreamOptions } from './connection.js'
import { Conversation, streamIsOpen, type Standing } from './conversation.js'
import { HostReadOnlyError, PoolError, SideClosedError } from './errors.js'
import type { Authority } from './gate.js'
import type { Slot } from './slot.js'
import type { Statement } from './statement.js'
import { runTransaction } from './transaction.js'
import { unlessAborted } from './unless-aborted.js'

export interface LeaseTransactionOptions extends BeginOptions, QueryOptions {
  /**
   * `work` runs again so often at most after a serialization failure, a deadlock or a lock wait that was too long, as
   * `pool.transaction` does. Each run passes the gate anew, so a pause stands in no hold's way. Default 0.
   */
  readonly retry?: number
}

/**
 * Session state does not move between sides. A lease that has run nothing yet follows the authority by itself; one that has
 * gets {@link SideClosedError} for the next statement after a switch, and {@link HostReadOnlyError} after a failover to another
 * host: release it and take another. Nothing is run again for that.
 */
export interface LeasedConnection extends PoolConnection, AsyncDisposable {
  transaction<T>(work: (connection: PoolConnection) => Promise<T>, options?: LeaseTransactionOptions): Promise<T>
  /** Gives it back; the session's state is forgotten. @throws {PoolError} CONNECTION_RELEASED the second time. */
  release(): void
}

export interface LeaseHooks {
  /** Passes the gate. */
  enter(signal: AbortSignal | undefined): Promise<Authority>
  leave(): void
  /** After each statement outside a transaction, and each transaction, which has none. */
  ran(statement?: Statement, params?: readonly unknown[]): Promise<void>
  /** What `work` borrows belongs to its transaction. */
  inside<T>(work: (run: <R>(code: () => R) => R) => Promise<T>): Promise<T>
  /** `work` gets a signal that aborts with the caller's, or when the pool ends. */
  untilEnded<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** A transaction is about to run again. */
  onConflict(): void
  /** A connection to the host that takes the writes now, in exchange for one to another host or side, which the lease gives back. */
  exchange(): Promise<Slot>
  giveBack(slot: Slot, wasUsed: boolean): void
}

export class Lease implements LeasedConnection {
  #isReleased = false
  #wasUsed = false
  /** The application opened a transaction with SQL of its own; it is in flight until that ends. */
  #isInside = false
  #last: Promise<unknown> = Promise.resolve()
  #open: AsyncGenerator<unknown, void, undefined> | undefined

  constructor(
    private slot: Slot,
    private authority: Authority,
    private readonly hooks: LeaseHooks,
  ) {}

  get side() {
    return this.authority.side
  }

  get epoch() {
    return this.authority.epoch
  }

  query<R>(
    statement: Statement,
    params: readonly unknown[] = [],
    options: StatementOptions = {},
  ): Promise<StatementResult<R>> {
    return this.#inTurn(options.signal, () =>
      new Conversation(this.slot, this.authority)
        .query<R>(statement, params, this.#standing, options)
        .finally(() => this.hooks.ran(statement, params)),
    )
  }

  async *stream<R>(
    statement: Statement,
    params: readonly unknown[] = [],
    options: StreamOptions = {},
  ): AsyncGenerator<R, void, undefined> {
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    let turn: Promise<void> = Promise.resolve()
    await new Promise<void>((begin, fail) => {
      turn = this.#inTurn(options.signal, () => {
        begin()
        return ended
      })
      turn.catch(fail)
    })
    const rows = new Conversation(this.slot, this.authority).stream<R>(statement, params, this.#standing, options)
    this.#open = rows
    try {
      yield* rows
    } finally {
      this.#open = undefined
      end()
      await turn
      await this.hooks.ran(statement, params)
    }
  }

  transaction<T>(work: (connection: PoolConnection) => Promise<T>, options: LeaseTransactionOptions = {}): Promise<T> {
    const { retry: retries, signal } = options
    const run = () =>
      this.hooks
        .inside((inside) =>
          runTransaction(
            new Conversation(this.slot, this.authority),
            (connection) => inside(() => work(connection)),
            options,
          ),
        )
        .finally(() => this.hooks.ran())
    if (retries === undefined) return this.#inTurn(signal, run)
    const onRetry = (): void => this.hooks.onConflict()
    return this.#inTurn(signal, run, (once) =>
      this.hooks.untilEnded(signal, (either) => retryConflicts({ retries, signal: either, onRetry }, once)),
    )
  }

  release(): void {
    if (this.#isReleased) throw new PoolError('CONNECTION_RELEASED', 'the connection was released before')
    this.#isReleased = true
    if (this.#isInside) {
      this.slot.unclean = 'unclean'
      this.hooks.leave()
    }
    this.hooks.giveBack(this.slot, this.#wasUsed)
  }

  /** After a release by hand it does nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.return()
    await this.#last
    if (!this.#isReleased) this.release()
  }

  get #standing(): Standing {
    return this.slot.connection.isInTransaction ? 'in-transaction' : 'single'
  }

  /** @param repeat runs it once, or more often, within its turn. */
  #inTurn<T>(
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
    repeat: (once: () => Promise<T>) => Promise<T> = (once) => once(),
  ): Promise<T> {
    if (this.#open !== undefined) return Promise.reject(streamIsOpen())
    const before = this.#last
    const turn = unlessAborted(before, signal).then(() => repeat(() => this.#once(signal, work)))
    // Who gives up while another one works does not let the next one pass.
    this.#last = turn.catch(() => undefined).then(() => before)
    return turn
  }

  async #once<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.#requireHeld()
    if (!this.#isInside) await this.#pass(signal)
    try {
      return await work()
    } finally {
      if (!this.#isReleased) {
        this.#isInside = !this.slot.connection.isDead && this.slot.connection.isInTransaction
        if (!this.#isInside) this.hooks.leave()
      }
    }
  }

  async #pass(signal: AbortSignal | undefined): Promise<void> {
    const authority = await this.hooks.enter(signal)
    try {
      this.#requireHeld()
      const { lane } = this.slot
      if (authority.side !== lane.side || lane.role !== 'primary') {
        if (this.#wasUsed && authority.side === lane.side) throw new HostReadOnlyError(lane.driver.where)
        if (this.#wasUsed) {
          const { side, epoch } = this.authority
          throw new SideClosedError(
            side,
            epoch,
            `this connection belongs to ${side}; ${authority.side} has the authority now`,
          )
        }
        const slot = await this.hooks.exchange()
        // Released meanwhile: the old one has been given back.
        if (this.#isReleased) this.hooks.giveBack(slot, false)
        this.#requireHeld()
        this.hooks.giveBack(this.slot, false)
        this.slot = slot
      }
      this.authority = authority
      this.#wasUsed = true
      // In flight from here on, also when it is released half-way.
      this.#isInside = true
    } catch (error) {
      this.hooks.leave()
      throw error
    }
  }

  #requireHeld(): void {
    if (this.#isReleased) throw new PoolError('CONNECTION_RELEASED', 'a query came after the release of its connection')
  }
}
