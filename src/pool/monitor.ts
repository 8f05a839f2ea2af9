/** Asks every host of a cluster what it is, each over one connection of its own, all the time. */
import type { DriverConnection, PoolDriver } from '../engines/pool-driver.js'
import type { HostRole } from '../engines/replication.js'

/** What a host said about itself, or that it said nothing. */
export interface Evidence {
  /** On the clock of `performance.now()`: the host was as it says at some moment after this. */
  readonly askedAt: number
  /** False: no answer within {@link PROBE_TIMEOUT_MS}, no connection, or a login that was refused. */
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

  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    const askedAt = performance.now()
    const evidence = await this.#ask(askedAt)
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
    let connection = this.#connection
    try {
      if (connection === undefined || connection.isDead) {
        const { application } = this.options
        connection = await this.driver.connect({ timeoutMs: PROBE_TIMEOUT_MS, application })
        this.#connection = connection
        // Nothing to do: the next look finds it dead.
        connection.onDeath(() => undefined)
        if (!this.#isRunning) throw new Error('the monitor was stopped')
      }
      const limit = setTimeout(() => connection!.destroy(), PROBE_TIMEOUT_MS)
      try {
        const role = await this.driver.replication.role(connection)
        const lagMs = role.isReplica ? await this.driver.replication.lagMs(connection) : undefined
        return { askedAt, isReachable: true, isSilent: false, role, lagMs, cause: undefined }
      } finally {
        clearTimeout(limit)
      }
    } catch (cause) {
      connection?.destroy()
      this.#connection = undefined
      const isReachable = this.driver.fault(cause) === 'full'
      // Timers are exact to a millisecond or two.
      const isSilent = !isReachable && performance.now() - askedAt >= PROBE_TIMEOUT_MS - 5
      return { askedAt, isReachable, isSilent, role: undefined, lagMs: undefined, cause }
    }
  }
}
