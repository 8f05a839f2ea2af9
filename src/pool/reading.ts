/** Where statements go: reads to a replica that shows what it has to show, all others to the primary. */
import type { ReadTest } from '../engines/reads.js'
import type { QueryOptions } from './connection.js'
import type { Grant } from './desk.js'
import { ConnectionLostError } from './errors.js'
import type { Freshness, Mark, Shortfall } from './freshness.js'
import type { Lending, RetryOptions } from './lending.js'
import { textFor, type Statement } from './statement.js'
import type { PoolParts } from './wiring.js'

/**
 * `auto`: a statement that is certainly a read may go to a replica. `replica`: the caller says it is one. `primary`: it is
 * not to go to a replica.
 */
export type Route = 'auto' | 'primary' | 'replica'

export interface RouteOptions {
  /** Default `auto`. Counts outside of transactions and leases only, which stay where they began. */
  readonly route?: Route
}

/** A replica could not show it. Never leaves this file. */
class NotHereError extends Error {
  constructor(readonly why: Shortfall | 'refused') {
    super(why)
  }
}

/** A stream, with where it was asked for. */
interface RowOptions extends QueryOptions, RouteOptions {
  readonly origin: Error | undefined
}

interface Query {
  readonly statement: Statement
  readonly params: readonly unknown[]
}

type OpenRows<R> = (grant: Grant, isRead: boolean) => AsyncGenerator<R, void, undefined>

export class Reading {
  #test: ReadTest | undefined
  #onOpen!: () => void
  readonly #opened = new Promise<void>((resolve) => (this.#onOpen = resolve))
  readonly #hasReplicas: boolean

  constructor(
    private readonly parts: PoolParts,
    private readonly lending: Lending,
    private readonly freshness: Freshness,
  ) {
    const { blue, green } = parts.options.replicas
    this.#hasReplicas = blue.length + green.length > 0
  }

  /** Call once the clusters are there, or have failed: until then nobody knows what is a read. */
  async open(): Promise<void> {
    const [cluster] = Object.values(this.parts.sides.clusters)
    try {
      if (this.#hasReplicas) this.#test = await cluster?.primary.driver.loadReads()
    } finally {
      this.#onOpen()
    }
  }

  /** Runs one statement where it belongs. `work` runs again on the primary when a replica fails it. */
  statement<T>(
    query: Query,
    options: QueryOptions & RetryOptions & RouteOptions,
    work: (grant: Grant, isRead: boolean) => Promise<T>,
  ): Promise<T> {
    return this.#hasReplicas
      ? this.#statement(query, options, work)
      : this.lending.withGrant(options, (grant) => work(grant, false))
  }

  async #statement<T>(
    { statement, params }: Query,
    options: QueryOptions & RetryOptions & RouteOptions,
    work: (grant: Grant, isRead: boolean) => Promise<T>,
  ): Promise<T> {
    const { route = 'auto' } = options
    const isRead = route === 'replica' || (await this.isRead(statement, params))
    if (!isRead) return this.write(options, (grant) => work(grant, false))
    if (route === 'primary' || this.lending.isNested)
      return this.#onPrimary(options, 'declared', (grant) => work(grant, true))
    return this.#read(options, route === 'replica' ? 'declared' : 'parsed', work)
  }

  /** A transaction that says it only reads, as a whole. */
  transaction<T>(
    options: QueryOptions & RetryOptions & RouteOptions & { readonly readOnly?: boolean; readonly isolation?: string },
    work: (grant: Grant) => Promise<T>,
  ): Promise<T> {
    if (!this.#hasReplicas) return this.lending.withGrant(options, work)
    if (options.readOnly !== true) return this.write(options, work)
    // A hot standby of PostgreSQL knows no serializable transactions.
    const isForPrimary = options.route === 'primary' || options.isolation === 'serializable' || this.lending.isNested
    return isForPrimary ? this.#onPrimary(options, 'declared', work) : this.#read(options, 'declared', work)
  }

  /** Remembers that there was a write, whatever became of it. */
  async write<T>(options: QueryOptions & RetryOptions, work: (grant: Grant) => Promise<T>): Promise<T> {
    return this.lending.withGrant(options, async (grant) => {
      try {
        return await work(grant)
      } finally {
        this.freshness.wrote()
      }
    })
  }

  /** As {@link statement}, for rows. Another host is asked only while none was given. */
  stream<R>(query: Query, options: QueryOptions & RouteOptions, open: OpenRows<R>): AsyncGenerator<R, void, undefined> {
    const origin = this.lending.origin()
    if (!this.#hasReplicas) return this.lending.stream(options, (grant) => open(grant, false), origin)
    return this.#stream(query, { ...options, origin }, open)
  }

  async *#stream<R>(
    { statement, params }: Query,
    options: RowOptions,
    open: OpenRows<R>,
  ): AsyncGenerator<R, void, undefined> {
    const { route = 'auto', origin } = options
    const isRead = route === 'replica' || (await this.isRead(statement, params))
    if (!isRead) {
      try {
        yield* this.lending.stream(options, (grant) => open(grant, false), origin)
      } finally {
        this.freshness.wrote()
      }
    } else if (route === 'primary' || this.lending.isNested) {
      this.parts.statistics.read({ route: 'primary', why: 'declared' })
      yield* this.lending.stream(options, (grant) => open(grant, true), origin)
    } else {
      yield* this.#readRows(options, route === 'replica' ? 'declared' : 'parsed', open)
    }
  }

  async *#readRows<R>(options: RowOptions, why: string, open: OpenRows<R>): AsyncGenerator<R, void, undefined> {
    const { mark } = this.freshness
    let since = performance.now()
    let lentAt = since
    let shortfall: NotHereError['why'] = 'no position'
    if (await this.freshness.prepare(mark, options.signal)) {
      const target = 'replica'
      const onReplica = (grant: Grant) => {
        lentAt = performance.now()
        return this.#rowsOnReplica(grant, { ...options, mark, why }, open)
      }
      try {
        yield* this.lending.stream({ ...options, since, target }, onReplica, options.origin)
        return
      } catch (error) {
        if (!(error instanceof NotHereError)) throw error
        since += performance.now() - lentAt
        shortfall = error.why
      }
    }
    const isRead = shortfall !== 'refused'
    this.parts.statistics.read({ route: 'primary', why: shortfall })
    try {
      yield* this.lending.stream({ ...options, since }, (grant) => open(grant, isRead), options.origin)
    } finally {
      if (!isRead) this.freshness.wrote()
    }
  }

  async *#rowsOnReplica<R>(
    grant: Grant,
    { mark, signal, why }: RowOptions & { readonly mark: Mark; readonly why: string },
    open: OpenRows<R>,
  ): AsyncGenerator<R, void, undefined> {
    const { statistics } = this.parts
    if (grant.slot.lane.role === 'primary') {
      statistics.read({ route: 'primary', why: this.#whyNoReplica(grant) })
      yield* open(grant, true)
      return
    }
    const shortfall = await this.freshness.shortfall(grant, mark, signal)
    if (shortfall !== undefined) throw new NotHereError(shortfall)
    const rows = open(grant, true)
    try {
      const first = await rows.next().catch((error: unknown) => {
        throw isForPrimary(grant, error, signal) ? new NotHereError('refused') : error
      })
      statistics.read({ route: 'replica', why })
      if (first.done === true) return
      yield first.value
      yield* rows
    } finally {
      await rows.return()
    }
  }

  /** After what did not go through {@link statement}: a statement or a stream or, without a text, a transaction of a lease. */
  async ran(statement?: Statement, params: readonly unknown[] = []): Promise<void> {
    if (!this.#hasReplicas) return
    if (statement === undefined || !(await this.isRead(statement, params))) this.freshness.wrote()
  }

  /** Nobody knows yet which side it will go to: it must be a read on each. */
  async isRead(statement: Statement, params: readonly unknown[]): Promise<boolean> {
    if (this.#test === undefined) await this.#opened
    const test = this.#test
    if (test === undefined) return false
    return (['blue', 'green'] as const).every((side) => test(textFor(statement, side), params))
  }

  async #read<T>(
    options: QueryOptions & RetryOptions,
    why: string,
    work: (grant: Grant, isRead: boolean) => Promise<T>,
  ): Promise<T> {
    const read = (grant: Grant) => work(grant, true)
    const { mark } = this.freshness
    let since = performance.now()
    if (!(await this.freshness.prepare(mark, options.signal))) {
      return this.#onPrimary({ ...options, since }, 'no position', read)
    }
    try {
      return await this.lending.withGrant({ ...options, since, target: 'replica' }, async (grant) => {
        if (grant.slot.lane.role === 'primary') {
          this.parts.statistics.read({ route: 'primary', why: this.#whyNoReplica(grant) })
          return read(grant)
        }
        const lentAt = performance.now()
        try {
          return await this.#onReplica(grant, mark, options, why, read)
        } finally {
          // Only waiting counts as such.
          since += performance.now() - lentAt
        }
      })
    } catch (error) {
      if (!(error instanceof NotHereError)) throw error
      // What was refused there may be no read, whatever the caller said.
      const isRead = error.why !== 'refused'
      const again = this.#onPrimary({ ...options, since }, error.why, (grant) => work(grant, isRead))
      return isRead ? again : again.finally(() => this.freshness.wrote())
    }
  }

  async #onReplica<T>(
    grant: Grant,
    mark: Mark,
    { signal, retry }: QueryOptions & RetryOptions,
    why: string,
    work: (grant: Grant) => Promise<T>,
  ): Promise<T> {
    const shortfall = await this.freshness.shortfall(grant, mark, signal)
    if (shortfall !== undefined) throw new NotHereError(shortfall)
    try {
      const result = await work(grant)
      this.parts.statistics.read({ route: 'replica', why })
      return result
    } catch (error) {
      if (retry === false || !isForPrimary(grant, error, signal)) throw error
      throw new NotHereError('refused')
    }
  }

  #whyNoReplica({ slot }: Grant): string {
    const cluster = this.parts.sides.clusters[slot.lane.side]
    return (cluster?.usableReplicas.length ?? 0) > 0 ? 'lagging' : 'no replica'
  }

  #onPrimary<T>(
    options: QueryOptions & RetryOptions & { readonly since?: number },
    why: string,
    work: (grant: Grant) => Promise<T>,
  ): Promise<T> {
    this.parts.statistics.read({ route: 'primary', why })
    return this.lending.withGrant(options, work)
  }
}

/** A read has no effect, so the primary may be asked the same. */
function isForPrimary({ slot }: Grant, error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted === true) return false
  return error instanceof ConnectionLostError || slot.lane.driver.replication.isRefusal(error)
}
