/** What comes before a refused transaction is run again. */
import type { BoardLink } from './board-link.js'
import type { SideClosedError } from './errors.js'
import type { Gate } from './gate.js'
import { unlessAborted } from './unless-aborted.js'

/** While the board still names the side that refused: the fence closed before the hold reached this pool, or has missed its budget. */
const LOOK_MIN_MS = 10
const LOOK_MAX_MS = 200

export interface Rerun {
  readonly refusal: SideClosedError
  /** How often it was refused. */
  readonly refusals: number
  /** No further attempt after this, on the clock of `performance.now()`. */
  readonly untilMs: number
  readonly gate: Gate
  readonly link: BoardLink
  readonly signal: AbortSignal | undefined
}

/**
 * Reads the board. When it says something new, the gate has it and the queue does the waiting. Otherwise waits a little.
 * @throws the refusal when the time is over.
 */
export async function awaitNewerAuthority({ refusal, refusals, untilMs, gate, link, signal }: Rerun): Promise<void> {
  const leftMs = untilMs - performance.now()
  if (leftMs <= 0) throw refusal
  const over = new AbortController()
  const looked = Promise.race([link.refresh(), pause(leftMs, over.signal)])
  await unlessAborted(looked, signal).finally(() => over.abort())
  const { side, epoch } = gate.authority
  if (gate.state !== 'open' || side !== refusal.side || epoch !== refusal.epoch) return
  const waitMs = Math.min(LOOK_MIN_MS * 2 ** (refusals - 1), LOOK_MAX_MS) * (0.5 + Math.random())
  if (waitMs >= untilMs - performance.now()) throw refusal
  await pause(waitMs, signal)
  signal?.throwIfAborted()
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal?.addEventListener('abort', finish, { once: true })
  })
}
