/** Takes the lease of a migration, also that of a run that died with it. */
import { CrossfadeError } from '../engines/errors.js'
import type { Journal } from '../journal/journal.js'

export interface TakeOverOptions {
  readonly journal: Pick<Journal, 'acquireLease' | 'leaseHolder'>
  readonly actor: string
  readonly ttlMs: number
  readonly signal: AbortSignal
  /** Told once, when there is a holder to wait for. */
  readonly onWait: (holder: string, expiresInMs: number) => void
}

const LOOK_MS = 200
/** Clocks of one server, read over a busy connection, differ by less. */
const TOLERANCE_MS = 100

/**
 * A holder that lives renews its lease three times before it runs out: seen doing so, it keeps the migration. One that does not is
 * waited out, so that a run after a crash needs nobody to clean up.
 * @returns the run epoch; undefined when the signal ended the wait.
 * @throws {CrossfadeError} LEASE_HELD when another run is alive.
 */
export async function takeOver({
  journal,
  actor,
  ttlMs,
  signal,
  onWait,
}: TakeOverOptions): Promise<number | undefined> {
  let firstSeen: { at: number; holder: string; expiresInMs: number } | undefined
  while (!signal.aborted)
    try {
      return await journal.acquireLease(actor, ttlMs)
    } catch (error) {
      if (!(error instanceof CrossfadeError) || error.code !== 'LEASE_HELD') throw error
      const found = await journal.leaseHolder()
      if (found) {
        const at = performance.now()
        if (!firstSeen) {
          firstSeen = { at, ...found }
          onWait(found.holder, found.expiresInMs)
        }
        const expected = firstSeen.expiresInMs - (at - firstSeen.at)
        if (found.holder !== firstSeen.holder || found.expiresInMs > expected + TOLERANCE_MS) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  return undefined
}
