/** What the pool throws on purpose. Errors of statements are the driver's own and pass through unchanged. */
import type { Side } from '../engines/engine.js'
import type { ErrorInfo } from '../engines/errors.js'

export const POOL_ERRORS = {
  /** All connections are lent. The server is well. */
  POOL_EXHAUSTED: {
    outcome: 'retryable',
    hint: 'Raise `max`, shorten transactions, or look for the oldest borrower: it may be a leak.',
  },
  /** No connection to the server could be opened. */
  HOST_UNREACHABLE: {
    outcome: 'retryable',
    hint: 'Check that the server runs, and host, port, user, password and database of the URL.',
  },
  /** The connection died; nothing was committed. */
  CONNECTION_LOST: { outcome: 'retryable', hint: 'Nothing was committed; run it again.' },
  /** The connection died while a statement that may have taken effect was in flight. */
  OUTCOME_UNKNOWN: { outcome: 'ambiguous', hint: 'Look whether it took effect before running it again.' },
  /** The fence refused a write: the authority is on the other side. */
  SIDE_CLOSED: {
    outcome: 'retryable',
    hint: 'Nothing was committed; run it again, it goes to the side that has the authority.',
  },
  /** The host takes no writes, and no host of its side has taken over in time. */
  HOST_READ_ONLY: {
    outcome: 'retryable',
    hint: 'Nothing was executed; run it again, on a new connection. When it goes on, look which host of the side says that it is primary.',
  },
  /** The hold lasted longer than `holdTimeoutMs`. */
  HOLD_TIMEOUT: {
    outcome: 'retryable',
    hint: 'Nothing was sent; run it again. `crossfade status` says what the switch waits for.',
  },
  /** A statement of the transaction failed before, so COMMIT was answered with a rollback. */
  TRANSACTION_ABORTED: {
    outcome: 'retryable',
    hint: 'Nothing was committed. The cause is the statement that failed first.',
  },
  /** `end` was called. */
  POOL_ENDED: { outcome: 'fatal', hint: 'The application is shutting this pool down.' },
  /** A connection was used or released after its release. */
  CONNECTION_RELEASED: {
    outcome: 'fatal',
    hint: 'Release once, and only after the last query; `await using` does both.',
  },
  /** A statement came while a stream of the same connection was open: it would wait for a stream that waits for it. */
  STREAM_OPEN: {
    outcome: 'fatal',
    hint: 'Read the stream to its end or leave it first, or take another connection for the statement.',
  },
  /** Options do not fit together. */
  POOL_OPTIONS: { outcome: 'fatal', hint: 'Each problem is named above.' },
} as const satisfies Record<string, ErrorInfo>

export type PoolErrorCode = keyof typeof POOL_ERRORS

export class PoolError extends Error {
  override readonly name: string = 'PoolError'
  readonly code: PoolErrorCode
  constructor(code: PoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  get hint(): string {
    return POOL_ERRORS[this.code].hint
  }
  get outcome(): ErrorInfo['outcome'] {
    return POOL_ERRORS[this.code].outcome
  }
}

/** Who has a connection, and for how long. */
export interface Borrower {
  readonly ageMs: number
  /** First words of the last statement; never values. */
  readonly sql: string | undefined
}

export class PoolExhaustedError extends PoolError {
  override readonly name = 'PoolExhaustedError'
  constructor(
    message: string,
    /** How many waited, this one included. */
    readonly waiting: number,
    readonly max: number,
    readonly oldestBorrower: Borrower | undefined,
    options?: ErrorOptions,
  ) {
    super('POOL_EXHAUSTED', message, options)
  }
}

export class HostUnreachableError extends PoolError {
  override readonly name = 'HostUnreachableError'
  /** How many waited, this one included. */
  readonly waiting: number
  readonly max: number
  readonly oldestBorrower: Borrower | undefined
  constructor(
    /** Host, port and namespace. */
    readonly where: string,
    { waiting, max, oldestBorrower }: Pick<PoolExhaustedError, 'waiting' | 'max' | 'oldestBorrower'>,
    options: ErrorOptions,
  ) {
    const why = options.cause instanceof Error ? ` (${options.cause.message || options.cause.name})` : ''
    super('HOST_UNREACHABLE', `no connection to ${where}: ${waiting} waiting for ${max} connections${why}`, options)
    this.waiting = waiting
    this.max = max
    this.oldestBorrower = oldestBorrower
  }
}

export class HostReadOnlyError extends PoolError {
  override readonly name = 'HostReadOnlyError'
  constructor(
    /** Host, port and namespace. */
    readonly where: string,
    options?: ErrorOptions,
  ) {
    super('HOST_READ_ONLY', `${where} takes no writes`, options)
  }
}

export class ConnectionLostError extends PoolError {
  override readonly name = 'ConnectionLostError'
  constructor(message: string, options?: ErrorOptions) {
    super('CONNECTION_LOST', message, options)
  }
}

export class OutcomeUnknownError extends PoolError {
  override readonly name = 'OutcomeUnknownError'
  constructor(message: string, options?: ErrorOptions) {
    super('OUTCOME_UNKNOWN', message, options)
  }
}

export class SideClosedError extends PoolError {
  override readonly name = 'SideClosedError'
  constructor(
    readonly side: Side,
    readonly epoch: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super('SIDE_CLOSED', message, options)
  }
}

export class HoldTimeoutError extends PoolError {
  override readonly name = 'HoldTimeoutError'
  constructor(
    readonly waitedMs: number,
    readonly holdId: string | undefined,
  ) {
    super('HOLD_TIMEOUT', `the gate stayed closed for ${Math.round(waitedMs)} ms`)
  }
}

export class TransactionAbortedError extends PoolError {
  override readonly name = 'TransactionAbortedError'
  constructor(message: string, options?: ErrorOptions) {
    super('TRANSACTION_ABORTED', message, options)
  }
}

export class PoolEndedError extends PoolError {
  override readonly name = 'PoolEndedError'
  constructor() {
    super('POOL_ENDED', 'the pool has ended')
  }
}
