/** Whether another run has the migration now. */
import { CrossfadeError } from '../engines/errors.js'
import type { Journal } from '../journal/journal.js'

export const isLeaseLost = (error: unknown): error is CrossfadeError =>
  error instanceof CrossfadeError && error.code === 'LEASE_LOST'

/**
 * Why this run has the migration no more. One that was stopped or cut off meets sessions that were ended, fences that it may not
 * touch, rows that are gone: of all that this is the cause.
 * @param causes - what the run has met, for when the journal is gone with the migration; then a side has told it.
 */
export async function lostLease(
  journal: Journal,
  runEpoch: number,
  leaseMs: number,
  causes: readonly unknown[],
): Promise<string | undefined> {
  try {
    await journal.renewLease(runEpoch, leaseMs)
    return undefined
  } catch (error) {
    return [error, ...causes].find(isLeaseLost)?.message
  }
}
