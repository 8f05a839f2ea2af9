/** Dialects of knex that get their connections from elsewhere. */
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import type { Knex } from 'knex'
import { Answer, type Row, type StatementResult } from './pool-driver.js'

/** What knex takes for a connection. */
export interface KnexConnection {
  query(
    sql: string,
    bindings: readonly unknown[],
    options: { readonly driver?: Readonly<Record<string, unknown>> },
  ): Promise<StatementResult>
  stream(sql: string, bindings: readonly unknown[], options: { readonly batchRows?: number }): AsyncGenerator<Row>
  /** Asks the server to stop the running statement. */
  cancel?(): void
}

export interface KnexSource {
  readonly engine: 'postgres' | 'mysql'
  acquire(): KnexConnection
  /** Safe to repeat: knex releases the connection of a stream twice. */
  release(connection: KnexConnection): void
  /** As the server says it. */
  version(): Promise<string>
  /** Runs code of the application that belongs to a transaction, which is open until `ended` settles. */
  within<T>(ended: Promise<unknown>, code: () => T): T
}

/** The part of knex's client that is used here; its own types leave most of it out. */
interface Client {
  version: string | null | undefined
  /** PostgreSQL. @returns the version. */
  _parseVersion(text: string): string
  /** MySQL, MariaDB: keeps it. */
  _applyParsedVersion?(text: string, from: { source: 'server' }): void
  transaction(container: Container, config: unknown, outer: unknown): unknown
}

type Container = (transactor: Knex.Transaction) => unknown

interface CompiledQuery {
  readonly sql?: string
  readonly bindings?: readonly unknown[]
  readonly options?: Readonly<Record<string, unknown>>
  response?: unknown
}

const DIALECTS = {
  postgres: 'knex/lib/dialects/postgres/index.js',
  mysql: 'knex/lib/dialects/mysql2/index.js',
} as const

/** A class for the `client` of a knex configuration. It has no state: knex makes clients of transactions from its prototype alone. */
export function knexClientOf(source: KnexSource): typeof Knex.Client {
  const load = createRequire(import.meta.url)
  const Dialect = load(DIALECTS[source.engine]) as new (config: Knex.Config) => Client

  class PoolClient extends Dialect {
    async acquireConnection(): Promise<KnexConnection> {
      if (this.version === undefined) {
        const text = await source.version()
        if (this._applyParsedVersion === undefined) this.version = this._parseVersion(text)
        else this._applyParsedVersion(text, { source: 'server' })
      }
      return source.acquire()
    }

    async releaseConnection(connection: KnexConnection): Promise<void> {
      source.release(connection)
    }

    async cancelQuery(connection: KnexConnection): Promise<void> {
      connection.cancel?.()
    }

    async _query(connection: KnexConnection, query: CompiledQuery): Promise<CompiledQuery> {
      if (query.sql === undefined || query.sql === '') throw new Error('The query is empty')
      const { options } = query
      const hasOptions = options !== undefined && Object.keys(options).length > 0
      const result = await connection.query(query.sql, query.bindings ?? [], hasOptions ? { driver: options } : {})
      query.response = Answer.nativeOf(result)
      return query
    }

    _stream(
      connection: KnexConnection,
      query: CompiledQuery,
      stream: NodeJS.WritableStream,
      options: { readonly highWaterMark?: number; readonly batchSize?: number } = {},
    ): Promise<void> {
      if (query.sql === undefined || query.sql === '') throw new Error('The query is empty')
      const batchRows = options.batchSize ?? options.highWaterMark
      const rows = Readable.from(
        connection.stream(query.sql, query.bindings ?? [], batchRows === undefined ? {} : { batchRows }),
      )
      return new Promise((resolve, reject) => {
        rows.on('error', (error) => {
          reject(error)
          stream.emit('error', error)
        })
        rows.on('close', resolve)
        rows.pipe(stream)
      })
    }

    override transaction(container: Container, config: unknown, outer: unknown): unknown {
      const within: Container = (transactor) => source.within(transactor.executionPromise, () => container(transactor))
      return super.transaction(within, config, outer)
    }
  }
  return PoolClient as unknown as typeof Knex.Client
}
