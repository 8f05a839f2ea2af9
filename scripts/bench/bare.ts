/** The engine by itself, through its driver and nothing else: what Crossfade is measured against. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Connection, QueryError, ResultSetHeader } from 'mysql2'
import mysql from 'mysql2'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { inlineValues as mysqlText } from '../../src/engines/mysql/quote.js'
import { inlineValues as postgresText } from '../../src/engines/postgres/literals.js'
import type { Sql } from '../../src/engines/sql.js'
import type { BenchEngine } from './place.js'

/** One plain connection. */
export interface Bare extends AsyncDisposable {
  /** @returns rows affected, or rows read. */
  run(statement: string): Promise<number>
  /** Streams the rows of `select` into `target`, a table with its list of columns, on another server. @returns rows. */
  pipe(select: string, to: Bare, target: string): Promise<number>
}

/** Compiled SQL with its values written in. */
export const textOf = (engine: BenchEngine, statement: Sql): string =>
  engine === 'postgres' ? postgresText(statement) : mysqlText(statement)

export const openBare = (engine: BenchEngine, url: string): Promise<Bare> =>
  engine === 'postgres' ? PostgresBare.open(url) : MariadbBare.open(url)

class PostgresBare implements Bare {
  private constructor(private readonly client: pg.Client) {}

  static async open(url: string): Promise<PostgresBare> {
    const client = new pg.Client({ connectionString: url, application_name: 'bench' })
    await client.connect()
    return new PostgresBare(client)
  }

  async run(statement: string): Promise<number> {
    return (await this.client.query({ text: statement, rowMode: 'array' })).rowCount ?? 0
  }

  async pipe(select: string, to: Bare, target: string): Promise<number> {
    if (!(to instanceof PostgresBare)) throw new TypeError('both ends are of one engine')
    const sink = to.client.query(copyFrom(`COPY ${target} FROM STDIN`))
    await pipeline(this.client.query(copyTo(`COPY (${select}) TO STDOUT`)), sink)
    return sink.rowCount
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end()
  }
}

/** Bytes of a packet of LOAD DATA LOCAL. */
const PIECE_CHARACTERS = 128 * 1024

class MariadbBare implements Bare {
  private constructor(private readonly connection: Connection) {}

  static async open(uri: string): Promise<MariadbBare> {
    const connection = mysql.createConnection({ uri, charset: 'utf8mb4_bin', flags: ['+LOCAL_FILES'] })
    const bare = new MariadbBare(connection)
    // READ COMMITTED does not lock the rows that INSERT..SELECT reads, which is faster.
    await bare.run(`SET SESSION time_zone = '+00:00', tx_isolation = 'READ-COMMITTED'`)
    return bare
  }

  run(statement: string): Promise<number> {
    return this.#send({ sql: statement, rowsAsArray: true })
  }

  async pipe(select: string, to: Bare, target: string): Promise<number> {
    if (!(to instanceof MariadbBare)) throw new TypeError('both ends are of one engine')
    const rows = this.connection
      .query({ sql: select, rowsAsArray: true, typeCast: false })
      .stream({ highWaterMark: 1000 })
    const infileStreamFactory = (): Readable => Readable.from(toLines(rows), { objectMode: false })
    return to.#send({
      sql: `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${target.replace(' (', ' CHARACTER SET utf8mb4 (')}`,
      infileStreamFactory,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.connection.end(() => resolve()))
  }

  #send(options: mysql.QueryOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      this.connection.query(options, (error: QueryError | null, result: unknown) => {
        if (error) return reject(error)
        resolve(Array.isArray(result) ? result.length : (result as ResultSetHeader).affectedRows)
      })
    })
  }
}

const SPECIAL = /[\\\t\n\0]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\0': '\\0' }

/** latin1 there and back keeps every byte and is the cheapest way through a string. */
async function* toLines(rows: Readable): AsyncGenerator<Buffer> {
  let text = ''
  for await (const row of rows as AsyncIterable<(Buffer | null)[]>) {
    for (let index = 0; index < row.length; index += 1) {
      if (index > 0) text += '\t'
      const cell = row[index]!
      if (cell === null) text += '\\N'
      else {
        const value = cell.toString('latin1')
        text += SPECIAL.test(value) ? value.replace(/[\\\t\n\0]/g, (character) => ESCAPES[character]!) : value
      }
    }
    text += '\n'
    if (text.length >= PIECE_CHARACTERS) {
      yield Buffer.from(text, 'latin1')
      text = ''
    }
  }
  if (text !== '') yield Buffer.from(text, 'latin1')
}
