/** Opens connections to one host: how many at once, how long to pause after a failure, and what failed last. */
import type { DriverConnection, PoolDriver } from '../engines/pool-driver.js'
import { Backoff } from './backoff.js'
import { Breaker } from './breaker.js'
import type { HostMeasures } from './host-stats.js'
import type { ResolvedOptions } from './options.js'
import type { Statistics } from './stats.js'

/** More handshakes at once only slow each other down on a small server. */
const MAX_CONNECTING = 16
/** Beside connections that serve already, one for so many: a handshake is more work for a server than what most borrowers want of it. */
const CONNECTING_SHARE = 8

export interface OpenerParts {
  readonly driver: PoolDriver
  readonly options: ResolvedOptions
  readonly statistics: Statistics
  readonly measures: HostMeasures
  /** Connections that exist. */
  readonly live: () => number
  readonly onOpen: (connection: DriverConnection, createMs: number) => void
  readonly onFailure: (error: unknown) => void
  /** One was opened or failed, and is counted no more. */
  readonly onSettled: () => void
  /** The pause after a failure is over. */
  readonly onResume: () => void
  /** One connection may be tried, to see whether the host is back. */
  readonly onTrial: () => void
  /** No pause is begun where nothing is to be opened. */
  readonly isRetired: () => boolean
}

export class Opener {
  readonly breaker: Breaker
  readonly #backoff = new Backoff()
  #connecting = 0
  #failedAt: number | undefined
  #failure: unknown

  constructor(private readonly parts: OpenerParts) {
    this.breaker = new Breaker(() => parts.onTrial())
  }

  get connecting(): number {
    return this.#connecting
  }

  get isPausing(): boolean {
    return this.#backoff.isPausing
  }

  /** The newest attempt failed. */
  get hasFailed(): boolean {
    return this.#failedAt !== undefined
  }

  /** One more may be begun now. */
  get hasRoom(): boolean {
    return this.#connecting < this.#most
  }

  get #most(): number {
    // One trial, whose outcome is waited for.
    if (this.breaker.state !== 'closed') return 1
    const live = this.parts.live()
    if (live === 0) return MAX_CONNECTING
    return Math.min(MAX_CONNECTING, Math.ceil(live / CONNECTING_SHARE))
  }

  /** Why the newest attempt to connect failed, when that was after `since` and no connection came about since then. */
  failureSince(since: number): unknown {
    return this.#failedAt !== undefined && this.#failedAt >= since ? this.#failure : undefined
  }

  /** Never throws: what fails is told. */
  async open(): Promise<void> {
    this.#connecting += 1
    const { driver, options, statistics, measures } = this.parts
    const { connectTimeoutMs: timeoutMs, name: application } = options
    const startedAt = performance.now()
    try {
      const connection = await driver.connect({ timeoutMs, application })
      const createMs = performance.now() - startedAt
      statistics.counts.connected += 1
      measures.create.record(createMs)
      this.#backoff.reset()
      this.breaker.succeeded()
      this.#failedAt = undefined
      this.parts.onOpen(connection, createMs)
    } catch (error) {
      statistics.counts.connectFailures += 1
      const fault = driver.fault(error)
      // What was never there cannot be lost; drivers use the same codes for both. Time-outs and TLS have none with some.
      measures.errors[fault === 'denied' || fault === 'full' ? fault : 'unreachable'] += 1
      this.#failedAt = performance.now()
      this.#failure = error
      if (fault !== 'full') this.breaker.failed()
      if (!this.parts.isRetired()) this.#backoff.pause(() => this.parts.onResume())
      this.parts.onFailure(error)
    } finally {
      this.#connecting -= 1
      this.parts.onSettled()
    }
  }

  stop(): void {
    this.#backoff.cancel()
    this.breaker.stop()
  }
}
