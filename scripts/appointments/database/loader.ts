/** Bulk loading of tables, by the fastest way of each engine. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { EngineName } from '../../../src/engines/engine.js'
import type { Cell } from '../generator/recipe.js'
import { toLines } from './lines.js'

export interface Place {
  readonly engine: EngineName
  readonly url: string
  /** Schema (PostgreSQL) or database (MySQL, MariaDB). */
  readonly namespace: string
}

/** One session that fills tables without asking foreign keys and triggers, and then brings the tables in order. */
export interface Loader extends AsyncDisposable {
  /** @returns rows written. */
  load(table: string, columns: readonly string[], rows: Iterable<readonly Cell[]>): Promise<number>
  /** Makes the next key of each table follow the highest one that is there. */
  continueKeys(tables: readonly { readonly table: string; readonly column: string }[]): Promise<void>
  analyze(tables: readonly string[]): Promise<void>
}

export async function openLoader(place: Place): Promise<Loader> {
  return place.engine === 'postgres' ? PostgresLoader.open(place) : MysqlLoader.open(place)
}

class PostgresLoader implements Loader {
  private constructor(
    private readonly client: pg.Client,
    private readonly namespace: string,
  ) {}

  static async open({ url, namespace }: Place): Promise<PostgresLoader> {
    const client = new pg.Client({ connectionString: url, application_name: 'appointments generator' })
    await client.connect()
    await client.query(`SET TIME ZONE 'UTC'; SET session_replication_role = replica; SET synchronous_commit = off`)
    return new PostgresLoader(client, namespace)
  }

  async load(table: string, columns: readonly string[], rows: Iterable<readonly Cell[]>): Promise<number> {
    const target = this.client.query(
      copyFrom(`COPY ${this.#name(table)} (${columns.map(pg.escapeIdentifier).join(', ')}) FROM STDIN`),
    )
    await pipeline(Readable.from(toLines(rows), { objectMode: false }), target)
    return target.rowCount
  }

  async continueKeys(tables: readonly { readonly table: string; readonly column: string }[]): Promise<void> {
    for (const { table, column } of tables) {
      const key = pg.escapeIdentifier(column)
      await this.client.query(
        `SELECT setval(pg_get_serial_sequence($1, $2), COALESCE(max(${key}), 0) + 1, false) FROM ${this.#name(table)}`,
        [this.#name(table), column],
      )
    }
  }

  async analyze(tables: readonly string[]): Promise<void> {
    await this.client.query(`ANALYZE ${tables.map((table) => this.#name(table)).join(', ')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end()
  }

  #name(table: string): string {
    return `${pg.escapeIdentifier(this.namespace)}.${pg.escapeIdentifier(table)}`
  }
}

class MysqlLoader implements Loader {
  private constructor(
    private readonly connection: mysql.Connection,
    private readonly namespace: string,
    private readonly hasLocalInfile: boolean,
  ) {}

  static async open({ url, namespace }: Place): Promise<MysqlLoader> {
    const connection = await mysql.createConnection({ uri: url, charset: 'utf8mb4_bin', flags: ['+LOCAL_FILES'] })
    await connection.query(
      `SET SESSION foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'`,
    )
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT @@local_infile AS local_infile')
    return new MysqlLoader(connection, namespace, Number(rows[0]?.['local_infile']) === 1)
  }

  async load(table: string, columns: readonly string[], rows: Iterable<readonly Cell[]>): Promise<number> {
    const names = columns.map((column) => mysql.escapeId(column)).join(', ')
    if (!this.hasLocalInfile) return this.#insert(table, names, rows)
    const [result] = await this.connection.query<mysql.ResultSetHeader>({
      sql: `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${this.#name(table)} CHARACTER SET utf8mb4 (${names})`,
      infileStreamFactory: () => Readable.from(toLines(rows), { objectMode: false }),
    })
    // LOCAL turns errors into warnings, so that bad rows would be changed or left out in silence.
    if (result.warningStatus > 0) {
      const [warnings] = await this.connection.query<mysql.RowDataPacket[]>('SHOW WARNINGS LIMIT 3')
      throw new Error(`${table}: ${warnings.map((warning) => String(warning['Message'])).join('; ')}`)
    }
    return result.affectedRows
  }

  /** For servers that refuse LOAD DATA LOCAL. */
  async #insert(table: string, names: string, rows: Iterable<readonly Cell[]>): Promise<number> {
    let batch: string[] = []
    let characters = 0
    let written = 0
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return
      await this.connection.query(`INSERT INTO ${this.#name(table)} (${names}) VALUES ${batch.join(',')}`)
      written += batch.length
      batch = []
      characters = 0
    }
    for (const row of rows) {
      const text = `(${row.map((cell) => mysql.escape(cell)).join(',')})`
      batch.push(text)
      characters += text.length
      // Far below the least max_allowed_packet in use, 16 MB, also with one long transcript on top.
      if (characters > 1_000_000) await flush()
    }
    await flush()
    return written
  }

  async continueKeys(tables: readonly { readonly table: string; readonly column: string }[]): Promise<void> {
    // InnoDB raises the value to the highest key plus one by itself.
    for (const { table } of tables) await this.connection.query(`ALTER TABLE ${this.#name(table)} AUTO_INCREMENT = 1`)
  }

  async analyze(tables: readonly string[]): Promise<void> {
    await this.connection.query(
      `ANALYZE NO_WRITE_TO_BINLOG TABLE ${tables.map((table) => this.#name(table)).join(', ')}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.end()
  }

  #name(table: string): string {
    return `${mysql.escapeId(this.namespace)}.${mysql.escapeId(table)}`
  }
}
