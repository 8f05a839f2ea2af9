/** The pool: lends connections of the side that has the authority, through the gate, first come first served. */
import { EventEmitter } from 'node:events'
import type { Side } from '../engines/engine.js'
import { engineOf, type BeginOptions, type Row, type StatementResult } from '../engines/pool-driver.js'
import type { PoolConnection, QueryOptions, StatementOptions, StreamOptions } from './connection.js'
import { Conversation } from './conversation.js'
import { Desk } from './desk.js'
import { PoolEndedError } from './errors.js'
import type { PoolEvents } from './events.js'
import { Freshness, type PoolSession } from './freshness.js'
import { Gate, type GateState } from './gate.js'
import type { HostSetting } from './lane.js'
import { Lease, type LeasedConnection } from './lease.js'
import { Lending, type RetryOptions } from './lending.js'
import { resolveOptions, type PoolOptions } from './options.js'
import { poolStats } from './pool-stats.js'
import { Reading, type RouteOptions } from './reading.js'
import { Sides } from './sides.js'
import type { Statement } from './statement.js'
import { Statistics, type PoolStats } from './stats.js'
import { Telemetry } from './telemetry.js'
import { runTransaction } from './transaction.js'
import { openClusters, openLink, type PoolParts } from './wiring.js'

export interface TransactionOptions extends BeginOptions, QueryOptions, RetryOptions, RouteOptions {}

const REAP_MAX_MS = 30_000

export class Pool extends EventEmitter<PoolEvents> {
  readonly #parts: PoolParts
  readonly #lending: Lending
  readonly #freshness: Freshness
  readonly #reading: Reading
  readonly #reaper: NodeJS.Timeout
  #side: Side
  #ending: Promise<void> | undefined
  readonly #started: Promise<void>

  constructor(given: PoolOptions = {}) {
    super()
    const options = resolveOptions(given)
    const { name, logger, logSlowQueries, slowQueryMs } = options
    const telemetry = new Telemetry({
      name,
      slowQueryMs: logSlowQueries ? slowQueryMs : undefined,
      logger,
      onSlowQuery: (query) => this.emit('slowQuery', query),
    })
    const statistics = new Statistics(telemetry)
    const sides = new Sides()
    this.#side = options.side
    const gate = new Gate({ side: this.#side, epoch: 0 }, (state) => this.#gateChanged(state))
    const desk = new Desk(options, gate, sides.clusters, statistics)
    this.#parts = { options, statistics, gate, desk, sides, events: this, link: undefined }
    this.#lending = new Lending(this.#parts)
    this.#freshness = new Freshness(this.#parts, this.#lending)
    this.#reading = new Reading(this.#parts, this.#lending, this.#freshness)
    const reapMs = Math.min(REAP_MAX_MS, Math.max(50, options.idleTimeoutMs / 2))
    this.#reaper = setInterval(() => this.#reap(), reapMs)
    this.#reaper.unref()
    this.#started = this.#start().catch((error: unknown) => desk.fail(error))
  }

  /** One statement, outside a transaction. PostgreSQL: `$1`; MySQL, MariaDB: `?`. */
  query<R = Row>(
    statement: Statement,
    params: readonly unknown[] = [],
    options: StatementOptions & RetryOptions & RouteOptions = {},
  ): Promise<StatementResult<R>> {
    return this.#reading.statement({ statement, params }, options, ({ slot, authority }, isRead) =>
      new Conversation(slot, authority).single<R>(statement, params, isRead ? 'read' : 'single', options),
    )
  }

  /**
   * The rows of one statement as they come: `for await (const row of pool.stream(sql))`. It borrows a connection when it is read
   * first, and has it until it was read to its end or left; until then it is in flight: a hold and {@link end} wait for it.
   * It goes where {@link query} would go; what has given a row never begins again.
   */
  stream<R = Row>(
    statement: Statement,
    params: readonly unknown[] = [],
    options: StreamOptions & RouteOptions = {},
  ): AsyncGenerator<R, void, undefined> {
    return this.#reading.stream({ statement, params }, options, ({ slot, authority }, isRead) =>
      new Conversation(slot, authority).stream<R>(statement, params, isRead ? 'read' : 'single', options),
    )
  }

  /**
   * Runs `work` in a transaction and commits when it returns. `work` may run more than once (see {@link RetryOptions}), each
   * time in a new transaction after nothing of the former was committed: keep effects outside the database behind it.
   */
  transaction<T>(work: (connection: PoolConnection) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#reading.transaction(options, ({ slot, authority }) =>
      this.#lending.inside((run) =>
        runTransaction(new Conversation(slot, authority), (connection) => run(() => work(connection)), options),
      ),
    )
  }

  /** A connection for many statements: `await using connection = await pool.connection()`. */
  async connection(options: QueryOptions = {}): Promise<LeasedConnection> {
    const { gate, desk } = this.#parts
    const rank = this.#lending.isNested ? 'nested' : 'fresh'
    const { slot, authority } = await this.#lending.borrow({ rank, target: 'primary', signal: options.signal })
    gate.leave()
    return new Lease(slot, authority, {
      enter: (signal) => desk.enter(this.#lending.isNested, signal),
      leave: () => gate.leave(),
      exchange: async () => {
        // The lease has passed the gate already; the new connection passes with it. The old one is given back only now: a
        // lease that gets none still has that one to release.
        const grant = await this.#lending.borrow({ rank: 'nested', target: 'primary', signal: options.signal })
        gate.leave()
        return grant.slot
      },
      ran: (statement, params) => this.#reading.ran(statement, params),
      inside: (work) => this.#lending.inside(work),
      untilEnded: (signal, work) => this.#lending.untilEnded(signal, work),
      onConflict: () => void (this.#parts.statistics.counts.conflictReruns += 1),
      giveBack: (old, wasUsed) => this.#lending.cleanUp(old, wasUsed),
    })
  }

  /**
   * The operator's word about a host (`host:port`), which outranks the monitor and the breaker. `drained`: it gets nothing
   * new, what it has may end; drained hosts are not promoted either. `maintenance`: nor is it asked what it is. `auto` ends
   * both. A primary that was set aside leaves its writes waiting until another host takes them, or `auto`.
   * @throws {PoolError} POOL_OPTIONS when no side has this host.
   */
  async setHost(host: string, setting: HostSetting): Promise<void> {
    await this.#started
    await this.#parts.sides.setHost(host, setting)
  }

  /** The driver that the pool speaks with. */
  get engine(): 'postgres' | 'mysql' {
    const { urls, side } = this.#parts.options
    return engineOf(urls[side]!)
  }

  /** For adapters: runs code that belongs to a transaction of this pool, which is open until `ended` settles. */
  within<T>(ended: Promise<unknown>, code: () => T): T {
    return this.#lending.within(ended, code)
  }

  /** For a request, a job or a user: `pool.session().run(work)`. Counts where the pool has replicas. */
  session(): PoolSession {
    return this.#freshness.session()
  }

  stats(): PoolStats {
    return poolStats(this.#parts)
  }

  /**
   * Refuses new requests and all who wait, lets transactions in flight end for up to `drainMs` (default 10,000), then drops
   * what is left. Repeating it gives the same promise.
   */
  end({ drainMs = 10_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#ending ??= this.#end(drainMs)
    return this.#ending
  }

  /** A listener that throws does not reach the pool's own work: it is a warning of the process. */
  override emit<K>(name: keyof PoolEvents | K, ...args: K extends keyof PoolEvents ? PoolEvents[K] : never): boolean {
    if (this.listenerCount(name) === 0) return false
    try {
      return super.emit(name, ...args)
    } catch (error) {
      process.emitWarning(`a listener of the pool's event "${String(name)}" failed: ${String(error)}`)
      return true
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  async #start(): Promise<void> {
    await openClusters(this.#parts).finally(() => this.#reading.open())
    const link = await openLink(this.#parts)
    if (link !== undefined && this.#ending === undefined) await link.start()
    if (this.#ending !== undefined) return
    const { gate, desk } = this.#parts
    if (gate.state === 'open') this.#gateChanged('open')
    desk.open()
  }

  async #end(drainMs: number): Promise<void> {
    clearInterval(this.#reaper)
    const { desk, sides } = this.#parts
    const reason = new PoolEndedError()
    desk.fail(reason)
    this.#lending.fail(reason)
    await desk.drained(drainMs)
    this.#lending.stop()
    // Only now the orchestrator need not wait for this pool any more.
    await this.#parts.link?.stop()
    await this.#started
    await Promise.all(Object.values(sides.clusters).map((cluster) => cluster.destroy('ended')))
  }

  #gateChanged(state: GateState): void {
    const { statistics, gate, sides, desk } = this.#parts
    statistics.gateChanged(state)
    const { side, epoch } = gate.authority
    sides.gateChanged(state, gate.authority)
    this.#parts.link?.acknowledge()
    desk.gateChanged(state)
    statistics.telemetry.gate(state, side, epoch)
    this.emit('gate', state)
    if (side !== this.#side) {
      this.#side = side
      statistics.counts.switches += 1
      statistics.telemetry.switched(side, epoch)
      this.emit('switch', { side, epoch })
    }
  }

  #reap(): void {
    for (const cluster of Object.values(this.#parts.sides.clusters)) cluster.reap()
  }
}

/** A pool. It connects in the background; the first borrower waits for it. @throws {PoolError} POOL_OPTIONS */
export function createPool(options: PoolOptions = {}): Pool {
  return new Pool(options)
}
