/** Asks every host of a cluster what it is, each over one connection of its own, all the time. */
import type { DriverConnection, PoolDriver } from '../engines/pool-driver.js'
import type { HostRole } from '../engines/replication.js'

/** What a host said about itself, or that it said nothing. */
export interface Evidence {
  /** On the clock of `performance.now()`: the host was as it says at some moment after this. */
  readonly askedAt: number
  /** False: no answer in time, no connection, or a login that was refused. */
  readonly isReachable: boolean
  /** No answer of any kind came in time: neither yes nor no. */
  readonly isSilent: boolean
  /** Undefined when the host is not reachable, or too full to be asked. */
  readonly role: HostRole | undefined
  /** Of a replica, when it can tell. */
  readonly lagMs: number | undefined
  readonly cause: unknown
}

/** A promotion is found within this, and one look. */
const PROBE_MS = 500
/** While nobody is known to take writes. */
const URGENT_PROBE_MS = 100
/** A host that needs longer for two short questions is of no use to a read. Writes do not leave it for that. */
const PROBE_TIMEOUT_MS = 750
/** Longer: that a look is over has to be found by the look. */
const CONNECT_TIMEOUT_MS = 2 * PROBE_TIMEOUT_MS
/** A promotion is found, and the former primary asked, within a second. */
const HURRIED_TIMEOUT_MS = 300

export interface MonitorOptions {
  readonly application: string
  /** False: looks only when asked to, and keeps no connection. */
  readonly isStanding: boolean
  /** Looks follow each other faster. */
  readonly isUrgent: () => boolean
}

/** The monitor of one host. */
export class Monitor {
  #connection: DriverConnection | undefined
  #isRunning = false
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #again: Promise<void> | undefined
  #hurried = false
  #limit: Limit | undefined

  constructor(
    private readonly driver: PoolDriver,
    private readonly options: MonitorOptions,
    private readonly onEvidence: (evidence: Evidence) => void,
  ) {}

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    if (this.options.isStanding) void this.probe()
  }

  /** Safe to repeat; may be started again. */
  async stop(): Promise<void> {
    this.#isRunning = false
    clearTimeout(this.#timer)
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close().catch(() => connection.destroy())
    // A look that is about to connect drops its connection by itself.
    await this.#looking
  }

  /** Looks now. Resolves when a look that began after the call has been told of. Never throws. */
  probe(): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined
      })
      return this.#looking
    }
    // The look in flight may have got its answer already.
    this.#again ??= this.#looking.then(() => {
      this.#again = undefined
      return this.probe()
    })
    return this.#again
  }

  /** As {@link probe}, and silence is an answer sooner, also for the look in flight: another host has just become primary. */
  hurry(): void {
    if (!this.#isRunning) return
    this.#hurried = true
    if (this.#looking === undefined) void this.probe()
    else this.#limit?.shorten(HURRIED_TIMEOUT_MS)
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    const askedAt = performance.now()
    const evidence = await this.#ask(askedAt)
    this.#hurried = false
    if (!this.#isRunning) return
    this.onEvidence(evidence)
    if (!this.options.isStanding) {
      this.#connection?.close().catch(() => undefined)
      this.#connection = undefined
      return
    }
    this.#timer = setTimeout(() => void this.probe(), this.options.isUrgent() ? URGENT_PROBE_MS : PROBE_MS)
    this.#timer.unref()
  }

  async #ask(askedAt: number): Promise<Evidence> {
    const limit = new Limit(this.#hurried ? HURRIED_TIMEOUT_MS : PROBE_TIMEOUT_MS)
    this.#limit = limit
    try {
      const said = await Promise.race([this.#listen(limit), limit.isOver])
      return { askedAt, isReachable: true, isSilent: false, ...said, cause: undefined }
    } catch (cause) {
      this.#connection?.destroy()
      this.#connection = undefined
      const isReachable = this.driver.fault(cause) === 'full'
      const isSilent = cause instanceof SilenceError
      return { askedAt, isReachable, isSilent, role: undefined, lagMs: undefined, cause }
    } finally {
      limit.end()
      this.#limit = undefined
    }
  }

  async #listen(limit: Limit): Promise<Pick<Evidence, 'role' | 'lagMs'>> {
    let connection = this.#connection
    if (connection === undefined || connection.isDead) {
      const { application } = this.options
      connection = await this.driver.connect({ timeoutMs: CONNECT_TIMEOUT_MS, application })
      if (limit.hasEnded || !this.#isRunning) {
        connection.destroy()
        throw new Error('the look was over before the connection came about')
      }
      this.#connection = connection
      // Nothing to do: the next look finds it dead.
      connection.onDeath(() => undefined)
    }
    const role = await this.driver.replication.role(connection)
    const lagMs = role.isReplica ? await this.driver.replication.lagMs(connection) : undefined
    return { role, lagMs }
  }
}

/** Nothing was heard in time. */
class SilenceError extends Error {
  constructor(ms: number) {
    super(`no answer within ${Math.round(ms)} ms`)
  }
}

/** The time of one look, which may become shorter. */
class Limit {
  readonly #beganAt = performance.now()
  #timer: NodeJS.Timeout
  readonly #giveUp: () => void
  readonly isOver: Promise<never>
  hasEnded = false

  constructor(ms: number) {
    let fail!: (cause: Error) => void
    this.isOver = new Promise((_, reject) => (fail = reject))
    // Nobody may be listening any more.
    this.isOver.catch(() => undefined)
    this.#giveUp = () => fail(new SilenceError(performance.now() - this.#beganAt))
    this.#timer = setTimeout(this.#giveUp, ms)
  }

  shorten(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      this.#giveUp,
      Math.max(0, Math.min(ms, this.#beganAt + PROBE_TIMEOUT_MS - performance.now())),
    )
  }

  end(): void {
    clearTimeout(this.#timer)
    this.hasEnded = true
  }
}
