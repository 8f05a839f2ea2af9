/** The connections to one host that exist: who is lent, who is idle, and how each ends. When it ends is its lane's to say. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Borrower } from './errors.js'
import type { HostMeasures } from './host-stats.js'
import type { LaneEvents, Slot } from './slot.js'
import { firstWords } from './statement.js'
import type { CloseReason, Statistics } from './stats.js'

/** Weight of one borrower in the usual number of them. */
const USUAL_WEIGHT = 0.01
/** A server that does not answer a goodbye does not keep the pool from ending. */
const GOODBYE_MS = 2_000

export class Slots {
  readonly #all = new Set<Slot>()
  /** The one used last is lent first, so that the others can grow old and be closed. */
  readonly #idle: Slot[] = []
  /** Connections on their way in or out. */
  readonly #pending = new Set<Promise<void>>()
  #lent = 0
  #usual = 0

  constructor(
    private readonly measures: HostMeasures,
    private readonly statistics: Statistics,
    private readonly events: LaneEvents,
  ) {}

  get size(): number {
    return this.#all.size
  }

  get idle(): number {
    return this.#idle.length
  }

  get lent(): number {
    return this.#lent
  }

  /** How many are lent at a time, as a moving average. */
  get usual(): number {
    return Math.ceil(this.#usual)
  }

  /** The idle one that was used last. */
  get newestIdle(): Slot | undefined {
    return this.#idle.at(-1)
  }

  /** The idle one that has rested for longest. */
  get oldestIdle(): Slot | undefined {
    return this.#idle[0]
  }

  add(slot: Slot): void {
    this.#all.add(slot)
  }

  has(slot: Slot): boolean {
    return this.#all.has(slot)
  }

  /** Waited for by {@link destroy}. */
  track(work: Promise<void>): void {
    this.#pending.add(work)
    work.finally(() => this.#pending.delete(work)).catch(() => undefined)
  }

  /** Takes {@link newestIdle} out of those that can be lent. */
  takeNewestIdle(): void {
    this.#idle.pop()
  }

  lend(slot: Slot, now: number): void {
    slot.lentAt = now
    slot.sql = undefined
    this.#lent += 1
    this.#usual += (this.#lent - this.#usual) * USUAL_WEIGHT
  }

  takeBack(slot: Slot): void {
    if (slot.lentAt === undefined) return
    this.#lent -= 1
    const useMs = performance.now() - slot.lentAt
    slot.lentAt = undefined
    this.measures.use.record(useMs)
    this.statistics.telemetry.released(slot, useMs)
  }

  rest(slot: Slot): void {
    slot.idleSince = performance.now()
    this.#idle.push(slot)
  }

  oldestBorrower(redact: (sql: string) => string): Borrower | undefined {
    const lent = [...this.#all].filter((slot) => slot.lentAt !== undefined)
    const oldest = lent.reduce<Slot | undefined>(
      (old, slot) => (old && old.lentAt! <= slot.lentAt! ? old : slot),
      undefined,
    )
    if (oldest === undefined) return undefined
    return { ageMs: performance.now() - oldest.lentAt!, sql: oldest.sql && firstWords(redact(oldest.sql)) }
  }

  /** Ends what is lent; it is removed when the borrower gives it back. */
  destroyLent(): void {
    for (const slot of this.#all) if (slot.lentAt !== undefined) slot.connection.destroy()
  }

  /** One that is not idle, or not any more. */
  remove(slot: Slot, reason: CloseReason): void {
    if (!this.#all.delete(slot)) return
    this.takeBack(slot)
    this.statistics.closed[reason] += 1
    // Goodbye is politeness: a connection in an unknown state, or a dead one, is dropped.
    if (reason === 'unclean' || reason === 'died' || reason === 'invalid') slot.connection.destroy()
    else this.track(slot.connection.close().catch(() => slot.connection.destroy()))
    this.statistics.telemetry.removed(slot, reason)
    this.events.onRemove(slot, reason)
  }

  removeIdle(slot: Slot, reason: CloseReason): void {
    const index = this.#idle.indexOf(slot)
    if (index >= 0) this.#idle.splice(index, 1)
    this.remove(slot, reason)
  }

  removeAllIdle(reason: CloseReason): void {
    for (const slot of this.#idle.splice(0)) this.remove(slot, reason)
  }

  removeExpired(now: number): void {
    for (const slot of this.#idle.filter(({ expiresAt }) => expiresAt <= now)) this.removeIdle(slot, 'lifetime')
  }

  /** Drops all, also what is lent. Resolves when the sockets are closed, or after {@link GOODBYE_MS}. */
  async destroy(reason: CloseReason): Promise<void> {
    this.removeAllIdle(reason)
    for (const slot of [...this.#all]) {
      slot.connection.destroy()
      this.remove(slot, reason)
    }
    const timer = new AbortController()
    const bound = sleep(GOODBYE_MS, undefined, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([Promise.allSettled(this.#pending), bound])
    timer.abort()
  }
}
