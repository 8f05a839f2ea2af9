/** What a host says about its part in replication: role, positions and lag. By the host's own word, never by configuration. */
import type { DriverConnection } from './pool-driver.js'

export interface HostRole {
  /** It takes writes now: not in recovery, not `read_only`. */
  readonly isWritable: boolean
  /** It follows another host. A host can do both (MariaDB without `read_only`), or neither (a primary made read-only). */
  readonly isReplica: boolean
  /** Of a primary: grows with each promotion. Where there is none (MySQL, MariaDB), or the user may not ask, undefined. */
  readonly term?: number
}

/** A place in the write history of one primary: LSN or GTID set. Only the engine that made it reads it. */
export type WritePosition = string & { readonly brand: 'WritePosition' }

/** Statements on a connection that nobody else uses meanwhile. All throw what the driver throws. */
export interface Replication {
  role(connection: DriverConnection): Promise<HostRole>
  /**
   * A position that covers everything committed on this host before the call. Undefined when it keeps none: it is a
   * replica, has no binary log or no GTIDs, or the user may not ask.
   */
  position(connection: DriverConnection): Promise<WritePosition | undefined>
  /**
   * Resolves to true as soon as what this replica shows covers `position`, to false when that takes longer than
   * `budgetMs` (0: looks once), when it is no replica, or `signal` aborts.
   */
  awaitReplay(
    connection: DriverConnection,
    position: WritePosition,
    budgetMs: number,
    signal?: AbortSignal,
  ): Promise<boolean>
  /** True for an error of a read that the primary might answer: refused there, given up for replay, or a schema from before. */
  isRefusal(error: unknown): boolean
  /** How far this replica is behind, by its own word: Infinity when it does not replicate, undefined when it cannot tell. */
  lagMs(connection: DriverConnection): Promise<number | undefined>
}
