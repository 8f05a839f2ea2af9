/** Tries work again that lost against other transactions: deadlocks, lock time-outs, moved unique values. */
import pRetry from 'p-retry'
import { CrossfadeError } from '../engines/errors.js'

export interface RetryOptions {
  readonly signal: AbortSignal
  /** Tries after the first one. */
  readonly retries: number
  /** Told of each failure that may be tried again. Throws to end the tries. */
  readonly onRetry?: (error: CrossfadeError) => void
}

/** Pauses grow from the first to the last of these, with jitter. */
const FIRST_PAUSE_MS = 20
const LAST_PAUSE_MS = 1000

/** True for failures after which the same work may simply be tried again. */
export function isRetryable(error: unknown): error is CrossfadeError {
  return error instanceof CrossfadeError && error.outcome === 'retryable'
}

/** @throws the last error when the tries are used up, the first one that no try mends, or the signal's reason. */
export function retryContention<T>(work: () => Promise<T>, { signal, retries, onRetry }: RetryOptions): Promise<T> {
  return pRetry(work, {
    retries,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LAST_PAUSE_MS,
    factor: 1.5,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => {
      if (!isRetryable(error)) return false
      onRetry?.(error)
      return true
    },
  })
}
