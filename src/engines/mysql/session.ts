/** One connection of Crossfade to MySQL or MariaDB. */
import type { Readable } from 'node:stream'
import mysql, {
  type Connection,
  type FieldPacket,
  type QueryError,
  type QueryOptions,
  type ResultSetHeader,
} from 'mysql2'
import type { Dialect, Session } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { watchSilence } from '../silence.js'
import { raw, type RawRow, type Sql } from '../sql.js'
import { classifyConnectError, classifyError } from './classify-error.js'
import { connectionOptions } from './connection-options.js'
import { dropConnection, socketOf } from './drop-connection.js'
import { inlineValues } from './quote.js'
import { createRowReader, type RowReader } from './row-reader.js'

/** Bytes and arrays: the driver's own types lose microseconds and big numbers. */
const RAW: Pick<QueryOptions, 'rowsAsArray' | 'typeCast'> = { rowsAsArray: true, typeCast: false }
/** An idle connection is closed by force after this: `QUIT` to a hung server would wait for ever. */
const QUIT_TIMEOUT_MS = 500
/** To ask about a statement over a connection of its own. */
const ASK_MS = 5_000

export interface Answer {
  readonly rows: RawRow[]
  readonly affected: number
  readonly warnings: number
}

export interface SessionHooks {
  /** Ends a running statement of this session from another connection. */
  readonly killQuery: (id: number) => Promise<void>
  readonly onClose: (session: MysqlSession) => void
}

export class MysqlSession implements Session {
  #fatal: CrossfadeError | undefined
  #isInTransaction = false
  #closing: Promise<void> | undefined
  readonly #onFatal = new Set<(error: CrossfadeError) => void>()

  private constructor(
    private readonly connection: Connection,
    private readonly url: string,
    readonly dialect: Dialect,
    readonly id: number,
    private readonly hooks: SessionHooks,
  ) {
    // Without a listener a connection that dies while idle would end the process.
    connection.on('error', (error: QueryError) => {
      this.#fail(error)
    })
  }

  static async open(url: string, dialect: Dialect, hooks: SessionHooks, application?: string): Promise<MysqlSession> {
    const connection = await connect(url, application)
    return new MysqlSession(connection, url, dialect, connection.threadId!, hooks)
  }

  async query(query: Sql): Promise<RawRow[]> {
    return (await this.run(query)).rows
  }

  async execute(query: Sql): Promise<number> {
    return (await this.run(query)).affected
  }

  /** `source` feeds LOAD DATA LOCAL. */
  run(query: Sql, source?: () => Readable): Promise<Answer> {
    if (this.#fatal) return Promise.reject(this.#fatal)
    const options = { sql: inlineValues(query), ...RAW, ...(source ? { infileStreamFactory: source } : {}) }
    return new Promise((resolve, reject) => {
      const unwatch = this.#watch()
      const fail = (error: unknown) => {
        unwatch()
        this.#onFatal.delete(fail)
        reject(classifyError(error))
      }
      this.#onFatal.add(fail)
      this.connection.query(options, (error: QueryError | null, result: unknown, fields: FieldPacket[] | undefined) => {
        if (error) return fail(error)
        unwatch()
        this.#onFatal.delete(fail)
        resolve(readAnswer(result, fields))
      })
    })
  }

  async transaction<T>(work: () => Promise<T>, options: { snapshot?: boolean } = {}): Promise<T> {
    if (this.#isInTransaction) throw new TypeError('a session runs one transaction at a time')
    this.#isInTransaction = true
    try {
      if (options.snapshot) {
        await this.execute(raw('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ'))
        await this.execute(raw('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY'))
      } else {
        await this.execute(raw('START TRANSACTION'))
      }
      const result = await work()
      await this.execute(raw('COMMIT'))
      return result
    } catch (error) {
      // A lost connection rolls back by itself.
      await this.execute(raw('ROLLBACK')).catch(() => undefined)
      throw error
    } finally {
      this.#isInTransaction = false
    }
  }

  stream(query: Sql, batchRows: number): AsyncGenerator<RawRow[]> {
    return this.streamAs(query, batchRows, createRowReader)
  }

  /** A stream of whatever `makeReader` makes of each row. */
  async *streamAs<R>(
    query: Sql,
    batchRows: number,
    makeReader: (fields: readonly FieldPacket[]) => RowReader<R>,
  ): AsyncGenerator<R[]> {
    if (this.#fatal) throw this.#fatal
    const command = this.connection.query({ sql: inlineValues(query), ...RAW })
    let reader: RowReader<R> | undefined
    let batch: R[] = []
    let isDone = false
    let isLeft = false
    let failure: CrossfadeError | undefined
    let wake = () => {}
    const stop = (error?: unknown) => {
      if (error !== undefined) failure = classifyError(error)
      isDone = true
      wake()
    }
    this.#onFatal.add(stop)
    const unwatch = this.#watch()
    command.on('fields', (fields) => {
      reader = makeReader(fields as unknown as FieldPacket[])
    })
    command.on('result', (row) => {
      if (isLeft || !reader || !Array.isArray(row)) return
      batch.push(reader(row as unknown as (Buffer | null)[]))
      if (batch.length >= batchRows) {
        this.connection.pause()
        wake()
      }
    })
    command.on('error', stop)
    command.on('end', () => stop())
    try {
      for (;;) {
        if (batch.length < batchRows && !isDone) {
          await new Promise<void>((resolve) => {
            wake = resolve
            this.connection.resume()
          })
          continue
        }
        if (failure) throw failure
        const rows = batch
        batch = []
        // `resume` may hand over more rows than asked for: those that were received already.
        for (let start = 0; start < rows.length; start += batchRows) yield rows.slice(start, start + batchRows)
        if (isDone && batch.length === 0) break
      }
    } finally {
      isLeft = true
      if (!isDone)
        await this.#abandon(
          () => isDone,
          (done) => (wake = done),
        )
      unwatch()
      this.#onFatal.delete(stop)
    }
    if (failure) throw failure
  }

  close(): Promise<void> {
    this.#closing ??= this.#quit()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The reader of a stream has gone: the rest of the rows is neither sent nor read. */
  async #abandon(isDone: () => boolean, onWake: (wake: () => void) => void): Promise<void> {
    await this.hooks.killQuery(this.id).catch(() => undefined)
    this.connection.resume()
    while (!isDone()) await new Promise<void>((resolve) => onWake(resolve))
    // Takes a KILL that came too late, so that it does not hit the next statement.
    await this.execute(raw('DO 0')).catch(() => undefined)
  }

  #fail(error: unknown): void {
    const known = classifyError(error)
    this.#fatal ??= new CrossfadeError('CONNECTION_LOST', `connection ${this.id}: ${known.message}`, { cause: error })
    for (const reject of [...this.#onFatal]) reject(this.#fatal)
  }

  /** @returns what ends the watch. */
  #watch(): () => void {
    const stream = socketOf(this.connection)
    return watchSilence({
      traffic: () => stream.bytesRead + stream.bytesWritten,
      isAtWork: () => isAtWork(this.url, this.id),
      onDead: () => {
        this.#fail(
          new CrossfadeError(
            'CONNECTION_LOST',
            'the server is not at work on the statement, and its answer does not come',
          ),
        )
        dropConnection(this.connection)
      },
    })
  }

  async #quit(): Promise<void> {
    const isIdle = this.#onFatal.size === 0 && !this.#fatal
    this.#fatal ??= new CrossfadeError('CONNECTION_LOST', `connection ${this.id} is closed`)
    if (isIdle) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, QUIT_TIMEOUT_MS)
        this.connection.end(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    dropConnection(this.connection)
    for (const reject of [...this.#onFatal]) reject(this.#fatal)
    this.hooks.onClose(this)
  }
}

function connect(url: string, application: string | undefined): Promise<Connection> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const connection = mysql.createConnection(connectionOptions(url, application))
    const fail = (error: QueryError) => {
      dropConnection(connection)
      reject(classifyConnectError(error, `${hostname}${port ? `:${port}` : ''}`))
    }
    connection.once('error', fail)
    connection.connect((error) => {
      if (error) return fail(error)
      connection.removeListener('error', fail)
      resolve(connection)
    })
  })
}

async function isAtWork(url: string, id: number): Promise<boolean> {
  const helper = await connect(url, 'crossfade monitor')
  const limit = setTimeout(() => dropConnection(helper), ASK_MS)
  try {
    return await new Promise<boolean>((resolve, reject) => {
      // What destroys it answers no query.
      helper.once('end', () => reject(new CrossfadeError('CONNECTION_LOST', 'the question was not answered')))
      helper.on('error', reject)
      helper.query('SHOW PROCESSLIST', (error, rows) => {
        if (error) return reject(error)
        const sessions = rows as { readonly Id: number | string; readonly Command: string }[]
        resolve(sessions.some((session) => Number(session.Id) === id && session.Command !== 'Sleep'))
      })
      setTimeout(() => resolve(false), ASK_MS).unref()
    })
  } finally {
    clearTimeout(limit)
    dropConnection(helper)
  }
}

function readAnswer(result: unknown, fields: FieldPacket[] | undefined): Answer {
  if (!fields || !Array.isArray(result)) {
    const header = result as ResultSetHeader | undefined
    return { rows: [], affected: header?.affectedRows ?? 0, warnings: header?.warningStatus ?? 0 }
  }
  const read = createRowReader(fields)
  return { rows: result.map((row) => read(row as (Buffer | null)[])), affected: result.length, warnings: 0 }
}
