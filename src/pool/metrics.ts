/**
 * What exporters tell of pools. Names, units and attributes are OpenTelemetry's semantic conventions for database clients as far
 * as those go (https://opentelemetry.io/docs/specs/semconv/database/database-metrics/); the rest begins with `crossfade.pool`.
 */
import { channel } from 'node:diagnostics_channel'
import type { HostStats } from './host-stats.js'
import type { PoolStats } from './stats.js'
import type { ConnectionEvent, FinishedQueryEvent, HostEvent, PoolChannelName, PoolChannels } from './telemetry.js'

export interface MeasuredPool {
  stats(): PoolStats
}

export type Attributes = Record<string, string>

/** A value that is read when the exporter asks for it. */
export interface Instrument {
  readonly name: string
  /** A counter only grows. */
  readonly type: 'gauge' | 'counter'
  readonly unit: string
  readonly description: string
  readonly attributes: readonly string[]
  readonly read: (pool: PoolStats) => readonly (readonly [Attributes, number])[]
}

/** A time that is told when it is over, in seconds. */
export interface Timer {
  readonly name: string
  readonly description: string
  readonly attributes: readonly string[]
  readonly boundsSeconds: readonly number[]
  /** Tells `record` of each until the returned function is called. */
  readonly listen: (record: (pool: string, attributes: Attributes, seconds: number) => void) => () => void
}

const POOL = 'db.client.connection.pool.name'
/** The word of the conventions for each driver. */
const SYSTEMS = { postgres: 'postgresql', mysql: 'mysql' } as const satisfies Record<HostEvent['engine'], string>
const STATE = 'db.client.connection.state'
const HOST = [POOL, 'crossfade.side', 'crossfade.role', 'crossfade.host'] as const

const attributesOf = ({ pool, side, role, host }: Pick<HostEvent, 'pool' | 'side' | 'role' | 'host'>): Attributes => ({
  [POOL]: pool,
  'crossfade.side': side,
  'crossfade.role': role,
  'crossfade.host': host,
})

const byHost = (
  of: (host: HostStats, pool: PoolStats) => readonly (readonly [Attributes, number])[],
): Instrument['read'] => {
  return (pool) =>
    pool.hosts.flatMap((host) => {
      const common = attributesOf({ pool: pool.name, ...host })
      return of(host, pool).map(([attributes, value]) => [{ ...common, ...attributes }, value] as const)
    })
}

const byPool = (of: (pool: PoolStats) => readonly (readonly [Attributes, number])[]): Instrument['read'] => {
  return (pool) => of(pool).map(([attributes, value]) => [{ [POOL]: pool.name, ...attributes }, value] as const)
}

export const INSTRUMENTS: readonly Instrument[] = [
  {
    name: 'db.client.connection.count',
    type: 'gauge',
    unit: '{connection}',
    description: 'Open connections by state',
    attributes: [...HOST, STATE],
    read: byHost((host) => [
      [{ [STATE]: 'idle' }, host.idle],
      [{ [STATE]: 'used' }, host.inUse],
    ]),
  },
  {
    name: 'db.client.connection.idle.max',
    type: 'gauge',
    unit: '{connection}',
    description: 'Most connections that may be idle',
    attributes: HOST,
    read: byHost((_, { max }) => [[{}, max]]),
  },
  {
    name: 'db.client.connection.idle.min',
    type: 'gauge',
    unit: '{connection}',
    description: 'Connections that are kept open',
    attributes: HOST,
    read: byHost((_, { min }) => [[{}, min]]),
  },
  {
    name: 'db.client.connection.max',
    type: 'gauge',
    unit: '{connection}',
    description: 'Most connections that may be open',
    attributes: HOST,
    read: byHost((_, { max }) => [[{}, max]]),
  },
  {
    name: 'db.client.connection.pending_requests',
    type: 'gauge',
    unit: '{request}',
    description: 'Who waits for a connection now',
    attributes: HOST,
    read: byHost(({ waiting }) => [[{}, waiting]]),
  },
  {
    name: 'db.client.connection.timeouts',
    type: 'counter',
    unit: '{timeout}',
    description: 'Who waited for a connection in vain',
    attributes: [POOL],
    read: byPool(({ counts }) => [[{}, counts.acquireTimeouts]]),
  },
  {
    name: 'crossfade.pool.host_errors',
    type: 'counter',
    unit: '{error}',
    description: 'Errors of connecting and of statements by what they mean',
    attributes: [...HOST, 'error.type'],
    read: byHost(({ errors }) => Object.entries(errors).map(([type, count]) => [{ 'error.type': type }, count])),
  },
  {
    name: 'crossfade.pool.errors',
    type: 'counter',
    unit: '{error}',
    description: "The pool's own errors by code",
    attributes: [POOL, 'error.type'],
    read: byPool(({ errors }) => Object.entries(errors).map(([code, count]) => [{ 'error.type': code }, count])),
  },
  {
    name: 'crossfade.pool.reads',
    type: 'counter',
    unit: '{statement}',
    description: 'Statements that only read, by where they went and why',
    attributes: [POOL, 'crossfade.route', 'crossfade.why'],
    read: byPool(({ reads }) =>
      reads.map(({ route, why, count }) => [{ 'crossfade.route': route, 'crossfade.why': why }, count]),
    ),
  },
  {
    name: 'crossfade.pool.holds',
    type: 'counter',
    unit: '{hold}',
    description: 'How often the gate was closed and opened again',
    attributes: [POOL],
    read: byPool(({ holds }) => [[{}, holds.count]]),
  },
  {
    name: 'crossfade.pool.switches',
    type: 'counter',
    unit: '{switch}',
    description: 'Changes to the other side',
    attributes: [POOL],
    read: byPool(({ counts }) => [[{}, counts.switches]]),
  },
  {
    name: 'crossfade.pool.failovers',
    type: 'counter',
    unit: '{failover}',
    description: 'Changes to another host of the same side',
    attributes: [POOL],
    read: byPool(({ counts }) => [[{}, counts.failovers]]),
  },
]

/** Seconds. Waiting for a connection takes less than a millisecond when one is idle. */
const BOUNDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export const TIMERS: readonly Timer[] = [
  {
    name: 'db.client.connection.create_time',
    description: 'What opening a connection took',
    attributes: HOST,
    boundsSeconds: BOUNDS,
    listen: timesOf('crossfade:pool:connect', ({ durationMs }) => durationMs),
  },
  {
    name: 'db.client.connection.wait_time',
    description: 'From asking for a connection to getting it',
    attributes: HOST,
    boundsSeconds: BOUNDS,
    listen: timesOf('crossfade:pool:acquire', ({ waitMs }) => waitMs),
  },
  {
    name: 'db.client.connection.use_time',
    description: 'From getting a connection to giving it back',
    attributes: HOST,
    boundsSeconds: BOUNDS,
    listen: timesOf('crossfade:pool:release', ({ useMs }) => useMs),
  },
  {
    name: 'db.client.operation.duration',
    description: 'Duration of statements, BEGIN and COMMIT included',
    attributes: [...HOST, 'db.system.name', 'error.type'],
    // The conventions name these.
    boundsSeconds: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    listen: timesOf('crossfade:pool:query:end', ({ durationMs }) => durationMs, operationAttributes),
  },
]

function operationAttributes({ engine, error }: FinishedQueryEvent): Attributes {
  return {
    'db.system.name': SYSTEMS[engine],
    ...(error === undefined ? {} : { 'error.type': errorType(error) }),
  }
}

/** The code of the driver, or the name of the error. */
function errorType(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

type TimeChannel = {
  [Name in PoolChannelName]: PoolChannels[Name] extends ConnectionEvent ? Name : never
}[PoolChannelName]

function timesOf<Name extends TimeChannel>(
  name: Name,
  msOf: (event: PoolChannels[Name]) => number,
  more: (event: PoolChannels[Name]) => Attributes = () => ({}),
): Timer['listen'] {
  return (record) => {
    const listener = (message: unknown): void => {
      const event = message as PoolChannels[Name]
      record(event.pool, { ...attributesOf(event), ...more(event) }, msOf(event) / 1000)
    }
    const source = channel(name)
    source.subscribe(listener)
    return () => {
      source.unsubscribe(listener)
    }
  }
}
