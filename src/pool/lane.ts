/** The connections to one host: when they are opened, checked, lent and closed. Who gets one is not decided here. */
import type { Side } from '../engines/engine.js'
import type { DriverConnection, PoolDriver } from '../engines/pool-driver.js'
import type { Breaker } from './breaker.js'
import type { Evidence } from './monitor.js'
import type { Borrower } from './errors.js'
import { HostMeasures } from './host-stats.js'
import { Lag } from './lag.js'
import { Opener } from './opener.js'
import type { ResolvedOptions } from './options.js'
import type { LaneEvents, Slot } from './slot.js'
import { Slots } from './slots.js'
import type { CloseReason, Statistics } from './stats.js'
import type { Telemetry } from './telemetry.js'

/** Those who were at the gate go first; closing what they left can wait. */
const RETIRE_AFTER_MS = 5_000
/** What a connection is asked for: the host that takes the writes, or one that need not. */
export type Target = 'primary' | 'replica'

/**
 * `drained`: lends no more, what is lent may end; the monitor goes on. `maintenance`: nor is the host asked anything.
 * `auto`: as the monitor and the breaker say.
 */
export type HostSetting = 'auto' | 'drained' | 'maintenance'

export class Lane {
  /** Set by its cluster. */
  role: Target = 'primary'
  readonly lag: Lag
  readonly measures = new HostMeasures()
  /** What the host said last. Set by its cluster; undefined before the first look, and where there is no monitor. */
  evidence: Evidence | undefined
  /** Since when every look met silence. Set by its cluster. */
  silentSince: number | undefined
  /** The operator's word, which outranks all evidence. */
  setting: HostSetting = 'auto'
  readonly #slots: Slots
  readonly #opener: Opener
  #validating = 0
  #isRetired = true
  #retireTimer: NodeJS.Timeout | undefined
  /** How many are kept open. */
  #least: number

  constructor(
    readonly side: Side,
    readonly driver: PoolDriver,
    private readonly options: ResolvedOptions,
    private readonly statistics: Statistics,
    private readonly events: LaneEvents,
  ) {
    this.#least = options.min
    this.lag = new Lag(options.maxLagMs)
    this.#slots = new Slots(this.measures, statistics, events)
    this.#opener = new Opener({
      driver,
      options,
      statistics,
      measures: this.measures,
      live: () => this.live,
      isRetired: () => this.#isRetired,
      onOpen: (connection, createMs) => this.#opened(connection, createMs),
      onFailure: (error) => events.onFailure(this, error),
      onSettled: () => {
        this.#fill()
        events.onProgress()
      },
      onResume: () => {
        if (this.breaker.state === 'half-open') this.#tryOut()
        this.#fill()
        events.onProgress()
      },
      onTrial: () => this.#tryOut(),
    })
  }

  get breaker(): Breaker {
    return this.#opener.breaker
  }

  get telemetry(): Telemetry {
    return this.statistics.telemetry
  }

  get total(): number {
    return this.#slots.size + this.#opener.connecting
  }

  /** Connections that exist, without those being opened. */
  get live(): number {
    return this.#slots.size
  }

  get idle(): number {
    return this.#slots.idle
  }

  get connecting(): number {
    return this.#opener.connecting
  }

  get inUse(): number {
    return this.#slots.lent
  }

  /** How many are lent at a time, as a moving average. */
  get usual(): number {
    return this.#slots.usual
  }

  /** All that are to be kept open are there. */
  get isFull(): boolean {
    return !this.#isRetired && this.live >= this.#least
  }

  get oldestBorrower(): Borrower | undefined {
    return this.#slots.oldestBorrower((sql) => this.driver.redact(sql))
  }

  /** May serve reads: allowed, reachable, following somebody (or at least taking no writes), and not failing. */
  get isUsable(): boolean {
    if (this.setting !== 'auto' || this.breaker.state !== 'closed') return false
    if (this.evidence === undefined) return this.live > 0 || !this.#opener.hasFailed
    const { isReachable, role } = this.evidence
    return isReachable && (role === undefined || role.isReplica || !role.isWritable)
  }

  /** Why the newest attempt to connect failed, when that was after `since` and no connection came about since then. */
  failureSince(since: number): unknown {
    return this.#opener.failureSince(since)
  }

  /** Lends a connection that is ready, or none. Those that rested are asked first, no more than `wanted` at once. */
  take(wanted: number): Slot | undefined {
    const now = performance.now()
    for (let slot = this.#slots.newestIdle; slot !== undefined; slot = this.#slots.newestIdle) {
      const isRested = !slot.isChecked && now - slot.idleSince >= this.options.validateAfterIdleMs
      // Those below have rested for longer.
      if (isRested && this.#validating >= wanted) return undefined
      this.#slots.takeNewestIdle()
      if (now >= slot.expiresAt) this.#slots.remove(slot, 'lifetime')
      else if (isRested) this.#validate(slot)
      else {
        this.#slots.lend(slot, now)
        return slot
      }
    }
    return undefined
  }

  /** It refused a write: it may have become a replica. */
  suspect(): void {
    this.events.onSuspect(this)
  }

  /** Ends what is lent; the borrowers get a typed error. For a host that must not be written to any more. */
  dropLent(): void {
    this.#slots.destroyLent()
  }

  /** By the operator. */
  set(setting: HostSetting): void {
    this.setting = setting
    if (setting !== 'auto') this.#slots.removeAllIdle('drained')
    else this.#fill()
    this.events.onProgress()
  }

  give(slot: Slot): void {
    this.#slots.takeBack(slot)
    const reason = this.#reasonToClose(slot)
    if (reason !== undefined) this.#slots.remove(slot, reason)
    else this.#slots.rest(slot)
    this.events.onProgress()
  }

  /** Sees to it that `wanted` connections are on their way, as far as `max` allows. */
  want(wanted: number): void {
    if (this.#opener.isPausing || this.setting !== 'auto') return
    while (this.connecting + this.#validating < wanted && this.total < this.options.max && this.#opener.hasRoom) {
      this.#slots.track(this.#opener.open())
    }
  }

  /** Opens up to `min`, or as many as are said, and keeps that many. */
  fill(least = this.options.min): void {
    clearTimeout(this.#retireTimer)
    this.#isRetired = false
    this.#least = Math.min(Math.max(least, this.options.min), this.options.max)
    this.#fill()
  }

  /** As {@link retire}, after a while. */
  retireSoon(reason: CloseReason): void {
    if (this.#isRetired) return
    clearTimeout(this.#retireTimer)
    this.#retireTimer = setTimeout(() => this.retire(reason), RETIRE_AFTER_MS)
    this.#retireTimer.unref()
  }

  /** Closes what is idle; what is lent is closed when it comes back. */
  retire(reason: CloseReason): void {
    clearTimeout(this.#retireTimer)
    this.#isRetired = true
    this.#opener.stop()
    this.#slots.removeAllIdle(reason)
  }

  /** Closes what was idle or has lived too long, and fills up again. */
  reap(): void {
    const now = performance.now()
    this.#slots.removeExpired(now)
    for (
      let slot = this.#slots.oldestIdle;
      slot !== undefined && this.live > this.#least;
      slot = this.#slots.oldestIdle
    ) {
      if (now - slot.idleSince < this.options.idleTimeoutMs) break
      this.#slots.removeIdle(slot, 'idle')
    }
    this.#fill()
  }

  /** Drops all, also what is lent. Resolves when the sockets are closed, or soon. */
  async destroy(reason: CloseReason): Promise<void> {
    this.retire(reason)
    await this.#slots.destroy(reason)
  }

  #opened(connection: DriverConnection, createMs: number): void {
    const now = performance.now()
    const slot: Slot = {
      lane: this,
      connection,
      expiresAt: now + this.options.maxLifetimeMs * (1 - Math.random() / 10),
      idleSince: now,
      isChecked: false,
      lentAt: undefined,
      sql: undefined,
      unclean: undefined,
    }
    connection.onDeath((cause) => this.#died(slot, cause))
    this.#slots.add(slot)
    this.telemetry.connected(slot, createMs)
    this.events.onConnect(slot)
    const reason = this.#isRetired || this.setting !== 'auto' ? this.#reasonToClose(slot) : undefined
    if (reason !== undefined) this.#slots.remove(slot, reason)
    else this.#offer(slot)
  }

  /** The primary is the last candidate for writes: it is tried all the time, one connection after the other. */
  #tryOut(): void {
    if (!this.#isRetired && this.total < this.options.max) this.want(1)
  }

  #fill(): void {
    if (this.breaker.state === 'open' && this.role === 'replica') return
    if (!this.#isRetired && this.total < this.#least) this.want(this.#least - this.live)
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
      if (reason !== undefined) this.#slots.remove(slot, reason)
      else if (this.#slots.has(slot)) this.#offer(slot)
      this.events.onProgress()
    })
  }

  /** Lends it at once when somebody waits: whoever comes later finds a connection that has rested again. */
  #offer(slot: Slot): void {
    slot.isChecked = true
    this.#slots.rest(slot)
    this.events.onProgress()
    slot.isChecked = false
  }

  #reasonToClose(slot: Slot): CloseReason | undefined {
    if (slot.connection.isDead) return 'died'
    if (slot.unclean !== undefined) return slot.unclean
    if (this.#isRetired) return 'switched'
    if (this.setting !== 'auto') return 'drained'
    if (!this.options.isEnabled) return 'disabled'
    return performance.now() >= slot.expiresAt ? 'lifetime' : undefined
  }

  #died(slot: Slot, cause: Error): void {
    this.statistics.counts.lost += 1
    const farewell = this.driver.farewell(cause)
    // Idle ones may have been put out, which MariaDB does without a word. If the host is gone, connecting fails next.
    if (farewell === 'shutdown' || (slot.lentAt !== undefined && farewell === undefined)) this.breaker.failed()
    // A borrower learns it from its statement and gives the slot back.
    if (slot.lentAt !== undefined) return
    this.measures.errors.lost += 1
    this.#slots.removeIdle(slot, 'died')
    this.events.onIdleError(cause)
    this.#fill()
    this.events.onProgress()
  }
}
