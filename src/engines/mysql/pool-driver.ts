/** Raw connections to MySQL and MariaDB for the connection pool. */
import { Answer, type BeginOptions, type DriverConnection, type Fault, type PoolDriver } from '../pool-driver.js'
import type { Row, StatementOptions, StatementResult } from '../pool-driver.js'
import { errnoOf, isFatal, MysqlClient } from './pool-connect.js'
import { createMysqlReads } from './reads.js'
import { createMysqlReplication } from './replication.js'
import { redactMysql } from './redact.js'

const CANCEL_MS = 2_000
/** SERVER_STATUS_IN_TRANS of the protocol. */
const IN_TRANSACTION = 1

export function createMysqlPoolDriver(url: string): PoolDriver {
  const { hostname, port, pathname } = new URL(url)
  const cancel = async (id: number): Promise<void> => {
    const client = await MysqlClient.connect(url, { timeoutMs: CANCEL_MS, application: 'crossfade pool cancel' })
    try {
      await client.query(`KILL QUERY ${id}`)
    } finally {
      await client.close()
    }
  }
  return {
    engine: 'mysql',
    address: `${hostname}:${port || '3306'}`,
    where: `mysql at ${hostname}:${port || '3306'}${pathname}`,
    connect: async (options) => new MysqlConnection(await MysqlClient.connect(url, options), cancel),
    cancel,
    fault,
    keepsTransactions: false,
    replication: createMysqlReplication(),
    loadReads: () => Promise.resolve(createMysqlReads()),
    redact: redactMysql,
    isConflict: (error) => CONFLICTS.has(errnoOf(error) ?? 0),
  }
}

class MysqlConnection implements DriverConnection {
  isInTransaction = false

  constructor(
    private readonly client: MysqlClient,
    private readonly cancel: (id: number) => Promise<void>,
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
    if (header === undefined) return new Answer(rows, rows.length, undefined, native)
    // Only answers without rows carry the status, and only they can begin or end a transaction.
    this.isInTransaction = (header.serverStatus & IN_TRANSACTION) !== 0
    return new Answer(rows, header.affectedRows, header.insertId || undefined, native)
  }

  stream(text: string, params: readonly unknown[], batchRows: number): AsyncGenerator<Row[], void, undefined> {
    return this.client.stream(text, params, batchRows, () => this.cancel(this.id))
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

  /** After such a roll-back each statement would commit by itself. Only the server knows its setting. */
  async #failed(error: unknown): Promise<never> {
    if (this.isInTransaction && error instanceof Error && errnoOf(error) === LOCK_WAIT_TIMEOUT) {
      const { rows } = await this.client.query('SELECT @@innodb_rollback_on_timeout AS ends_all')
      if (Number(rows[0]?.['ends_all']) === 1) endedAll.add(error)
    }
    throw error
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
/** Lock waits that were too long on a server that rolls back everything for one. */
const endedAll = new WeakSet<Error>()

function fault(error: unknown): Fault {
  if (!(error instanceof Error)) return 'statement'
  const errno = errnoOf(error)
  const sqlMessage = 'sqlMessage' in error ? String(error.sqlMessage) : error.message
  if (errno === FENCE_ERRNO && sqlMessage.startsWith(FENCE_PREFIX)) return 'side-closed'
  if (errno !== undefined && READ_ONLY.has(errno)) return 'read-only'
  if (errno !== undefined && DENIED.has(errno)) return 'denied'
  if (errno !== undefined && FULL.has(errno)) return 'full'
  if ((errno !== undefined && ROLLED_BACK.has(errno)) || endedAll.has(error)) return 'rolled-back'
  if (isFatal(error)) return 'lost'
  return 'statement'
}
