/** What a borrower sees of a connection. */
import type { Side } from '../engines/engine.js'
import type { Row, StatementResult } from '../engines/pool-driver.js'
import type { Statement } from './statement.js'

export interface QueryOptions {
  /** Aborting takes a waiting request out of the queue, and asks the server to stop a running statement. */
  readonly signal?: AbortSignal
}

export interface StatementOptions extends QueryOptions {
  /**
   * Prepared once for each connection, and only bound afterwards; the 100 used last stay prepared. PostgreSQL: a named statement;
   * MySQL, MariaDB: the binary protocol. Default false.
   */
  readonly prepare?: boolean
  /** Options of pg or mysql2 for this statement, as `rowMode` or `rowsAsArray`. */
  readonly driver?: Readonly<Record<string, unknown>>
}

export interface StreamOptions extends QueryOptions {
  /** So many rows are in memory at a time, and fetched in one round trip. Default 500. */
  readonly batchRows?: number
}

/** A connection inside a transaction. */
export interface PoolConnection {
  /** The side that the statements go to, for applications that choose their SQL by schema. */
  readonly side: Side
  readonly epoch: number
  query<R = Row>(
    statement: Statement,
    params?: readonly unknown[],
    options?: StatementOptions,
  ): Promise<StatementResult<R>>
  /**
   * The rows of one statement as they come. Until the stream is read to its end or left, no other statement runs on this
   * connection: STREAM_OPEN.
   */
  stream<R = Row>(
    statement: Statement,
    params?: readonly unknown[],
    options?: StreamOptions,
  ): AsyncGenerator<R, void, undefined>
}
