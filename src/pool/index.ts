/** `crossfade/pool`: a connection pool for applications that stay online while their database moves. */
export { createPool, Pool, type TransactionOptions } from './pool.js'
export type { RetryOptions } from './lending.js'
export type { PoolEvents } from './events.js'
export type { Leak } from './leaks.js'
export type { PoolConnection, QueryOptions, StatementOptions, StreamOptions } from './connection.js'
export type { LeasedConnection, LeaseTransactionOptions } from './lease.js'
export type { Consistency, PoolSession } from './freshness.js'
export type { Route, RouteOptions } from './reading.js'
export type { PoolOptions } from './options.js'
export type { CloseReason, Counts, PoolStats } from './stats.js'
export type { Statement } from './statement.js'
export type { HostSetting } from './lane.js'
export type { GateState } from './gate.js'
export type { HostStats } from './host-stats.js'
export type { Target } from './lane.js'
export type { HistogramStats } from './histogram.js'
export type { FinishedQueryEvent, PoolChannelName, PoolChannels, QueryEvent, SlowQueryLogger } from './telemetry.js'
export type { Isolation, Row, StatementResult } from '../engines/pool-driver.js'
export {
  ConnectionLostError,
  HoldTimeoutError,
  HostReadOnlyError,
  HostUnreachableError,
  OutcomeUnknownError,
  PoolEndedError,
  PoolError,
  PoolExhaustedError,
  SideClosedError,
  TransactionAbortedError,
  type Borrower,
  type PoolErrorCode,
} from './errors.js'
