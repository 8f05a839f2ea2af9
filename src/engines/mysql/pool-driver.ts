/** Raw connections to MySQL and MariaDB for the connection pool. */
import { Answer, type BeginOptions, type DriverConnection, type Fault, type PoolDriver } from '../pool-driver.js'
import type { Row, StatementOptions, StatementResult } from '../pool-driver.js'
import { errnoOf, isFatal, LAST_WORDS, PUT_OUT, type MysqlAnswer, MysqlClient } from './pool-connect.js'
import { createMysqlReads } from './reads.js'
import { createMysqlReplication } from './replication.js'
import { bareMysql, redactMysql } from './redact.js'

const CANCEL_MS = 2_000
/** SERVER_STATUS_IN_TRANS of the protocol. */
const IN_TRANSACTION = 1
/** What gives rows and ends no transaction; comments may come first. */
const KEEPING =
  /^(?:\s|\(|\/\*(?!M?!)[^]*?\*\/)*(?:select|show|with|values|table|explain|describe|desc|insert|update|delete|replace)\b/i

export function createMysqlPoolDriver(url: string): PoolDriver {
  const { hostname, port, pathname } = new URL(url)
  return {
    engine: 'mysql',
    address: `${hostname}:${port || '3306'}`,
    where: `mysql at ${hostname}:${port || '3306'}${pathname}`,
    connect: async (options) => new MysqlConnection(await MysqlClient.connect(url, options), url),
    fault,
    farewell,
    keepsTransactions: false,
    replication: createMysqlReplication(),
    loadReads: () => Promise.resolve(createMysqlReads()),
    redact: redactMysql,
    bare: bareMysql,
    isConflict: (error) => CONFLICTS.has(errnoOf(error) ?? 0),
  }
}

class MysqlConnection implements DriverConnection {
  isInTransaction = false

  constructor(
    private readonly client: MysqlClient,
    private readonly url: string,
  ) {}

  get id(): number {
    return this.client.id
  }

  get isDead(): boolean {
    return this.client.isDead
  }

  onDeath(listener: (cause: Error) => void): void {
    this.client.onDeath(listener)
  }

  async query(text: string, params: readonly unknown[], options: StatementOptions = {}): Promise<StatementResult> {
    const answer = await this.client.query(text, params, options).catch((error: unknown) => this.#failed(error))
    const { rows, header, native } = answer
    if (answer.serverStatus === undefined) await this.#askAfter(text)
    else this.#told(answer)
    if (header === undefined) return new Answer(rows, rows.length, undefined, native)
    return new Answer(rows, header.affectedRows, header.insertId || undefined, native)
  }

  async *stream(text: string, params: readonly unknown[], batchRows: number): AsyncGenerator<Row[], void, undefined> {
    let hasFailed = false
    try {
      yield* this.client.stream(text, params, batchRows, () => this.cancel())
    } catch (error) {
      hasFailed = true
      await this.#failed(error)
    } finally {
      if (!hasFailed) await this.#askAfter(text)
    }
  }

  async begin({ isolation, readOnly }: BeginOptions): Promise<void> {
    if (isolation !== undefined) await this.client.query(`SET TRANSACTION ISOLATION LEVEL ${isolation.toUpperCase()}`)
    await this.query(readOnly === true ? 'START TRANSACTION READ ONLY' : 'START TRANSACTION', [])
  }

  async commit(): Promise<boolean> {
    await this.query('COMMIT', [])
    return true
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK', [])
  }

  #told({ serverStatus }: MysqlAnswer): void {
    if (serverStatus !== undefined) this.isInTransaction = (serverStatus & IN_TRANSACTION) !== 0
  }

  /** Errors do not say what became of the transaction, and each statement after its end would commit by itself. */
  async #failed(error: unknown): Promise<never> {
    await this.#ask()
    throw error
  }

  /** The driver keeps the status of answers with rows to itself. ANALYZE TABLE and its like give rows and commit. */
  async #askAfter(text: string): Promise<void> {
    if (this.isInTransaction && !KEEPING.test(text)) await this.#ask()
  }

  /** What became of the transaction. */
  async #ask(): Promise<void> {
    if (!this.isInTransaction || this.isDead) return
    // A request to stop a statement may come late and hit this one, once.
    const ask = (): Promise<MysqlAnswer> => this.client.query('DO 0')
    await ask()
      .catch(ask)
      .then(
        (answer) => this.#told(answer),
        () => undefined,
      )
  }

  async cancel(): Promise<void> {
    if (this.isDead) return
    const { address } = this.client
    const client = await MysqlClient.connect(this.url, {
      timeoutMs: CANCEL_MS,
      application: 'crossfade pool cancel',
      address,
    })
    try {
      await client.query(`KILL QUERY ${this.id}`)
    } finally {
      await client.close()
    }
  }

  async reset(): Promise<void> {
    await this.client.reset()
    this.isInTransaction = false
  }

  ping(): Promise<void> {
    return this.client.ping()
  }

  close(): Promise<void> {
    return this.client.close()
  }

  destroy(): void {
    this.client.destroy()
  }
}

/** The fence shares its number with `--read-only`, so its own prefix has to tell them apart. */
const FENCE_ERRNO = 1290
/** ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_MODE. */
const READ_ONLY = new Set([1290, 1836])
const FENCE_PREFIX = 'crossfade: side'
const DENIED = new Set([1044, 1045, 1049, 1130, 1698, 1862])
const FULL = new Set([1040, 1203, 1226])
/** Deadlock, a snapshot that is too old (MariaDB), and a lost certification (group replication): everything is rolled back, not the statement only. */
const ROLLED_BACK = new Set([1213, 1020, 3101])
const LOCK_WAIT_TIMEOUT = 1205
const CONFLICTS = new Set([...ROLLED_BACK, LOCK_WAIT_TIMEOUT])

function farewell(error: unknown): ReturnType<PoolDriver['farewell']> {
  const errno = errnoOf(error) ?? 0
  if (errno === PUT_OUT) return 'idle'
  return LAST_WORDS.has(errno) ? 'shutdown' : undefined
}

function fault(error: unknown): Fault {
  if (!(error instanceof Error)) return 'statement'
  const errno = errnoOf(error)
  const sqlMessage = 'sqlMessage' in error ? String(error.sqlMessage) : error.message
  if (errno === FENCE_ERRNO && sqlMessage.startsWith(FENCE_PREFIX)) return 'side-closed'
  if (errno !== undefined && READ_ONLY.has(errno)) return 'read-only'
  if (errno !== undefined && DENIED.has(errno)) return 'denied'
  if (errno !== undefined && FULL.has(errno)) return 'full'
  if (errno !== undefined && ROLLED_BACK.has(errno)) return 'rolled-back'
  if (isFatal(error)) return 'lost'
  return 'statement'
}
