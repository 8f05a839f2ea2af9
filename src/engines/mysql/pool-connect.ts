/** Opens a plain mysql2 connection for the connection pool and the gate board. */
import { connect, type Socket } from 'node:net'
import mysql from 'mysql2'
import type { StatementOptions } from '../pool-driver.js'
import { endWhenSilent } from '../silence.js'
import { dropConnection, socketOf } from './drop-connection.js'
import { mysqlSsl, withoutTlsParameters } from './tls.js'

/** A server that does not listen any more is left without a word after this. */
const GOODBYE_MS = 1_000
/** A server that does not stop sending rows by then has lost this connection. */
const LEAVE_MS = 5_000
/** More than an application's hot statements; each costs memory on the server, for each connection. */
const MOST_PREPARED = 100

export type MysqlRow = Record<string, unknown>

export interface MysqlAnswer {
  readonly rows: MysqlRow[]
  readonly header: mysql.ResultSetHeader | undefined
  /** Status flags of the protocol. Undefined when only rows came, which do not carry any. */
  readonly serverStatus: number | undefined
  /** What mysql2 gives: rows, a header or a list of them; and the fields. */
  readonly native: readonly [unknown, unknown]
}

/** mysql2's callback interface as promises; its own promise wrapper drops `fatal`, which tells a dead connection. */
export class MysqlClient {
  isDead = false
  #onDeath: ((cause: Error) => void) | undefined
  #isClosing = false
  /** Calls without an answer. mysql2 forgets them when its connection is destroyed, so they are failed here. */
  readonly #unanswered = new Set<(cause: Error) => void>()

  private constructor(
    private readonly connection: mysql.Connection,
    private readonly answerMs: number | undefined,
  ) {
    connection.on('error', (error) => this.#died(error))
    connection.on('end', () => this.#died(new Error('the server closed the connection')))
  }

  /** Connected, or throws. Errors never reach the process. `silenceMs` ends it when nothing came for so long, `answerMs`
   * when a call was not answered for so long. `address`: of the server, when the name may lead to another one by now. */
  static async connect(
    url: string,
    options: {
      timeoutMs: number
      application: string
      isMulti?: boolean
      silenceMs?: number
      answerMs?: number
      address?: string | undefined
    },
  ): Promise<MysqlClient> {
    const connection = mysql.createConnection({
      uri: withoutTlsParameters(url),
      ...mysqlSsl(url),
      ...(options.address === undefined ? {} : { stream: () => connectTo(url, options.address!) }),
      connectTimeout: options.timeoutMs,
      multipleStatements: options.isMulti ?? false,
      // An object as a value must never become SQL of its own.
      stringifyObjects: true,
      supportBigNumbers: true,
      enableKeepAlive: true,
      maxPreparedStatements: MOST_PREPARED,
      connectAttributes: { program_name: options.application },
    })
    const client = new MysqlClient(connection, options.answerMs)
    try {
      await client.#call((done) => connection.connect((error) => done(error)))
      client.address = socketOf(connection).remoteAddress
      if (options.silenceMs !== undefined) endWhenSilent(socketOf(connection), options.silenceMs)
    } catch (error) {
      client.destroy()
      throw error
    }
    return client
  }

  get id(): number {
    return this.connection.threadId
  }

  /** IP address of the server. */
  address: string | undefined

  onDeath(listener: (cause: Error) => void): void {
    this.#onDeath = listener
  }

  /** The last result of the text. */
  async query(
    text: string,
    params: readonly unknown[] = [],
    { isPrepared = false, driver }: StatementOptions = {},
  ): Promise<MysqlAnswer> {
    let fields: unknown
    const options = { ...driver, sql: text, values: [...params] }
    const answer = await this.#call<unknown>((done) => {
      const finish = (error: Error | null, result: unknown, described: unknown) => {
        fields = described
        done(error, result)
      }
      if (isPrepared) this.connection.execute(options, finish)
      else this.connection.query(options, finish)
    })
    // Several statements, or a procedure, give a list of results, and the columns of each: none of a header.
    const isList =
      Array.isArray(answer) &&
      Array.isArray(fields) &&
      fields.every((columns) => columns === undefined || Array.isArray(columns))
    const last = isList
      ? ((answer as unknown[]).findLast((part) => Array.isArray(part)) ?? (answer as unknown[]).at(-1))
      : answer
    const header = (isList ? (answer as unknown[]) : [answer]).findLast(isHeader)
    const native = [answer, fields] as const
    return Array.isArray(last)
      ? { rows: last as MysqlRow[], header: undefined, serverStatus: header?.serverStatus, native }
      : { rows: [], header, serverStatus: header?.serverStatus, native }
  }

  /** @param stop asks the server to stop the statement, for a reader who leaves early. */
  async *stream(
    text: string,
    params: readonly unknown[],
    batchRows: number,
    stop: () => Promise<void>,
  ): AsyncGenerator<MysqlRow[], void, undefined> {
    if (this.isDead) throw new Error('the connection is closed')
    const command = this.connection.query(text, [...params])
    const rows = command.stream({ highWaterMark: batchRows })
    let isAnswered = false
    const answered = new Promise<void>((resolve) => {
      // Also after an error. Without a listener of its own an error that comes late would end the process.
      command
        .on('error', () => undefined)
        .once('end', () => {
          isAnswered = true
          resolve()
        })
    })
    const fail = (cause: Error) => void rows.destroy(cause)
    this.#unanswered.add(fail)
    let isRead = false
    let batch: MysqlRow[] = []
    try {
      for await (const row of rows.iterator({ destroyOnReturn: false })) {
        batch.push(row as MysqlRow)
        if (batch.length < batchRows) continue
        yield batch
        batch = []
      }
      isRead = true
      if (batch.length > 0) yield batch
    } catch (error) {
      isRead = true
      if (error instanceof Error && isFatal(error)) this.#died(error)
      throw error
    } finally {
      this.#unanswered.delete(fail)
      rows.on('error', () => undefined).destroy()
      if (!isRead && !this.isDead) await this.#leave(isAnswered ? undefined : stop, answered)
    }
  }

  /** The rest of the rows is neither sent nor read. */
  async #leave(stop: (() => Promise<void>) | undefined, answered: Promise<void>): Promise<void> {
    const limit = setTimeout(() => this.destroy(), LEAVE_MS)
    let drop: (cause: Error) => void = () => undefined
    const dropped = new Promise<never>((_, reject) => {
      drop = reject
    })
    dropped.catch(() => undefined)
    this.#unanswered.add(drop)
    try {
      await stop?.()
      this.connection.resume()
      await Promise.race([answered, dropped])
      // Takes a KILL that came too late, so that it does not hit the next statement.
      await this.query('DO 0').catch(() => undefined)
    } catch {
      this.destroy()
    } finally {
      this.#unanswered.delete(drop)
      clearTimeout(limit)
    }
  }

  async ping(): Promise<void> {
    await this.#call((done) => this.connection.ping((error) => done(error ?? null)))
  }

  async reset(): Promise<void> {
    await this.#call((done) => this.connection.reset((error) => done(error ?? null)))
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.isDead = true
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, GOODBYE_MS)
      this.connection.end(() => {
        clearTimeout(limit)
        resolve()
      })
    })
    dropConnection(this.connection)
  }

  destroy(): void {
    this.#isClosing = true
    this.isDead = true
    dropConnection(this.connection)
    this.#failCalls(new Error('the connection was dropped'))
  }

  #call<T>(start: (done: (error: Error | null, answer?: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isDead) {
        reject(new Error('the connection is closed'))
        return
      }
      this.#unanswered.add(reject)
      const { answerMs } = this
      const limit =
        answerMs === undefined
          ? undefined
          : setTimeout(() => this.#died(new Error(`no answer came within ${answerMs / 1000} s`)), answerMs)
      limit?.unref()
      start((error, answer) => {
        clearTimeout(limit)
        this.#unanswered.delete(reject)
        if (error === null) {
          resolve(answer as T)
          return
        }
        if (isFatal(error)) this.#died(error)
        reject(error)
      })
    })
  }

  #died(cause: Error): void {
    this.isDead = true
    if (this.#isClosing) return
    this.#isClosing = true
    this.#onDeath?.(cause)
    dropConnection(this.connection)
    this.#failCalls(cause)
  }

  #failCalls(cause: Error): void {
    for (const fail of this.#unanswered) fail(cause)
    this.#unanswered.clear()
  }
}

/** Killed (MariaDB), shutting down, or put out after idling: the server says so before it closes the socket. */
export const LAST_WORDS = new Set([1053, 1077, 1078, 1079, 1927, 4031, 3169])
/** ER_CLIENT_INTERACTION_TIMEOUT of MySQL; MariaDB says nothing. */
export const PUT_OUT = 4031

export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  // While no statement runs, the driver calls the number `code`.
  const { errno, code } = error as { errno?: unknown; code?: unknown }
  return [errno, code].find((number) => typeof number === 'number')
}

export function isFatal(error: Error): boolean {
  return ('fatal' in error && error.fatal === true) || LAST_WORDS.has(errnoOf(error) ?? 0)
}

export function quoteMysql(identifier: string): string {
  return `\`${identifier.replaceAll('`', '``')}\``
}

function connectTo(url: string, address: string): Socket {
  return connect({ host: address, port: Number(new URL(url).port || '3306'), noDelay: true, keepAlive: true })
}

function isHeader(part: unknown): part is mysql.ResultSetHeader {
  return typeof part === 'object' && part !== null && part.constructor.name === 'ResultSetHeader'
}
