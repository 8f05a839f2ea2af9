/** What happened in the pool so far. */
import type { Side } from '../engines/engine.js'
import type { GateState } from './gate.js'
import { PoolError, type Borrower, type PoolErrorCode } from './errors.js'
import { Histogram, type HistogramStats } from './histogram.js'
import type { HostStats } from './host-stats.js'
import type { FailoverEvent, ReadEvent, Telemetry } from './telemetry.js'

/** Why a connection was closed. */
export type CloseReason =
  'idle' | 'lifetime' | 'died' | 'invalid' | 'unclean' | 'switched' | 'ended' | 'disabled' | 'drained'

export interface PoolStats {
  readonly name: string
  readonly side: Side
  readonly epoch: number
  readonly gate: GateState
  /** False before the first look at the gate board, and while the link to it is lost. True without a journal. */
  readonly isLinked: boolean
  readonly min: number
  readonly max: number
  readonly total: number
  readonly idle: number
  /** Lent, or being cleaned after a lease. */
  readonly inUse: number
  readonly connecting: number
  readonly waiting: number
  readonly inFlight: number
  readonly oldestBorrower: Borrower | undefined
  readonly counts: Readonly<Counts>
  /** How long the gate was closed, as this pool saw it. */
  readonly holds: HistogramStats & { readonly lastMs: number }
  readonly closed: Readonly<Record<CloseReason, number>>
  /** Errors of the pool's own by code; those of the database are counted by host. */
  readonly errors: Readonly<Partial<Record<PoolErrorCode, number>>>
  /** Each host of each side by itself. */
  readonly hosts: readonly HostStats[]
  /** Statements that only read: where they went, and why there. */
  readonly reads: readonly (ReadEvent & { readonly count: number })[]
}

export interface Counts {
  acquired: number
  acquireTimeouts: number
  holdTimeouts: number
  connected: number
  connectFailures: number
  /** Transactions and single queries that the fence refused. */
  refused: number
  /** Those of them that were run again. */
  reruns: number
  /** Run again after a serialization failure, a deadlock or a lock wait that was too long. */
  conflictReruns: number
  lost: number
  outcomeUnknown: number
  switches: number
  /** Writes that moved to another host of the same side. */
  failovers: number
}

export class Statistics {
  readonly counts: Counts = {
    acquired: 0,
    acquireTimeouts: 0,
    holdTimeouts: 0,
    connected: 0,
    connectFailures: 0,
    refused: 0,
    reruns: 0,
    conflictReruns: 0,
    lost: 0,
    outcomeUnknown: 0,
    switches: 0,
    failovers: 0,
  }
  readonly closed: Record<CloseReason, number> = {
    idle: 0,
    lifetime: 0,
    died: 0,
    invalid: 0,
    unclean: 0,
    switched: 0,
    ended: 0,
    disabled: 0,
    drained: 0,
  }
  readonly errors: Partial<Record<PoolErrorCode, number>> = {}
  readonly #holds = new Histogram()
  #lastHoldMs = 0
  #heldSince: number | undefined
  readonly #reads = new Map<string, ReadEvent & { count: number }>()

  constructor(readonly telemetry: Telemetry) {}

  get reads(): PoolStats['reads'] {
    return [...this.#reads.values()].map((read) => ({ ...read }))
  }

  /** Call once for each statement that was taken for a read. `why` is one of a few words. */
  read({ route, why }: ReadEvent): void {
    const key = `${route} ${why}`
    const known = this.#reads.get(key)
    if (known === undefined) this.#reads.set(key, { route, why, count: 1 })
    else known.count += 1
    this.telemetry.read({ route, why })
  }

  /** What a borrower got instead of a connection or a result. */
  failed(error: unknown): void {
    if (error instanceof PoolError) this.errors[error.code] = (this.errors[error.code] ?? 0) + 1
  }

  failedOver(event: FailoverEvent): void {
    this.counts.failovers += 1
    this.telemetry.failedOver(event)
  }

  get holds(): PoolStats['holds'] {
    return { ...this.#holds.stats(), lastMs: this.#lastHoldMs }
  }

  gateChanged(state: GateState): void {
    if (state !== 'open') {
      this.#heldSince ??= performance.now()
    } else if (this.#heldSince !== undefined) {
      this.#lastHoldMs = performance.now() - this.#heldSince
      this.#heldSince = undefined
      this.#holds.record(this.#lastHoldMs)
    }
  }
}
