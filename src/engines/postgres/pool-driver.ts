/** Raw connections to PostgreSQL for the connection pool. */
import type { Socket } from 'node:net'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { Answer, type BeginOptions, type DriverConnection, type PoolDriver } from '../pool-driver.js'
import type { Row, StatementOptions, StatementResult } from '../pool-driver.js'
import { connectPostgres, destroyPostgres, endPostgres, readPostgresUrl } from './pool-connect.js'
import { farewell, fault, isConflict } from './pool-faults.js'
import { PreparedStatements } from './prepared.js'
import { loadPostgresReads } from './reads.js'
import { postgresReplication } from './replication.js'
import { barePostgres, redactPostgres } from './redact.js'

/** A cancel request that takes longer than this is given up; the statement then ends by itself. */
const CANCEL_MS = 2_000

export function createPostgresPoolDriver(url: string): PoolDriver {
  return {
    engine: 'postgres',
    address: `${new URL(url).hostname}:${new URL(url).port || '5432'}`,
    where: `postgres at ${readPostgresUrl(url).where}`,
    connect: async ({ timeoutMs, application }) =>
      new PostgresConnection(await connectPostgres(url, { timeoutMs, application }), url),
    fault,
    farewell,
    keepsTransactions: true,
    replication: postgresReplication,
    loadReads: loadPostgresReads,
    redact: redactPostgres,
    bare: barePostgres,
    isConflict,
  }
}

/** One for each statement of the text. */
type Results = pg.QueryResult<Row> | pg.QueryResult<Row>[]

/** Without values a text may have several statements. */
const NO_VALUES = undefined as unknown as unknown[]

class PostgresConnection implements DriverConnection {
  isDead = false
  readonly id: number
  #isClosing = false
  #onDeath: ((cause: Error) => void) | undefined
  readonly #prepared: PreparedStatements
  /** IP address of the server. */
  readonly #address: string | undefined
  /** Those who wait for a cursor, or a last message: pg does not tell them all when the socket is gone. */
  readonly #waiting = new Set<(cause: Error) => void>()

  constructor(
    private readonly client: pg.Client,
    private readonly url: string,
  ) {
    this.#prepared = new PreparedStatements(client)
    this.#address = (client.connection.stream as Socket).remoteAddress
    // The backend's pid is in the start-up messages; the types leave it out.
    this.id = (client as pg.Client & { readonly processID: number }).processID
    client.on('error', (error) => this.#died(error))
    client.on('end', () => this.#died(new Error('the server closed the connection')))
  }

  get isInTransaction(): boolean {
    const status = this.client.getTransactionStatus()
    return status === 'T' || status === 'E'
  }

  onDeath(listener: (cause: Error) => void): void {
    this.#onDeath = listener
  }

  query(text: string, params: readonly unknown[], options?: StatementOptions): Promise<StatementResult> {
    return options?.isPrepared === true
      ? this.#execute(text, params, options)
      : this.#send(this.#answer, text, params, options?.driver)
  }

  async *stream(text: string, params: readonly unknown[], batchRows: number): AsyncGenerator<Row[], void, undefined> {
    const cursor = this.client.query(new Cursor<Row>(text, [...params]))
    const { connection } = this.client
    let ready: Promise<void> | undefined
    // A cursor that has given its last row hears no error of the commit that follows; and the message after such an error may have
    // come with it.
    const onError = (error: Error): void => {
      this.#failWaiting(error)
      ready = new Promise((resolve) => this.#whenReady(error, resolve))
    }
    connection.on('errorMessage', onError)
    let isOver = false
    try {
      for (;;) {
        const rows = await this.#orDeath(cursor.read(batchRows))
        if (rows.length === 0) break
        yield rows
      }
      isOver = true
    } catch (error) {
      isOver = true
      if (fault(error) === 'lost') this.#died(error as Error)
      await ready
      throw error
    } finally {
      connection.off('errorMessage', onError)
      if (!isOver && !this.isDead) await this.#orDeath(cursor.close()).catch(() => this.destroy())
    }
  }

  begin({ isolation, readOnly }: BeginOptions): Promise<void> {
    const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`
    return this.#send(nothing, `BEGIN${level}${readOnly === true ? ' READ ONLY' : ''}`)
  }

  commit(): Promise<boolean> {
    return this.#send(isCommitted, 'COMMIT')
  }

  rollback(): Promise<void> {
    return this.#send(nothing, 'ROLLBACK')
  }

  reset(): Promise<void> {
    this.#prepared.forget()
    return this.#send(nothing, 'DISCARD ALL')
  }

  ping(): Promise<void> {
    return this.#send(nothing, '')
  }

  async cancel(): Promise<void> {
    if (this.isDead) return
    const client = await connectPostgres(this.url, {
      timeoutMs: CANCEL_MS,
      application: 'crossfade pool cancel',
      address: this.#address,
    })
    try {
      await client.query('SELECT pg_cancel_backend($1)', [this.id])
    } finally {
      await endPostgres(client)
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.isDead = true
    await endPostgres(this.client)
  }

  destroy(): void {
    this.#isClosing = true
    this.isDead = true
    destroyPostgres(this.client)
    this.#failWaiting(new Error('the connection was dropped'))
  }

  /** By a prepared statement. What the server has forgotten, or planned for columns that have changed, is prepared again. */
  async #execute(text: string, params: readonly unknown[], { driver }: StatementOptions): Promise<Answer> {
    // Nothing can be prepared in a transaction that has failed.
    if (this.client.getTransactionStatus() === 'E') return this.#send(this.#answer, text, params, driver)
    const name = await this.#prepared.nameOf(text)
    try {
      return await this.#send(this.#answer, text, params, driver, name)
    } catch (error) {
      if (!isForgotten(error)) throw error
      // It failed before it was executed. Within a transaction that has ended the transaction, though.
      this.#prepared.forget()
      if (this.isInTransaction) throw error
      return await this.#send(this.#answer, text, params, driver)
    }
  }

  async #orDeath<T>(answer: Promise<T>): Promise<T> {
    let fail: (cause: Error) => void = () => undefined
    const death = new Promise<never>((_, reject) => {
      fail = reject
    })
    this.#waiting.add(fail)
    try {
      return await Promise.race([answer, death])
    } finally {
      this.#waiting.delete(fail)
    }
  }

  #failWaiting(cause: Error): void {
    for (const fail of this.#waiting) fail(cause)
  }

  /** By a callback: on a busy pool each promise more is felt. */
  #send<T>(
    read: (result: Results) => T,
    text: string,
    params: readonly unknown[] = [],
    driver?: StatementOptions['driver'],
    name?: string,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAnswer = (error: Error | null, result: Results): void => {
        if (error === null) {
          // What is thrown into pg's own code would end the process.
          try {
            resolve(read(result))
          } catch (trouble) {
            reject(trouble as Error)
          }
          return
        }
        // The server's last words arrive before the socket closes.
        if (fault(error) === 'lost') this.#died(error)
        // With this option of its own pg does not ask for the message.
        if (driver?.['rows'] !== undefined) this.client.connection.sync()
        this.#whenReady(error, () => reject(error))
      }
      if (name === undefined && driver === undefined) {
        this.client.query(text, params.length === 0 ? NO_VALUES : [...params], onAnswer)
      } else {
        const named = name === undefined ? undefined : { name }
        this.client.query({ ...driver, ...named, text, values: [...params] }, onAnswer)
      }
    })
  }

  /** The server says what became of the transaction in the message after its error. */
  #whenReady(error: unknown, then: () => void): void {
    if (this.isDead || !(error instanceof pg.DatabaseError)) return then()
    const { connection } = this.client
    const finish = (): void => {
      connection.off('readyForQuery', finish)
      this.#waiting.delete(finish)
      then()
    }
    this.#waiting.add(finish)
    connection.once('readyForQuery', finish)
  }

  readonly #answer = (result: Results): Answer => {
    const last = lastOf(result)
    const isForgetting = Array.isArray(result) ? result.some(forgets) : forgets(result)
    if (isForgetting) this.#prepared.forget()
    return new Answer(last.rows, last.rowCount ?? 0, undefined, result)
  }

  #died(cause: Error): void {
    this.isDead = true
    if (this.#isClosing) return
    this.#isClosing = true
    this.#onDeath?.(cause)
    destroyPostgres(this.client)
    this.#failWaiting(cause)
  }
}

/** Command tags after which the server may have no prepared statement any more. */
const FORGETTING = new Set(['DISCARD', 'DEALLOCATE'])

/** Several statements in one text give an array of results; the last one counts, as in psql. */
const lastOf = (result: Results): pg.QueryResult<Row> => (Array.isArray(result) ? result.at(-1)! : result)

const nothing = (): void => undefined

/** COMMIT of a failed transaction succeeds as a ROLLBACK; only the command tag tells. */
const isCommitted = (result: Results): boolean => !lastOf(result).command.startsWith('ROLLBACK')

const forgets = ({ command }: pg.QueryResult): boolean => FORGETTING.has(command)

/** The prepared statement is not there, or gives other columns than it did. */
function isForgotten(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false
  return error.code === '26000' || (error.code === '0A000' && error.routine === 'RevalidateCachedQuery')
}
