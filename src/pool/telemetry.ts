/**
 * What a pool tells to `node:diagnostics_channel`, and the log of slow statements. The channels are the same for both drivers;
 * docs/pool.md lists them. Without a listener a statement costs two comparisons.
 */
import { channel, type Channel } from 'node:diagnostics_channel'
import type { Side } from '../engines/engine.js'
import type { PoolDriver } from '../engines/pool-driver.js'
import type { FailoverReason } from './cluster.js'
import type { GateState } from './gate.js'
import type { Target } from './lane.js'
import type { Slot } from './slot.js'
import type { CloseReason } from './stats.js'

/** Which host of which pool. */
export interface HostEvent {
  /** Name of the pool. */
  readonly pool: string
  readonly side: Side
  readonly role: Target
  readonly engine: PoolDriver['engine']
  /** Engine, host, port and namespace; never the password. */
  readonly host: string
}

/** Which connection: the server's number of it. */
export interface ConnectionEvent extends HostEvent {
  readonly id: number
}

export interface QueryEvent extends ConnectionEvent {
  /** Text with a `?` for each literal, without parameters; cut off when it is long. */
  readonly sql: string
  readonly isInTransaction: boolean
}

export interface FinishedQueryEvent extends QueryEvent {
  readonly durationMs: number
  readonly rowCount: number | undefined
  /** As the driver threw it. */
  readonly error: unknown
}

export interface FailoverEvent {
  readonly side: Side
  readonly from: string
  readonly to: string
  /** What speaks against `from`. */
  readonly why: FailoverReason
}

export interface ReadEvent {
  readonly route: Target
  readonly why: string
}

/** What is published, by channel. */
export interface PoolChannels {
  'crossfade:pool:connect': ConnectionEvent & { readonly durationMs: number }
  'crossfade:pool:remove': ConnectionEvent & { readonly reason: CloseReason }
  'crossfade:pool:acquire': ConnectionEvent & { readonly waitMs: number }
  'crossfade:pool:release': ConnectionEvent & { readonly useMs: number }
  'crossfade:pool:query:start': QueryEvent
  'crossfade:pool:query:end': FinishedQueryEvent
  'crossfade:pool:slow-query': FinishedQueryEvent
  'crossfade:pool:read': ReadEvent & { readonly pool: string }
  'crossfade:pool:gate': {
    readonly pool: string
    readonly state: GateState
    readonly side: Side
    readonly epoch: number
  }
  'crossfade:pool:switch': { readonly pool: string; readonly side: Side; readonly epoch: number }
  'crossfade:pool:failover': FailoverEvent & { readonly pool: string }
}

export type PoolChannelName = keyof PoolChannels

interface Outlet<Event> extends Pick<Channel, 'hasSubscribers'> {
  publish(event: Event): void
}

const open = <Name extends PoolChannelName>(name: Name): Outlet<PoolChannels[Name]> => channel(name)

const CHANNELS = {
  connect: open('crossfade:pool:connect'),
  remove: open('crossfade:pool:remove'),
  acquire: open('crossfade:pool:acquire'),
  release: open('crossfade:pool:release'),
  queryStart: open('crossfade:pool:query:start'),
  queryEnd: open('crossfade:pool:query:end'),
  slowQuery: open('crossfade:pool:slow-query'),
  read: open('crossfade:pool:read'),
  gate: open('crossfade:pool:gate'),
  switch: open('crossfade:pool:switch'),
  failover: open('crossfade:pool:failover'),
} as const

/** A logger as pino's. */
export interface SlowQueryLogger {
  warn(details: object, message: string): void
}

export interface TelemetryOptions {
  readonly name: string
  /** A statement that takes as long is slow. Undefined: none is. */
  readonly slowQueryMs: number | undefined
  readonly logger: SlowQueryLogger | undefined
  /** Where slow statements go without a logger. */
  readonly onSlowQuery: (query: FinishedQueryEvent) => void
}

/** One statement on its way. */
export interface QueryWatch {
  end(rowCount: number | undefined, error?: unknown): void
}

export class Telemetry {
  constructor(private readonly options: TelemetryOptions) {}

  connected(slot: Slot, durationMs: number): void {
    if (CHANNELS.connect.hasSubscribers) CHANNELS.connect.publish({ ...this.#connection(slot), durationMs })
  }

  removed(slot: Slot, reason: CloseReason): void {
    if (CHANNELS.remove.hasSubscribers) CHANNELS.remove.publish({ ...this.#connection(slot), reason })
  }

  acquired(slot: Slot, waitMs: number): void {
    if (CHANNELS.acquire.hasSubscribers) CHANNELS.acquire.publish({ ...this.#connection(slot), waitMs })
  }

  released(slot: Slot, useMs: number): void {
    if (CHANNELS.release.hasSubscribers) CHANNELS.release.publish({ ...this.#connection(slot), useMs })
  }

  read(event: ReadEvent): void {
    if (CHANNELS.read.hasSubscribers) CHANNELS.read.publish({ pool: this.options.name, ...event })
  }

  gate(state: GateState, side: Side, epoch: number): void {
    if (CHANNELS.gate.hasSubscribers) CHANNELS.gate.publish({ pool: this.options.name, state, side, epoch })
  }

  switched(side: Side, epoch: number): void {
    if (CHANNELS.switch.hasSubscribers) CHANNELS.switch.publish({ pool: this.options.name, side, epoch })
  }

  failedOver(event: FailoverEvent): void {
    if (CHANNELS.failover.hasSubscribers) CHANNELS.failover.publish({ pool: this.options.name, ...event })
  }

  /** Call before a statement is sent. Undefined: nobody wants to know. */
  query(slot: Slot, text: string, isInTransaction: boolean): QueryWatch | undefined {
    const { slowQueryMs } = this.options
    const { queryStart, queryEnd } = CHANNELS
    if (slowQueryMs === undefined && !queryEnd.hasSubscribers && !queryStart.hasSubscribers) return undefined
    let event: QueryEvent | undefined
    const describe = () =>
      (event ??= { ...this.#connection(slot), sql: slot.lane.driver.redact(text), isInTransaction })
    if (queryStart.hasSubscribers) queryStart.publish(describe())
    const startedAt = performance.now()
    return {
      end: (rowCount, error) => {
        const durationMs = performance.now() - startedAt
        const isSlow = slowQueryMs !== undefined && durationMs >= slowQueryMs
        if (!isSlow && !queryEnd.hasSubscribers) return
        const finished = { ...describe(), durationMs, rowCount, error }
        if (queryEnd.hasSubscribers) queryEnd.publish(finished)
        if (isSlow) this.#slow(finished)
      },
    }
  }

  #slow(query: FinishedQueryEvent): void {
    if (CHANNELS.slowQuery.hasSubscribers) CHANNELS.slowQuery.publish(query)
    const { logger, onSlowQuery } = this.options
    if (logger === undefined) {
      onSlowQuery(query)
      return
    }
    // A driver's error carries rows and values in its message and details.
    const { error, ...details } = query
    try {
      logger.warn({ ...details, hasFailed: error !== undefined }, 'slow query')
    } catch (trouble) {
      // The statement itself has its own outcome.
      process.emitWarning(`the logger of a pool failed: ${String(trouble)}`)
    }
  }

  #connection({ lane, connection }: Slot): ConnectionEvent {
    const { side, role, driver } = lane
    return { pool: this.options.name, side, role, engine: driver.engine, host: driver.where, id: connection.id }
  }
}
