/** Notices borrowers that keep a connection for too long, and says who they are. */
import type { Side } from '../engines/engine.js'
import type { Slot } from './slot.js'

/** Told once for each borrowing. */
export interface Leak {
  /** The server's number of the connection. */
  readonly id: number
  readonly side: Side
  readonly ageMs: number
  /** The last statement with a `?` for each value, cut off when it is long. */
  readonly sql: string | undefined
  /** Where the connection was borrowed. */
  readonly stack: string
}

const LOOKS_PER_LIMIT = 4
const LOOK_MIN_MS = 20

export class LeakWatch {
  /** In the order in which they were borrowed. */
  readonly #lent = new Map<Slot, { readonly at: number; readonly origin: Error; isTold: boolean }>()
  readonly #timer: NodeJS.Timeout | undefined

  /** @param afterMs 0 watches nothing, and costs nothing. */
  constructor(
    private readonly afterMs: number,
    private readonly onLeak: (leak: Leak) => void,
  ) {
    if (afterMs === 0) return
    this.#timer = setInterval(() => this.#look(), Math.max(LOOK_MIN_MS, afterMs / LOOKS_PER_LIMIT))
    this.#timer.unref()
  }

  /** Call where the application called. Undefined when nothing is watched. */
  origin(): Error | undefined {
    return this.#timer === undefined ? undefined : new Error('borrowed here')
  }

  lent(slot: Slot, origin: Error | undefined): void {
    if (origin !== undefined) this.#lent.set(slot, { at: performance.now(), origin, isTold: false })
  }

  returned(slot: Slot): void {
    if (this.#timer !== undefined) this.#lent.delete(slot)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    for (const [slot, borrowing] of this.#lent) {
      const ageMs = now - borrowing.at
      if (ageMs < this.afterMs) return
      if (borrowing.isTold) continue
      borrowing.isTold = true
      const { stack = '' } = borrowing.origin
      const sql = slot.sql === undefined ? undefined : slot.lane.driver.redact(slot.sql)
      this.onLeak({ id: slot.connection.id, side: slot.lane.side, ageMs, sql, stack })
    }
  }
}
