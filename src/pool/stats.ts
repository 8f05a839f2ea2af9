/** What happened in the pool so far. */
import type { Side } from '../engines/engine.js'
import type { GateState } from './gate.js'
import type { Borrower } from './errors.js'

/** Why a connection was closed. */
export type CloseReason = 'idle' | 'lifetime' | 'died' | 'invalid' | 'unclean' | 'switched' | 'ended' | 'disabled'

export interface PoolStats {
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
  readonly holds: { readonly count: number; readonly lastMs: number; readonly maxMs: number }
  readonly closed: Readonly<Record<CloseReason, number>>
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
  lost: number
  outcomeUnknown: number
  switches: number
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
    lost: 0,
    outcomeUnknown: 0,
    switches: 0,
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
  }
  #holds = { count: 0, lastMs: 0, maxMs: 0 }
  #heldSince: number | undefined

  get holds(): PoolStats['holds'] {
    return this.#holds
  }

  gateChanged(state: GateState): void {
    if (state !== 'open') {
      this.#heldSince ??= performance.now()
    } else if (this.#heldSince !== undefined) {
      const lastMs = performance.now() - this.#heldSince
      this.#heldSince = undefined
      this.#holds = { count: this.#holds.count + 1, lastMs, maxMs: Math.max(lastMs, this.#holds.maxMs) }
    }
  }
}
