/** Borrowing and giving back: every way to a connection of the pool goes through here. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { awaitPrimary } from './await-primary.js'
import { isRefusedWrite, retryConflicts } from './conflict.js'
import type { QueryOptions } from './connection.js'
import { StaleConnectionError } from './conversation.js'
import type { Grant } from './desk.js'
import { SideClosedError } from './errors.js'
import type { Target } from './lane.js'
import { LeakWatch } from './leaks.js'
import type { RequestOptions, RequestRank } from './queue.js'
import { tellLeak } from './events.js'
import { awaitNewerAuthority } from './rerun.js'
import type { Slot } from './slot.js'
import type { PoolParts } from './wiring.js'

export interface RetryOptions {
  /**
   * Runs it again, on the side that has the authority by then, when the fence refused it and so nothing was committed;
   * as well when its host refused a write because it takes none, as soon as a host of the side takes them.
   * Default true. False throws {@link SideClosedError}, or the error of the driver. A number does the same as true, and besides runs it again so often at
   * most after a serialization failure, a deadlock or a lock wait that was too long (SQLSTATE 40001, 40P01; 1213, 1205, 1020),
   * with growing pauses and jitter. A COMMIT without an answer is never repeated: {@link OutcomeUnknownError}.
   */
  readonly retry?: boolean | number
}

export interface GrantOptions extends QueryOptions, RetryOptions {
  /** Default `primary`. */
  readonly target?: Target
  /** When the wait began, on the clock of `performance.now()`. Default now. */
  readonly since?: number
}

export class Lending {
  /** Set while the code runs inside a transaction of this pool; false once that has ended. */
  readonly #inside = new AsyncLocalStorage<{ isOpen: boolean }>()

  readonly #leaks: LeakWatch
  readonly #ended = new AbortController()

  constructor(private readonly parts: PoolParts) {
    this.#leaks = new LeakWatch(parts.options.leakAfterMs, (leak) => tellLeak(parts.events, leak))
    parts.desk.onLent = (slot, origin) => this.#lent(slot, origin)
  }

  /** Refuses those who are about to run again. */
  fail(reason: Error): void {
    this.#ended.abort(reason)
  }

  /** Nothing is watched any more. */
  stop(): void {
    this.#leaks.stop()
  }

  get isNested(): boolean {
    return this.#inside.getStore()?.isOpen === true
  }

  /** What `work` borrows belongs to an open transaction, which cannot end without it. */
  inside<T>(work: (run: <R>(code: () => R) => R) => Promise<T>): Promise<T> {
    const inside = { isOpen: true }
    const ended = work((code) => this.#inside.run(inside, code))
    closeWhen(ended, inside)
    return ended
  }

  /** As {@link inside}, for a transaction that somebody else ends. */
  within<T>(ended: Promise<unknown>, code: () => T): T {
    const inside = { isOpen: true }
    closeWhen(ended, inside)
    return this.#inside.run(inside, code)
  }

  /** Borrows, works, gives back; again as {@link RetryOptions} says, or when the connection was dead before anything was sent. */
  withGrant<T>(options: GrantOptions, work: (grant: Grant) => Promise<T>): Promise<T> {
    const origin = this.#leaks.origin()
    const rank: RequestRank = this.isNested ? 'nested' : 'fresh'
    if (typeof options.retry !== 'number') return this.#attempt(options, work, rank, origin)
    const { counts } = this.parts.statistics
    const onRetry = (): void => void (counts.conflictReruns += 1)
    const { retry: retries } = options
    return this.untilEnded(options.signal, (signal) =>
      retryConflicts({ retries, signal, onRetry }, (isAgain) =>
        this.#attempt(options, work, isAgain && rank === 'fresh' ? 'again' : rank, origin),
      ),
    )
  }

  /** `work` gets a signal that aborts with the caller's, or when the pool ends. */
  async untilEnded<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ended = this.#ended.signal
    if (signal === undefined) return work(ended)
    // Not `AbortSignal.any`: on Node 20 a source that lives long keeps something of each of those.
    const either = new AbortController()
    const sources = [signal, ended]
    const onAbort = (): void => either.abort(sources.find(({ aborted }) => aborted)!.reason)
    for (const source of sources) source.addEventListener('abort', onAbort, { once: true })
    if (sources.some(({ aborted }) => aborted)) onAbort()
    try {
      return await work(either.signal)
    } finally {
      for (const source of sources) source.removeEventListener('abort', onAbort)
    }
  }

  async #attempt<T>(
    options: GrantOptions,
    work: (grant: Grant) => Promise<T>,
    firstRank: RequestRank,
    origin: Error | undefined,
  ): Promise<T> {
    const { gate, statistics, options: poolOptions } = this.parts
    let rank = firstRank
    let { target = 'primary' } = options
    let refusedSince: number | undefined
    let contradictions = 0
    let since = options.since ?? performance.now()
    for (let refusals = 0; ;) {
      let refusal: SideClosedError | undefined
      let refusedWrite: unknown
      const grant = await this.borrow({ rank, target, signal: options.signal, since, origin })
      const { link } = this.parts
      const lentAt = performance.now()
      try {
        return await work(grant)
      } catch (error) {
        // Only waiting counts as such.
        since += performance.now() - lentAt
        // Of another connection that the application has, it says nothing about this one.
        if (error instanceof StaleConnectionError && grant.slot.connection.isDead) {
          if (rank === 'fresh') rank = 'again'
          continue
        }
        this.#count(error)
        if (isRefusedWrite(error, grant.slot) && options.retry !== false) {
          refusedWrite = error
          // Nobody watches a lone host; its name may lead to another one by now.
          if (this.parts.sides.isLone(grant.slot.lane)) grant.slot.unclean = 'unclean'
        } else if (!isRefusalOf(grant, error) || options.retry === false || link === undefined) throw error
        else refusal = error
      } finally {
        this.giveBack(grant.slot)
        gate.leave()
      }
      if (refusal === undefined || link === undefined) {
        const { lane } = grant.slot
        const cluster = this.parts.sides.clusters[lane.side]!
        const untilMs = since + poolOptions.acquireTimeoutMs
        const refused = { error: refusedWrite, cluster, contradictions, lane, untilMs }
        const isContradiction = await this.untilEnded(options.signal, (signal) => awaitPrimary({ ...refused, signal }))
        if (isContradiction) contradictions += 1
        statistics.counts.reruns += 1
        if (rank === 'fresh') rank = 'again'
        target = 'primary'
        continue
      }
      refusedSince ??= performance.now()
      refusals += 1
      const untilMs = refusedSince + poolOptions.holdTimeoutMs
      const refused = { refusal, refusals, untilMs, gate, link }
      await this.untilEnded(options.signal, (signal) => awaitNewerAuthority({ ...refused, signal }))
      statistics.counts.reruns += 1
      if (rank === 'fresh') rank = 'again'
      // The wait for the side that has the authority is over; it had a limit of its own.
      since = performance.now()
    }
  }

  /** Where a stream was asked for, which borrows only when it is read. */
  origin(): Error | undefined {
    return this.#leaks.origin()
  }

  /** As {@link withGrant} for rows. What has given a row does not begin again. */
  async *stream<R>(
    { signal, target = 'primary', since = performance.now() }: Omit<GrantOptions, 'retry'>,
    open: (grant: Grant) => AsyncGenerator<R>,
    origin: Error | undefined,
  ): AsyncGenerator<R, void, undefined> {
    let rank: RequestRank = this.isNested ? 'nested' : 'fresh'
    for (;;) {
      const grant = await this.borrow({ rank, target, signal, since, origin })
      try {
        yield* open(grant)
        return
      } catch (error) {
        if (!(error instanceof StaleConnectionError)) {
          this.#count(error)
          throw error
        }
        if (rank === 'fresh') rank = 'again'
      } finally {
        this.giveBack(grant.slot)
        this.parts.gate.leave()
      }
    }
  }

  /** The grant has passed the gate: the caller gives the slot back, and leaves the gate. */
  borrow(options: RequestOptions): Promise<Grant> {
    const { origin = this.#leaks.origin() } = options
    const request = this.parts.desk.request(origin === undefined ? options : { ...options, origin })
    if (!request.isSettled) this.parts.events.emit('enqueue')
    return request.promise
  }

  #lent(slot: Slot, origin: Error | undefined): void {
    this.#leaks.lent(slot, origin)
    this.parts.events.emit('acquire', { id: slot.connection.id, side: slot.lane.side })
  }

  giveBack(slot: Slot): void {
    const { desk, events } = this.parts
    // BEGIN belongs into `transaction` or a lease: the next borrower must not find itself inside one.
    if (slot.connection.isInTransaction) slot.unclean = 'unclean'
    this.#leaks.returned(slot)
    events.emit('release', { id: slot.connection.id, side: slot.lane.side })
    slot.lane.give(slot)
    desk.settleDrain()
  }

  /** A lease may have left settings, temporary tables or locks behind. */
  cleanUp(slot: Slot, wasUsed: boolean): void {
    if (!wasUsed || slot.unclean !== undefined || slot.connection.isDead) {
      this.giveBack(slot)
      return
    }
    slot.connection
      .reset()
      .catch(() => {
        slot.unclean = 'unclean'
      })
      .finally(() => this.giveBack(slot))
      .catch(() => undefined)
  }

  #count(error: unknown): void {
    const { statistics, events } = this.parts
    statistics.failed(error)
    if (error instanceof SideClosedError) {
      statistics.counts.refused += 1
      events.emit('refused', error)
    } else if (error instanceof Error && error.name === 'OutcomeUnknownError') {
      statistics.counts.outcomeUnknown += 1
    }
  }
}

function closeWhen(ended: Promise<unknown>, inside: { isOpen: boolean }): void {
  const close = () => {
    inside.isOpen = false
  }
  ended.then(close, close)
}

/** Not that of another connection. */
function isRefusalOf({ authority: { side, epoch } }: Grant, error: unknown): error is SideClosedError {
  return error instanceof SideClosedError && error.side === side && error.epoch === epoch
}
