/** What a lane lends, and what it tells of it. */
import type { DriverConnection } from '../engines/pool-driver.js'
import type { Lane } from './lane.js'
import type { CloseReason } from './stats.js'

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
  /** The host refused a write. */
  onSuspect(lane: Lane): void
  /** An idle connection died. */
  onIdleError(cause: Error): void
}
