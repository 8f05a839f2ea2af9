/** What may be run again since nothing was committed. Runs again what lost against other transactions: serialization failures, deadlocks, waits for a lock that took too long. */
import pRetry from 'p-retry'
import { PoolError } from './errors.js'

/** Pauses grow from the first to the last of these, with jitter, so that the two do not meet again. */
const FIRST_PAUSE_MS = 20
const LAST_PAUSE_MS = 1_000
/** An application may wrap the driver's error, and an ORM once more. */
const MAX_WRAPPED = 5

const conflicts = new WeakSet<object>()

/** The driver says that this error is one. */
export function markConflict(error: unknown): void {
  if (typeof error === 'object' && error !== null) conflicts.add(error)
}

const refusedWrites = new WeakMap<object, object>()

/** A host that takes no writes refused this one, which was sent on this connection, as a whole. */
export function markRefusedWrite(error: unknown, slot: object): void {
  if (typeof error === 'object' && error !== null) refusedWrites.set(error, slot)
}

/** Not that of another connection. */
export function isRefusedWrite(error: unknown, slot: object): boolean {
  return typeof error === 'object' && error !== null && refusedWrites.get(error) === slot
}

/** True for a conflict, and for an error that names one as its cause. False whenever the outcome is unknown. */
export function isConflict(error: unknown): boolean {
  for (let depth = 0; depth < MAX_WRAPPED && typeof error === 'object' && error !== null; depth++) {
    if (error instanceof PoolError && error.code !== 'TRANSACTION_ABORTED') return false
    if (conflicts.has(error)) return true
    error = 'cause' in error ? error.cause : undefined
  }
  return false
}

export interface ConflictRetry {
  /** Runs after the first one. */
  readonly retries: number
  readonly signal: AbortSignal | undefined
  readonly onRetry: () => void
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown }

/** @throws the last conflict when the runs are used up, any other error at once as it is, or the signal's reason. */
export async function retryConflicts<T>(
  { retries, signal, onRetry }: ConflictRetry,
  run: (isAgain: boolean) => Promise<T>,
): Promise<T> {
  let last: Outcome<T> | undefined
  const attempt = async (number: number): Promise<Outcome<T>> => {
    if (number > 1) onRetry()
    try {
      last = { value: await run(number > 1) }
    } catch (error) {
      // What is not thrown here is not tried again, and reaches the application unchanged, whatever it is.
      if (error instanceof Error && isConflict(error)) throw error
      last = { error }
    }
    return last
  }
  const outcome = await pRetry(attempt, {
    retries,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LAST_PAUSE_MS,
    randomize: true,
    signal,
  }).catch((error: unknown) => {
    // A signal that aborts during the COMMIT must not hide that it was committed.
    if (last !== undefined) return last
    throw error
  })
  if ('error' in outcome) throw outcome.error
  return outcome.value
}
