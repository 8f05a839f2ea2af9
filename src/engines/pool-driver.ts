/** What the connection pool asks of a driver. `openPoolDriver` picks the engine by the scheme of a URL. */
import { CrossfadeError } from './errors.js'
import type { EngineName } from './engine.js'
import type { ReadTest } from './reads.js'
import type { Replication } from './replication.js'

export type Row = Record<string, unknown>

export interface StatementResult<R = Row> {
  readonly rows: R[]
  /** Rows returned, or affected where the statement returns none. */
  readonly rowCount: number
  /** MySQL, MariaDB: the first value that AUTO_INCREMENT gave, if any. */
  readonly insertId?: number | string
}

/** An answer with what the driver made of it, for those who know the driver. */
export class Answer implements StatementResult {
  readonly #native: unknown

  constructor(
    readonly rows: Row[],
    readonly rowCount: number,
    readonly insertId: number | string | undefined,
    native: unknown,
  ) {
    this.#native = native
  }

  /** pg: its `Result`, a list of them for several statements. mysql2: `[rows or header, fields]`. */
  static nativeOf(result: object): unknown {
    return #native in result ? result.#native : undefined
  }
}

export interface StatementOptions {
  /** Prepared once for each connection, then only bound; the {@link DriverConnection.reset} forgets it. */
  readonly isPrepared?: boolean
  /** Options of the driver itself for this statement, as `rowMode` of pg and `rowsAsArray` of mysql2. */
  readonly driver?: Readonly<Record<string, unknown>>
}

export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

export interface BeginOptions {
  readonly isolation?: Isolation
  readonly readOnly?: boolean
}

/**
 * What an error means for the caller. `unreachable`: no connection came about. `denied`: the server refused the login or
 * the database. `full`: the server takes no more connections. `lost`: the connection died in use. `side-closed`: the
 * fence refused a write. `read-only`: a write was refused, perhaps because this host takes none. `rolled-back`: the server ended the whole transaction. `statement`: anything else.
 */
export type Fault =
  'unreachable' | 'denied' | 'full' | 'lost' | 'side-closed' | 'read-only' | 'rolled-back' | 'statement'

/** One raw connection of the application: not marked as Crossfade's own. One statement at a time. */
export interface DriverConnection {
  /** The server's number of this connection: backend pid or connection id. */
  readonly id: number
  /** True as soon as the connection is known to be unusable; set before the failing statement's promise rejects. */
  readonly isDead: boolean
  /** True while the server has a transaction open on this connection. Right when a statement has settled, also by an error. */
  readonly isInTransaction: boolean
  /** Called once, when the connection dies by itself. Never called after `close` or `destroy`. */
  onDeath(listener: (cause: Error) => void): void
  query(text: string, params: readonly unknown[], options?: StatementOptions): Promise<StatementResult>
  /**
   * The rows of one statement in batches of about `batchRows`; the server is not read from while the caller is busy. Left early,
   * the rest is dropped and the connection ready for the next statement, or dead.
   */
  stream(text: string, params: readonly unknown[], batchRows: number): AsyncGenerator<Row[], void, undefined>
  begin(options: BeginOptions): Promise<void>
  /** @returns false when the server rolled back instead, because a statement of the transaction had failed. */
  commit(): Promise<boolean>
  rollback(): Promise<void>
  /** Forgets session state: settings, temporary tables, prepared statements, locks. */
  reset(): Promise<void>
  ping(): Promise<void>
  /** Asks the server to stop the running statement, which itself reports what became of it. Over a connection of its own, to the same address. */
  cancel(): Promise<void>
  /** Says goodbye to the server. */
  close(): Promise<void>
  /** Drops the socket without waiting. Safe to repeat. */
  destroy(): void
}

export interface PoolDriver {
  readonly engine: Extract<EngineName, 'postgres' | 'mysql'>
  /** Host and port, as operators name it. */
  readonly address: string
  /** Host, port and namespace for messages; never the password. */
  readonly where: string
  /** @throws whatever the driver throws; {@link fault} says what it means. */
  connect(options: { timeoutMs: number; application: string }): Promise<DriverConnection>
  fault(error: unknown): Fault
  /**
   * What the server said when it closed a connection by itself. `shutdown`: it goes down, or somebody ended the session. `idle`: the
   * client had not asked for anything for too long, so that nothing was executed. `time-out`: a transaction rested or took too
   * long. Undefined: nothing. All but the first say nothing about the host.
   */
  farewell(error: unknown): 'shutdown' | 'idle' | 'time-out' | undefined
  /** Nothing but COMMIT and its like ends a transaction: no procedure does, and no DDL. */
  readonly keepsTransactions: boolean
  readonly replication: Replication
  /** Tells reads from writes; for pools with replicas, since a real parser takes a while to load. */
  loadReads(): Promise<ReadTest>
  /** The text with a `?` for each literal, on one line, cut off when it is long: for logs and reports. */
  redact(text: string): string
  /** The whole text on one line without comments, with a `?` for each literal. */
  bare(text: string): string
  /** True when a transaction lost against others and may succeed when it is run again: a serialization failure, a deadlock, a wait for a lock. */
  isConflict(error: unknown): boolean
}

/** @throws {CrossfadeError} URL_INVALID */
export async function openPoolDriver(url: string): Promise<PoolDriver> {
  return engineOf(url) === 'postgres'
    ? (await import('./postgres/pool-driver.js')).createPostgresPoolDriver(url)
    : (await import('./mysql/pool-driver.js')).createMysqlPoolDriver(url)
}

/** The driver family of a URL. @throws {CrossfadeError} URL_INVALID */
export function engineOf(url: string): 'postgres' | 'mysql' {
  const scheme = URL.canParse(url) ? new URL(url).protocol : ''
  if (scheme === 'postgres:' || scheme === 'postgresql:') return 'postgres'
  if (scheme === 'mysql:' || scheme === 'mariadb:') return 'mysql'
  throw new CrossfadeError('URL_INVALID', 'the URL of a connection pool has no known scheme')
}
