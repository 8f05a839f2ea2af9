/** The pool: lends connections of the side that has the authority, through the gate, first come first served. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import type { Side } from '../engines/engine.js'
import { openGateClient } from '../engines/gate-board.js'
import { openPoolDriver, type BeginOptions, type Row, type StatementResult } from '../engines/pool-driver.js'
import { BoardLink } from './board-link.js'
import { Conversation, StaleConnectionError, type PoolConnection, type QueryOptions } from './connection.js'
import { Desk, type Grant } from './desk.js'
import { PoolEndedError, SideClosedError } from './errors.js'
import type { PoolEvents } from './events.js'
import { Gate, type GateState } from './gate.js'
import { Lane } from './lane.js'
import { Lease, type LeasedConnection } from './lease.js'
import { resolveOptions, type PoolOptions, type ResolvedOptions } from './options.js'
import type { RequestRank } from './queue.js'
import { Sides } from './sides.js'
import type { Slot } from './slot.js'
import { awaitNewerAuthority } from './rerun.js'
import type { Statement } from './statement.js'
import { Statistics, type PoolStats } from './stats.js'
import { runTransaction } from './transaction.js'

export interface RetryOptions {
  /**
   * Runs it again, on the side that has the authority by then, when the fence refused it and so nothing was committed.
   * Default true. False throws {@link SideClosedError}.
   */
  readonly retry?: boolean
}

export interface TransactionOptions extends BeginOptions, QueryOptions, RetryOptions {}

const REAP_MAX_MS = 30_000

export class Pool extends EventEmitter<PoolEvents> {
  readonly #options: ResolvedOptions
  readonly #statistics = new Statistics()
  readonly #gate: Gate
  readonly #desk: Desk
  readonly #sides = new Sides()
  /** Set while the code runs inside a transaction of this pool; false once that has ended. */
  readonly #inside = new AsyncLocalStorage<{ isOpen: boolean }>()
  readonly #reaper: NodeJS.Timeout
  #link: BoardLink | undefined
  #side: Side
  #ending: Promise<void> | undefined
  readonly #started: Promise<void>

  constructor(options: PoolOptions = {}) {
    super()
    this.#options = resolveOptions(options)
    this.#side = this.#options.side
    this.#gate = new Gate({ side: this.#side, epoch: 0 }, (state) => this.#gateChanged(state))
    this.#desk = new Desk(this.#options, this.#gate, this.#sides.lanes, this.#statistics)
    const reapMs = Math.min(REAP_MAX_MS, Math.max(50, this.#options.idleTimeoutMs / 2))
    this.#reaper = setInterval(() => this.#reap(), reapMs)
    this.#reaper.unref()
    this.#started = this.#start().catch((error: unknown) => this.#desk.fail(error))
  }

  /** One statement, outside a transaction. PostgreSQL: `$1`; MySQL, MariaDB: `?`. */
  async query<R = Row>(
    statement: Statement,
    params: readonly unknown[] = [],
    options: QueryOptions & RetryOptions = {},
  ): Promise<StatementResult<R>> {
    return this.#withGrant(options, async ({ slot, authority }) => {
      const result = await new Conversation(slot, authority).query<R>(statement, params, 'single', options.signal)
      // BEGIN belongs into `transaction` or a lease: the next borrower must not find itself inside one.
      if (slot.connection.isInTransaction) slot.unclean = 'unclean'
      return result
    })
  }

  /**
   * Runs `work` in a transaction and commits when it returns. `work` may run more than once (see {@link RetryOptions}), each
   * time in a new transaction after nothing of the former was committed: keep effects outside the database behind it.
   */
  async transaction<T>(work: (connection: PoolConnection) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#withGrant(options, async ({ slot, authority }) => {
      const inside = { isOpen: true }
      try {
        const run = (connection: PoolConnection) => this.#inside.run(inside, () => work(connection))
        return await runTransaction(new Conversation(slot, authority), run, options)
      } finally {
        inside.isOpen = false
      }
    })
  }

  /** A connection for many statements: `await using connection = await pool.connection()`. */
  async connection(options: QueryOptions = {}): Promise<LeasedConnection> {
    const { slot, authority } = await this.#borrow('fresh', options.signal)
    this.#gate.leave()
    return new Lease(slot, authority, {
      enter: (signal) => this.#desk.enter(this.#isNested(), signal),
      leave: () => this.#gate.leave(),
      exchange: async (old) => {
        // The lease has passed the gate already; the new connection passes with it.
        this.#return(old)
        const grant = await this.#borrow('nested', options.signal)
        this.#gate.leave()
        return grant.slot
      },
      giveBack: (old, wasUsed) => this.#cleanUp(old, wasUsed),
    })
  }

  stats(): PoolStats {
    const lanes = Object.values(this.#sides.lanes)
    const sum = (of: (lane: Lane) => number) => lanes.reduce((total, lane) => total + of(lane), 0)
    return {
      ...this.#gate.authority,
      gate: this.#gate.state,
      isLinked: this.#link?.isLinked ?? this.#options.journal === undefined,
      min: this.#options.min,
      max: this.#options.max,
      total: sum((lane) => lane.total),
      idle: sum((lane) => lane.idle),
      inUse: sum((lane) => lane.inUse),
      connecting: sum((lane) => lane.connecting),
      waiting: this.#desk.waiting,
      inFlight: this.#gate.inFlight,
      oldestBorrower: this.#desk.oldestBorrower,
      counts: { ...this.#statistics.counts },
      holds: this.#statistics.holds,
      closed: { ...this.#statistics.closed },
    }
  }

  /**
   * Refuses new requests and all who wait, lets transactions in flight end for up to `drainMs` (default 10,000), then drops
   * what is left. Repeating it gives the same promise.
   */
  end({ drainMs = 10_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#ending ??= this.#end(drainMs)
    return this.#ending
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  async #start(): Promise<void> {
    for (const side of ['blue', 'green'] as const) {
      const url = this.#options.urls[side]
      if (url === undefined) continue
      this.#sides.lanes[side] = new Lane(side, await openPoolDriver(url), this.#options, this.#statistics, {
        onProgress: () => this.#desk.pump(),
        onFailure: (lane, cause) => {
          this.#desk.connectFailed(lane, cause)
          this.#tell(cause)
        },
        onConnect: ({ connection, lane }) => {
          this.emit('connect', { id: connection.id, side: lane.side })
          if (lane.side === this.#sides.readyFor) this.#link?.acknowledge()
        },
        onRemove: ({ connection, lane }, reason) => this.emit('remove', { id: connection.id, side: lane.side, reason }),
        onIdleError: (cause) => this.#tell(cause),
      })
    }
    if (this.#options.journal !== undefined) {
      const { journal, meta, beatMs, name, host } = this.#options
      this.#link = new BoardLink(await openGateClient(journal, { meta, beatMs }), this.#gate, {
        name,
        host,
        describe: () => {
          const oldest = this.#desk.oldestBorrower
          const oldestAgeMs = oldest && Math.round(oldest.ageMs)
          const { count, lastMs } = this.#statistics.holds
          const lastHoldMs = count > 0 ? lastMs : undefined
          return {
            readyFor: this.#sides.readyFor,
            lastHoldMs,
            inFlight: this.#gate.inFlight,
            oldestAgeMs,
            oldestSql: oldest?.sql,
          }
        },
        onNext: (next) => {
          const isNews = this.#sides.announced(next, this.#gate.authority, this.#gate.state)
          if (isNews) this.#link?.acknowledge()
        },
        onTrouble: (cause) => {
          this.#desk.journalTrouble = cause
          this.#tell(cause)
        },
      })
      if (this.#ending === undefined) await this.#link.start()
    }
    if (this.#ending !== undefined) return
    if (this.#gate.state === 'open') this.#gateChanged('open')
    this.#desk.open()
  }

  async #end(drainMs: number): Promise<void> {
    clearInterval(this.#reaper)
    this.#desk.fail(new PoolEndedError())
    await this.#desk.drained(drainMs)
    // Only now the orchestrator need not wait for this pool any more.
    await this.#link?.stop()
    await this.#started
    await Promise.all(Object.values(this.#sides.lanes).map((lane) => lane.destroy('ended')))
  }

  /** Borrows, works, gives back; again when the fence refused, or the connection was dead before anything was sent. */
  async #withGrant<T>(options: QueryOptions & RetryOptions, work: (grant: Grant) => Promise<T>): Promise<T> {
    let rank: RequestRank = this.#isNested() ? 'nested' : 'fresh'
    let refusedSince: number | undefined
    for (let refusals = 0; ;) {
      let refusal: SideClosedError
      const grant = await this.#borrow(rank, options.signal)
      try {
        return await work(grant)
      } catch (error) {
        if (error instanceof StaleConnectionError) continue
        this.#count(error)
        if (!(error instanceof SideClosedError) || options.retry === false || this.#link === undefined) throw error
        refusal = error
      } finally {
        this.#return(grant.slot)
        this.#gate.leave()
      }
      refusedSince ??= performance.now()
      refusals += 1
      const untilMs = refusedSince + this.#options.holdTimeoutMs
      await awaitNewerAuthority({
        refusal,
        refusals,
        untilMs,
        gate: this.#gate,
        link: this.#link,
        signal: options.signal,
      })
      this.#statistics.counts.reruns += 1
      if (rank === 'fresh') rank = 'again'
    }
  }

  async #borrow(rank: RequestRank, signal: AbortSignal | undefined): Promise<Grant> {
    const request = this.#desk.request(rank, signal)
    if (!request.isSettled) this.emit('enqueue')
    const grant = await request.promise
    this.emit('acquire', { id: grant.slot.connection.id, side: grant.slot.lane.side })
    return grant
  }

  #return(slot: Slot): void {
    this.emit('release', { id: slot.connection.id, side: slot.lane.side })
    slot.lane.give(slot)
    this.#desk.settleDrain()
  }

  /** A lease may have left settings, temporary tables or locks behind. */
  #cleanUp(slot: Slot, wasUsed: boolean): void {
    if (!wasUsed || slot.unclean !== undefined || slot.connection.isDead) {
      this.#return(slot)
      return
    }
    slot.connection
      .reset()
      .catch(() => {
        slot.unclean = 'unclean'
      })
      .finally(() => this.#return(slot))
      .catch(() => undefined)
  }

  #gateChanged(state: GateState): void {
    this.#statistics.gateChanged(state)
    const { side, epoch } = this.#gate.authority
    this.#sides.gateChanged(state, this.#gate.authority)
    this.#link?.acknowledge()
    this.#desk.gateChanged(state)
    this.emit('gate', state)
    if (side !== this.#side) {
      this.#side = side
      this.#statistics.counts.switches += 1
      this.emit('switch', { side, epoch })
    }
  }

  #isNested(): boolean {
    return this.#inside.getStore()?.isOpen === true
  }

  #count(error: unknown): void {
    if (error instanceof SideClosedError) {
      this.#statistics.counts.refused += 1
      this.emit('refused', error)
    } else if (error instanceof Error && error.name === 'OutcomeUnknownError') {
      this.#statistics.counts.outcomeUnknown += 1
    }
  }

  #reap(): void {
    for (const lane of Object.values(this.#sides.lanes)) lane.reap()
  }

  #tell(cause: unknown): void {
    if (this.listenerCount('error') > 0) this.emit('error', cause instanceof Error ? cause : new Error(String(cause)))
  }
}

/** A pool. It connects in the background; the first borrower waits for it. @throws {PoolError} POOL_OPTIONS */
export function createPool(options: PoolOptions = {}): Pool {
  return new Pool(options)
}
