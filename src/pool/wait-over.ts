/** What those are told whose wait for a connection was in vain: is the host gone, set aside, or only busy? */
import { HostUnreachableError, PoolExhaustedError, type Borrower } from './errors.js'
import type { Lane } from './lane.js'

/** The pool at the end of the wait. */
export interface Shortage {
  /** How many waited, this one included. */
  readonly waiting: number
  readonly max: number
  readonly oldestBorrower: Borrower | undefined
}

/** Why no connection to `lane` came about since `startedAt`, or undefined when the host is well and only busy. */
export function troubleOf(lane: Lane, startedAt: number): { readonly cause: unknown } | undefined {
  if (lane.setting !== 'auto') return { cause: new Error(`the operator has set the host to ${lane.setting}`) }
  const { evidence } = lane
  if (evidence?.isReachable === false && evidence.askedAt >= startedAt) return { cause: evidence.cause }
  const failure = lane.failureSince(startedAt)
  if (lane.live > 0 || failure === undefined || lane.driver.fault(failure) === 'full') return undefined
  return { cause: failure }
}

/** The time of one who waited for a connection to `lane` since `startedAt` is over. */
export function waitOver(lane: Lane | undefined, startedAt: number, shortage: Shortage): Error {
  const trouble = lane && troubleOf(lane, startedAt)
  if (trouble !== undefined) return new HostUnreachableError(lane!.driver.where, shortage, trouble)
  const waitedMs = Math.round(performance.now() - startedAt)
  const cause = lane?.failureSince(startedAt)
  return exhausted(`no connection became free within ${waitedMs} ms`, shortage, { cause })
}

export function exhausted(reason: string, shortage: Shortage, options: ErrorOptions = {}): PoolExhaustedError {
  const { waiting, max, oldestBorrower } = shortage
  const who =
    oldestBorrower &&
    `; the oldest borrower has had one for ${Math.round(oldestBorrower.ageMs)} ms ("${oldestBorrower.sql ?? 'no statement yet'}")`
  const message = `${reason}: ${waiting} waiting for ${max} connections${who ?? ''}`
  return new PoolExhaustedError(message, waiting, max, oldestBorrower, options)
}
