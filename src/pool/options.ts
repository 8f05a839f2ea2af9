/** Options of the pool: what the application says, then the environment, then the defaults. Parsed once. */
import { hostname } from 'node:os'
import type { Side } from '../engines/engine.js'
import type { Consistency } from './freshness.js'
import { PoolError } from './errors.js'
import { resolveReplicas } from './replica-urls.js'
import type { SlowQueryLogger } from './telemetry.js'

export interface PoolOptions {
  /** The only database: no gate, no switch. Instead of `blue`, `green` and `journal`. */
  readonly url?: string
  readonly blue?: string
  readonly green?: string
  /**
   * Replicas of each side; a list alone belongs to `url`, or to `side`. Default: the hosts of `DB_READ_HOST` (separated by
   * commas, `host` or `host:port`), reached like the primary of `side`, with `DB_READ_USERNAME` and `DB_READ_PASSWORD`.
   */
  readonly replicas?: readonly string[] | Readonly<Partial<Record<Side, readonly string[]>>>
  /** Whose writes a read on a replica shows. Default `session`. */
  readonly consistency?: Consistency
  /** Longest wait for a replica that does not show an own write yet; then the primary is read. Default 200. */
  readonly replicaWaitMs?: number
  /** A replica that is further behind, or does not replicate, is not read. Default 30,000; Infinity: no limit. */
  readonly maxLagMs?: number
  /** The server that has the gate board. Without it the pool stays on `side`. */
  readonly journal?: string
  /** Namespace of the gate board. Default `crossfade`. */
  readonly meta?: string
  /** Where to go while there is no gate board: before a migration, and after it was completed. Default `blue`. */
  readonly side?: Side
  /** Shown in the server's session list and to the operator. Default `app`. */
  readonly name?: string
  /** Connections kept open to each host. Default 10 (`DB_POOL_MIN`), at most `max`. */
  readonly min?: number
  /** To each host. Default 100 (`DB_POOL_MAX`). */
  readonly max?: number
  /** False opens a connection for each borrower and closes it after, still at most `max`. Default true (`DB_POOL_ENABLED`). */
  readonly isEnabled?: boolean
  /** Longest wait for a connection. Default 5,000 (`DB_POOL_TIMEOUT`, in seconds). */
  readonly acquireTimeoutMs?: number
  /** Longest wait at a closed gate; the acquire time begins anew when it opens. Default 30,000. */
  readonly holdTimeoutMs?: number
  /** A connection above `min` that was idle for this long is closed. Default 300,000 (`DB_POOL_IDLE_TIMEOUT`, in seconds). */
  readonly idleTimeoutMs?: number
  /** A connection is replaced after this, less up to a tenth so that they do not all go at once. Default 1,800,000. */
  readonly maxLifetimeMs?: number
  /** A connection that was idle for this long is asked before it is lent. Default 5,000. */
  readonly validateAfterIdleMs?: number
  /** Default 5,000. */
  readonly connectTimeoutMs?: number
  /** How many may wait; more get {@link PoolExhaustedError} at once. Default 0: no limit. */
  readonly queueLimit?: number
  /** A borrower that keeps a connection for so long is told of once, with its stack: event `leak`, or a warning. Default 0: not watched. */
  readonly leakAfterMs?: number
  /** Between two beats to the gate board. Default 1,000. */
  readonly beatMs?: number
  /** Whether slow statements are logged, or told as `slowQuery`. Default false (`DB_LOG_SLOW_QUERIES`). */
  readonly logSlowQueries?: boolean
  /** Slow is what takes as long. Default 1,000 (`DB_SLOW_QUERY_TIME`, in seconds). */
  readonly slowQueryMs?: number
  /** Gets slow statements; the event `slowQuery` does without one. Pino's fits. */
  readonly logger?: SlowQueryLogger
}

export interface ResolvedOptions extends Required<
  Omit<PoolOptions, 'url' | 'blue' | 'green' | 'replicas' | 'journal' | 'logger'>
> {
  readonly urls: Readonly<Record<Side, string | undefined>>
  readonly replicas: Readonly<Record<Side, readonly string[]>>
  readonly journal: string | undefined
  readonly host: string
  readonly logger: SlowQueryLogger | undefined
}

/** @throws {PoolError} POOL_OPTIONS with all problems at once. */
export function resolveOptions(options: PoolOptions, environment: NodeJS.ProcessEnv = process.env): ResolvedOptions {
  const problems: string[] = []
  const number = (name: string, given: number | undefined, fallback: number, least: number): number => {
    const value = given ?? fallback
    if (Number.isFinite(value) && value >= least) return value
    problems.push(`${name} must be a number of at least ${least}`)
    return fallback
  }
  const fromEnvironment = (name: string, unit: number): number | undefined => {
    const text = environment[name]?.trim()
    if (text === undefined || text === '') return undefined
    const value = Number(text)
    if (!Number.isFinite(value)) problems.push(`${name} must be a number`)
    return value * unit
  }

  const side = options.side ?? 'blue'
  if (options.url !== undefined && (options.blue ?? options.green ?? options.journal) !== undefined) {
    problems.push('url excludes blue, green and journal')
  }
  const urls = { blue: options.blue, green: options.green }
  if (options.url !== undefined) urls[side] = options.url
  if (urls[side] === undefined) problems.push(`${side} or url is missing`)

  const whole = (name: string, given: number | undefined, fallback: number, least: number): number => {
    const value = number(name, given, fallback, least)
    if (!Number.isInteger(value)) problems.push(`${name} must be a whole number`)
    return value
  }
  const max = whole('max', options.max ?? fromEnvironment('DB_POOL_MAX', 1), 100, 1)
  const usual = fromEnvironment('DB_POOL_MIN', 1)
  // The environment is everybody's: who says `max` in code means it.
  const isCapped = usual === undefined || options.max !== undefined
  const min = whole('min', options.min, isCapped ? Math.min(usual ?? 10, max) : usual, 0)
  if (min > max) problems.push(`min (${min}) is above max (${max})`)
  const isEnabled = options.isEnabled ?? readBoolean('DB_POOL_ENABLED', environment, problems) ?? true

  const resolved: ResolvedOptions = {
    urls,
    replicas: resolveReplicas({ given: options.replicas, side, primaries: urls, environment }, problems),
    consistency: options.consistency ?? 'session',
    replicaWaitMs: number('replicaWaitMs', options.replicaWaitMs, 200, 0),
    maxLagMs: options.maxLagMs === Infinity ? Infinity : number('maxLagMs', options.maxLagMs, 30_000, 0),
    journal: options.journal,
    meta: options.meta ?? 'crossfade',
    side,
    name: options.name ?? 'app',
    host: hostname(),
    min: isEnabled ? min : 0,
    max,
    isEnabled,
    acquireTimeoutMs: number(
      'acquireTimeoutMs',
      options.acquireTimeoutMs ?? fromEnvironment('DB_POOL_TIMEOUT', 1000),
      5_000,
      1,
    ),
    holdTimeoutMs: number('holdTimeoutMs', options.holdTimeoutMs, 30_000, 1),
    idleTimeoutMs: number(
      'idleTimeoutMs',
      options.idleTimeoutMs ?? fromEnvironment('DB_POOL_IDLE_TIMEOUT', 1000),
      300_000,
      1,
    ),
    maxLifetimeMs: number('maxLifetimeMs', options.maxLifetimeMs, 1_800_000, 1),
    validateAfterIdleMs: number('validateAfterIdleMs', options.validateAfterIdleMs, 5_000, 0),
    connectTimeoutMs: number('connectTimeoutMs', options.connectTimeoutMs, 5_000, 1),
    queueLimit: whole('queueLimit', options.queueLimit, 0, 0),
    leakAfterMs: number('leakAfterMs', options.leakAfterMs, 0, 0),
    beatMs: number('beatMs', options.beatMs, 1_000, 1),
    logSlowQueries: options.logSlowQueries ?? readBoolean('DB_LOG_SLOW_QUERIES', environment, problems) ?? false,
    slowQueryMs: number('slowQueryMs', options.slowQueryMs ?? fromEnvironment('DB_SLOW_QUERY_TIME', 1000), 1_000, 0),
    logger: options.logger,
  }
  if (problems.length > 0) throw new PoolError('POOL_OPTIONS', `the pool cannot be made: ${problems.join('; ')}`)
  return resolved
}

function readBoolean(name: string, environment: NodeJS.ProcessEnv, problems: string[]): boolean | undefined {
  const text = environment[name]?.trim().toLowerCase()
  if (text === undefined || text === '') return undefined
  if (['true', '1', 'yes', 'on'].includes(text)) return true
  if (['false', '0', 'no', 'off'].includes(text)) return false
  problems.push(`${name} must be true or false`)
  return undefined
}
