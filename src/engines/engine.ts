/**
 * What Crossfade asks of a database. `postgres/` and `mysql/` (MySQL and MariaDB, kept apart where they differ) implement it;
 * nothing outside this folder holds a driver or SQL of one engine.
 */
import type { Expr } from '../plan/expression.js'
import type { ColumnType, SchemaSpec, TableSpec } from '../plan/schema.js'
import type { RawRow, Sql, SqlValue } from './sql.js'

export type EngineName = 'postgres' | 'mariadb' | 'mysql'
export type Side = 'blue' | 'green'

/**
 * Where a side is. PostgreSQL: `postgres://user:password@host:port/database?schema=name` (default schema `public`).
 * MySQL, MariaDB: `mysql://user:password@host:port/database`. Both sides may live on one server.
 */
export interface Location {
  readonly url: string
  /** The schema (PostgreSQL) or database (MySQL, MariaDB) that holds the side's tables. */
  readonly namespace: string
  /** The schema or database that holds Crossfade's own objects on that server. Default `crossfade`. */
  readonly metaNamespace: string
}

/** One connection. Marked as Crossfade's own: capture skips its writes and gates let them pass; time zone UTC. */
export interface Session extends AsyncDisposable {
  readonly dialect: Dialect
  /** The server's number of this connection: backend pid or connection id. */
  readonly id: number
  /** Rows as arrays of raw text (bytes for binary columns). */
  query(query: Sql): Promise<RawRow[]>
  /** @returns rows affected. */
  execute(query: Sql): Promise<number>
  /**
   * Runs `work` in READ COMMITTED; commits when it returns, rolls back when it throws. Not reentrant.
   * `snapshot: true` gives REPEATABLE READ, read only: all reads see one moment.
   */
  transaction<T>(work: () => Promise<T>, options?: { snapshot?: boolean }): Promise<T>
  /** Rows of a query in batches of at most `batchRows`, without holding all of them in memory. */
  stream(query: Sql, batchRows: number): AsyncIterable<RawRow[]>
  /** Ends the connection without waiting for a running statement. Safe to repeat. */
  close(): Promise<void>
}

/** The relation that an expression's alias stands for, as SQL text that can be followed by `.column`. */
export interface ExprContext {
  /** SQL of the alias (already quoted), by alias of the expression. */
  readonly alias: (alias: string) => string
  /** Type of a column, for engines that render by type. */
  readonly typeOf: (alias: string, column: string) => ColumnType
  /** Quoted, namespace-qualified name of a table on the side that the expression reads. */
  readonly table: (name: string) => string
  /** Type of a column of a child table of a fold (alias `c`). */
  readonly typeOfTable: (table: string, column: string) => ColumnType
  /** Where the member of a JSON column was taken out beforehand (see {@link Dialect.members}): SQL of it. */
  readonly member?: (alias: string, column: string, path: readonly string[]) => string | undefined
}

export interface ColumnPlace {
  readonly table: string
  readonly column: string
}

/** The SQL of one engine. Builds text and sends nothing, so it is tested without a server. */
export interface Dialect {
  readonly engine: EngineName
  quote(identifier: string): string
  /** `namespace.table`, both quoted. */
  qualify(namespace: string, table: string): string
  /** SQL of an expression. A condition is a boolean usable in WHERE. */
  expression(expr: Expr, context: ExprContext): Sql
  /** `value` cast to the type of a column, exactly or with the engine's error. For values bound as text. */
  castTo(value: Sql, type: ColumnType): Sql
  /**
   * Canonical text of a column, NULL for NULL: equal text if and only if equal value, on every engine. Integers and decimals as
   * text that never rounds, booleans 0/1, dates YYYY-MM-DD, times to microseconds in UTC, bytes in hex, floats by
   * their bytes, JSON as the engine's own text (compared by meaning where a chunk differs).
   */
  canonical(column: Sql, type: ColumnType): Sql
  /** 64-bit unsigned, non-linear hash of canonical texts with NULL marked and lengths kept apart, as an exact number. */
  rowHash(canonicalColumns: readonly Sql[]): Sql
  /** SUM of row hashes, exact, as text ('0' for no rows). */
  sumHash(hash: Sql): Sql
  /** `(columns) > (values)` in a form that uses an index, for lists of equal length. */
  after(columns: readonly Sql[], values: readonly Sql[]): Sql
  /** `(columns) <= (values)` likewise. */
  upTo(columns: readonly Sql[], values: readonly Sql[]): Sql
  /** `(columns) IN ((..), ..)` in a form that uses an index. `tuples` is not empty. */
  within(columns: readonly Sql[], tuples: readonly (readonly Sql[])[]): Sql
  /**
   * Order of a key column that is the same in the database and in chunk bounds, e.g. with COLLATE "C" on PostgreSQL where
   * the column is text. Indexes on Crossfade-made tables use the same collation.
   * @param places the columns it comes from, for engines where some are in that order already. Without them the column's own order.
   */
  orderBy(column: Sql, type: ColumnType, places?: readonly ColumnPlace[]): Sql
  /** The elements of a JSON value as a lateral relation: `alias.value` (JSON), `alias.ordinal` (0-based), `alias.name` (of a map). */
  unnest(json: Sql, shape: 'array' | 'object' | 'map', alias: string): Sql
  /**
   * A join that adds members of a JSON value as columns `m0`, `m1`… of `alias`, one row always: a wide JSON column is read once for
   * each row instead of once for each place that names a member.
   */
  members(json: Sql, paths: readonly (readonly string[])[], alias: string): Sql
  /** A select of which an outer one may name each column several times at no cost, where the engine can say so. */
  evaluatedOnce(select: Sql): Sql
  /** Aggregate of JSON values into one JSON array, in this order. */
  jsonArrayAggregate(json: Sql, orderBy: readonly Sql[]): Sql
  /** A relation of bound rows: `SELECT CAST(? AS type) AS name, ... UNION ALL ...`. `place`: the column whose values they are. */
  values(
    columns: readonly { readonly name: string; readonly type: ColumnType; readonly place?: ColumnPlace }[],
    rows: readonly (readonly SqlValue[])[],
  ): Sql
}

/** What the engine can find out about a server and what this connection may do. */
export interface ServerFacts {
  readonly engine: EngineName
  readonly version: string
  /** Settings that matter, by the engine's own name. */
  readonly settings: Readonly<Record<string, string>>
  /** Identifies the server and the database within it: equal when one statement can read both sides. */
  readonly reach: string
}

/** A finding of preflight. `blocking` ones stop `run`; all are shown at once. */
export interface Finding {
  /** Stable word, e.g. `long-transaction`. */
  readonly code: string
  readonly severity: 'blocking' | 'warning'
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}

export interface CaptureTable {
  readonly table: string
  /** Columns logged old and new: primary key first, then routing columns. */
  readonly columns: readonly string[]
}

/** A logged write. Values are text in the order of {@link CaptureTable.columns}; undefined where there was no such row. */
export interface Change {
  readonly id: string
  readonly table: string
  readonly before: readonly (string | null)[] | undefined
  readonly after: readonly (string | null)[] | undefined
  /** The whole table was emptied (TRUNCATE, PostgreSQL only). */
  readonly isTruncate: boolean
}

/** Trigger capture on one side. Objects are named after the side, so both sides may share a namespace. */
export interface Capture {
  /** Makes queue and triggers. Bounded lock waits with retries, table by table. Repeating it changes nothing. */
  install(tables: readonly CaptureTable[], options: InstallOptions): Promise<void>
  /** Removes triggers and queue, also another process's. Repeating it is harmless. */
  remove(): Promise<void>
  /** The oldest queued changes. The session must not be inside a transaction that started earlier. */
  take(session: Session, limit: number): Promise<Change[]>
  /** Forgets changes whose effect is committed on the destination. */
  acknowledge(session: Session, ids: readonly string[]): Promise<void>
  /** Queued changes and the age of the oldest one. */
  lag(session: Session): Promise<{ changes: number; ageMs: number }>
}

export interface InstallOptions {
  /** Longest wait for one table's lock before backing off and trying again. Default 100 ms. */
  readonly lockTimeoutMs?: number
  /** Gives up after this long. Default 60 s. @throws {CrossfadeError} TABLE_BUSY naming the session in the way. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Told each time a table could not be locked and by whom. */
  readonly onWait?: (table: string, blockers: readonly string[]) => void
}

export interface AuthorityState {
  readonly side: Side
  readonly epoch: number
  readonly isWritable: boolean
}

/** Authority row, gate triggers and fence of one side. */
export interface Fence {
  /** Makes the authority row (with this state when it is missing) and what gates need. Repeating it changes nothing. */
  prepare(initial: { epoch: number; isWritable: boolean }): Promise<void>
  /** Gate triggers on each table. Repeating it changes nothing. */
  arm(tables: readonly string[], options: InstallOptions): Promise<void>
  /** True when every gate trigger of `tables` is present and enabled. */
  isArmed(tables: readonly string[]): Promise<boolean>
  disarm(tables: readonly string[], options: InstallOptions): Promise<void>
  /** True when {@link prepare} made the authority row and nobody removed it. */
  exists(): Promise<boolean>
  read(): Promise<AuthorityState>
  /**
   * Waits for writers in flight, keeps new ones waiting, then closes the side: afterwards no write but Crossfade's own can
   * commit. Bounded by `budgetMs`; when missed the side is as before.
   * @returns `fenced: false` with the sessions that stood in the way.
   */
  close(options: {
    epoch: number
    budgetMs: number
  }): Promise<{ fenced: true; waitedMs: number } | { fenced: false; waitedMs: number; blockers: readonly string[] }>
  /** Opens the side for writes at `epoch`. */
  open(epoch: number): Promise<void>
  /** Sessions with open transactions that already wrote, oldest first, with their age: they would stand in the fence's way. */
  longTransactions(olderThanMs: number): Promise<readonly { session: string; ageMs: number }[]>
  /** Removes gates, authority and everything `prepare` made. */
  remove(): Promise<void>
}

/**
 * The fence against a left-behind orchestrator: a new run calls `take`, and from its return on no statement of an older run is
 * executed on the side, of whatever kind. Besides, each write transaction starts with `hold`, so that it commits before a `take` or
 * not at all.
 */
export interface WriterLease {
  /**
   * Raises the side's run epoch to `runEpoch`. Write transactions of older runs get `graceMs` to end; then all sessions of older
   * runs are ended, and none can be opened any more. Sessions of this side opened from now on are this run's: `connect` throws
   * LEASE_LOST when a newer run has the side. Repeating it changes nothing.
   * @throws {CrossfadeError} LEASE_LOST when a newer run has the side, LEASE_HELD when sessions of an older run cannot be ended.
   */
  take(runEpoch: number, graceMs: number): Promise<void>
  /** Call first inside each writing transaction. @throws {CrossfadeError} LEASE_LOST when a newer run has taken the side. */
  hold(session: Session, runEpoch: number): Promise<void>
  remove(): Promise<void>
}

export interface BulkWriter {
  /**
   * Inserts rows of raw text into `table` (columns in this order) inside the session's transaction.
   * @throws {CrossfadeError} UNIQUE_VIOLATION, so that the caller can enlarge its batch.
   */
  insert(
    session: Session,
    table: string,
    columns: readonly { name: string; type: ColumnType }[],
    rows: readonly RawRow[],
  ): Promise<void>
  /**
   * Streams the result of `select` on `from` into `table` on `to` by the engine's fastest pipe (COPY, LOAD DATA or
   * multi-row INSERT), within `to`'s transaction. Where both are one session its server reads and writes by itself.
   * @returns rows written.
   */
  pipe(
    from: Session,
    select: Sql,
    to: Session,
    table: string,
    columns: readonly { name: string; type: ColumnType }[],
  ): Promise<number>
}

export interface SchemaTools {
  /** DDL statements that make the tables (without secondary indexes and foreign keys), idempotent. */
  createTables(schema: SchemaSpec): readonly Sql[]
  /** Secondary and unique indexes, then foreign keys, row-level security; run after the backfill where that is faster. Idempotent. */
  createIndexes(schema: SchemaSpec): readonly Sql[]
  /** Next value of each identity column at or above `next` (auto-increment, sequence). */
  setNextValue(table: string, column: string, next: string): readonly Sql[]
  dropTables(schema: SchemaSpec): readonly Sql[]
  /** The tables as the server has them, by the words of {@link SchemaSpec}; types it cannot express are given as server text. */
  introspect(session: Session): Promise<Readonly<Record<string, TableSpec>>>
  /** Differences that matter between what the plan says and what is there. */
  drift(session: Session, schema: SchemaSpec): Promise<readonly Finding[]>
}

/**
 * Reads what a dump must hold. Called once when the dump is written, with sessions that each see one moment: the moment of the
 * dump is not before that of `earliest` and not after that of `latest`. Both are one session where the dump was made with its
 * very snapshot.
 */
export type DumpWitness = (earliest: Session, latest: Session) => Promise<void>

export interface BackupTools {
  /**
   * Dumps the namespace to `file` with the engine's own tool when one of the server's version is at hand, else with the
   * built-in logical dump. An error of the witness is thrown. @returns which was used and why.
   */
  dump(file: string, signal: AbortSignal, witness?: DumpWitness): Promise<{ tool: string; note: string; bytes: number }>
  /** A position for point-in-time recovery: LSN or GTID, with a named restore point where the engine has them. */
  recoveryMarker(session: Session, name: string): Promise<string>
  /** Restores into a scratch database or schema made for it, dropping an older one of this side. @returns its location. */
  restore(file: string, signal: AbortSignal): Promise<Location>
  /** Drops what a restore, or one that crashed, left on the server. Harmless when there is none. */
  dropScratch(): Promise<void>
}

/** All an engine offers for one side. Made by {@link openSide}. */
export interface SideTools extends AsyncDisposable {
  readonly side: Side
  readonly location: Location
  readonly facts: ServerFacts
  readonly dialect: Dialect
  /** A new session; the caller closes it. `application` shows in the server's session list. */
  connect(application?: string): Promise<Session>
  readonly schema: SchemaTools
  readonly capture: Capture
  readonly fence: Fence
  readonly lease: WriterLease
  readonly bulk: BulkWriter
  readonly backup: BackupTools
  /** Permissions, settings, keys, cascades, foreign triggers, long transactions, disk, replicas, remains of earlier runs. */
  preflight(tables: SchemaSpec): Promise<readonly Finding[]>
  /** What Crossfade left on this side: triggers, queues, schemas, slots, locks, connections; for `abort` and for tests. */
  remains(): Promise<readonly string[]>
  /** Replica lag and load, for the throttle. NULL where there is no replica. */
  load(session: Session): Promise<{ replicaLagMs: number | null; runningQueries: number }>
  /** Drops the meta namespace when nothing of Crossfade is left in it. */
  dropMeta(): Promise<void>
}
