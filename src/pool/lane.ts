/** The connections to one side: opens, keeps, checks and closes them. Who gets one is not decided here. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Side } from '../engines/engine.js'
import type { DriverConnection, PoolDriver } from '../engines/pool-driver.js'
import type { Borrower } from './errors.js'
import type { ResolvedOptions } from './options.js'
import { firstWords } from './statement.js'
import type { CloseReason, Statistics } from './stats.js'

/** A connection of a lane with what is known about it. */
export interface Slot {
  readonly lane: Lane
  readonly connection: DriverConnection
  readonly expiresAt: number
  idleSince: number
  /** Opened or answered a ping just now, and not lent since. */
  isChecked: boolean
  lentAt: number | undefined
  /** The last statement, with its values: shown by its first words only. */
  sql: string | undefined
  /** Set by the borrower when the connection must not be lent again. */
  unclean: CloseReason | undefined
}

export interface LaneEvents {
  /** A connection has become free, or may be tried again. */
  onProgress(): void
  onFailure(lane: Lane, cause: unknown): void
  onConnect(slot: Slot): void
  onRemove(slot: Slot, reason: CloseReason): void
  /** An idle connection died. */
  onIdleError(cause: Error): void
}

/** More handshakes at once only slow each other down on a small server. */
const MAX_CONNECTING = 16
const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 1_000
/** A server that does not answer a goodbye does not keep the pool from ending. */
const GOODBYE_MS = 2_000

export class Lane {
  readonly #slots = new Set<Slot>()
  /** The one used last is lent first, so that the others can grow old and be closed. */
  readonly #idle: Slot[] = []
  /** Connections on their way in or out. */
  readonly #pending = new Set<Promise<void>>()
  #connecting = 0
  #validating = 0
  #isRetired = true
  #retryMs = 0
  #retryTimer: NodeJS.Timeout | undefined
  #failedAt: number | undefined
  #failure: unknown

  constructor(
    readonly side: Side,
    readonly driver: PoolDriver,
    private readonly options: ResolvedOptions,
    private readonly statistics: Statistics,
    private readonly events: LaneEvents,
  ) {}

  get total(): number {
    return this.#slots.size + this.#connecting
  }

  /** Connections that exist, without those being opened. */
  get live(): number {
    return this.#slots.size
  }

  get idle(): number {
    return this.#idle.length
  }

  get connecting(): number {
    return this.#connecting
  }

  get inUse(): number {
    return [...this.#slots].filter((slot) => slot.lentAt !== undefined).length
  }

  get oldestBorrower(): Borrower | undefined {
    const lent = [...this.#slots].filter((slot) => slot.lentAt !== undefined)
    const oldest = lent.reduce<Slot | undefined>(
      (old, slot) => (old && old.lentAt! <= slot.lentAt! ? old : slot),
      undefined,
    )
    if (oldest === undefined) return undefined
    return { ageMs: performance.now() - oldest.lentAt!, sql: oldest.sql && firstWords(oldest.sql) }
  }

  /** Why the newest attempt to connect failed, when that was after `since` and no connection came about since then. */
  failureSince(since: number): unknown {
    return this.#failedAt !== undefined && this.#failedAt >= since ? this.#failure : undefined
  }

  /** Lends a connection that is ready, or none. Those that rested are asked first, no more than `wanted` at once. */
  take(wanted: number): Slot | undefined {
    const now = performance.now()
    for (let slot = this.#idle.at(-1); slot !== undefined; slot = this.#idle.at(-1)) {
      const isRested = !slot.isChecked && now - slot.idleSince >= this.options.validateAfterIdleMs
      // Those below have rested for longer.
      if (isRested && this.#validating >= wanted) return undefined
      this.#idle.pop()
      if (now >= slot.expiresAt) this.#remove(slot, 'lifetime')
      else if (isRested) this.#validate(slot)
      else {
        slot.lentAt = now
        slot.sql = undefined
        return slot
      }
    }
    return undefined
  }

  give(slot: Slot): void {
    slot.lentAt = undefined
    const reason = this.#reasonToClose(slot)
    if (reason !== undefined) this.#remove(slot, reason)
    else this.#rest(slot)
    this.events.onProgress()
  }

  /** Sees to it that `wanted` connections are on their way, as far as `max` allows. */
  want(wanted: number): void {
    if (this.#retryTimer !== undefined) return
    while (
      this.#connecting + this.#validating < wanted &&
      this.total < this.options.max &&
      this.#connecting < MAX_CONNECTING
    ) {
      this.#track(this.#connect())
    }
  }

  /** Opens up to `min`. */
  fill(): void {
    this.#isRetired = false
    if (this.total < this.options.min) this.want(this.options.min - this.#slots.size)
  }

  /** Closes what is idle; what is lent is closed when it comes back. */
  retire(reason: CloseReason): void {
    this.#isRetired = true
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    for (const slot of this.#idle.splice(0)) this.#remove(slot, reason)
  }

  /** Closes what was idle or has lived too long, and fills up again. */
  reap(): void {
    const now = performance.now()
    for (const slot of this.#idle.filter(({ expiresAt }) => expiresAt <= now)) this.#removeIdle(slot, 'lifetime')
    // The first ones are idle for longest.
    while (this.#slots.size > this.options.min && this.#idle[0] !== undefined) {
      if (now - this.#idle[0].idleSince < this.options.idleTimeoutMs) break
      this.#removeIdle(this.#idle[0], 'idle')
    }
    if (!this.#isRetired) this.fill()
  }

  /** Drops all, also what is lent. Resolves when the sockets are closed, or after {@link GOODBYE_MS}. */
  async destroy(reason: CloseReason): Promise<void> {
    this.retire(reason)
    for (const slot of [...this.#slots]) {
      slot.connection.destroy()
      this.#remove(slot, reason)
    }
    const timer = new AbortController()
    const bound = sleep(GOODBYE_MS, undefined, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([Promise.allSettled(this.#pending), bound])
    timer.abort()
  }

  #track(work: Promise<void>): void {
    this.#pending.add(work)
    work.finally(() => this.#pending.delete(work)).catch(() => undefined)
  }

  async #connect(): Promise<void> {
    this.#connecting += 1
    const { connectTimeoutMs: timeoutMs, name: application, maxLifetimeMs } = this.options
    try {
      const connection = await this.driver.connect({ timeoutMs, application })
      const expiresAt = performance.now() + maxLifetimeMs * (1 - Math.random() / 10)
      const slot: Slot = {
        lane: this,
        connection,
        expiresAt,
        idleSince: performance.now(),
        isChecked: false,
        lentAt: undefined,
        sql: undefined,
        unclean: undefined,
      }
      connection.onDeath((cause) => this.#died(slot, cause))
      this.#slots.add(slot)
      this.statistics.counts.connected += 1
      this.#retryMs = 0
      this.#failedAt = undefined
      this.events.onConnect(slot)
      if (this.#isRetired) this.#remove(slot, 'switched')
      else this.#offer(slot)
    } catch (error) {
      this.statistics.counts.connectFailures += 1
      this.#failedAt = performance.now()
      this.#failure = error
      this.#pause()
      this.events.onFailure(this, error)
    } finally {
      this.#connecting -= 1
      if (!this.#isRetired && this.total < this.options.min) this.fill()
      this.events.onProgress()
    }
  }

  /** No further attempt for a while, then all who wait are thought of again. */
  #pause(): void {
    if (this.#retryTimer !== undefined || this.#isRetired) return
    this.#retryMs = Math.min(Math.max(this.#retryMs * 2, RETRY_MIN_MS), RETRY_MAX_MS)
    this.#retryTimer = setTimeout(
      () => {
        this.#retryTimer = undefined
        this.fill()
        this.events.onProgress()
      },
      this.#retryMs * (0.75 + Math.random() / 2),
    )
    this.#retryTimer.unref()
  }

  #validate(slot: Slot): void {
    this.#validating += 1
    const timer = setTimeout(() => slot.connection.destroy(), this.options.connectTimeoutMs)
    const isAlive = slot.connection.ping().then(
      () => true,
      () => false,
    )
    void isAlive.then((answered) => {
      clearTimeout(timer)
      this.#validating -= 1
      // It may have died, or its side may have been retired, since the answer.
      const reason = answered ? this.#reasonToClose(slot) : 'invalid'
      if (reason !== undefined) this.#remove(slot, reason)
      else if (this.#slots.has(slot)) this.#offer(slot)
      this.events.onProgress()
    })
  }

  /** Lends it at once when somebody waits: whoever comes later finds a connection that has rested again. */
  #offer(slot: Slot): void {
    slot.isChecked = true
    this.#rest(slot)
    this.events.onProgress()
    slot.isChecked = false
  }

  #rest(slot: Slot): void {
    slot.idleSince = performance.now()
    this.#idle.push(slot)
  }

  #reasonToClose(slot: Slot): CloseReason | undefined {
    if (slot.connection.isDead) return 'died'
    if (slot.unclean !== undefined) return slot.unclean
    if (this.#isRetired) return 'switched'
    if (!this.options.isEnabled) return 'disabled'
    return performance.now() >= slot.expiresAt ? 'lifetime' : undefined
  }

  #died(slot: Slot, cause: Error): void {
    this.statistics.counts.lost += 1
    // A borrower learns it from its statement and gives the slot back.
    if (slot.lentAt !== undefined) return
    this.#removeIdle(slot, 'died')
    this.events.onIdleError(cause)
    if (!this.#isRetired) this.fill()
    this.events.onProgress()
  }

  #removeIdle(slot: Slot, reason: CloseReason): void {
    const index = this.#idle.indexOf(slot)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#remove(slot, reason)
  }

  #remove(slot: Slot, reason: CloseReason): void {
    if (!this.#slots.delete(slot)) return
    this.statistics.closed[reason] += 1
    // Goodbye is politeness: a connection in an unknown state, or a dead one, is dropped.
    if (reason === 'unclean' || reason === 'died' || reason === 'invalid') slot.connection.destroy()
    else this.#track(slot.connection.close().catch(() => slot.connection.destroy()))
    this.events.onRemove(slot, reason)
  }
}
