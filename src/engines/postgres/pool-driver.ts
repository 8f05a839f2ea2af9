/** Raw connections to PostgreSQL for the connection pool. */
import pg from 'pg'
import type { BeginOptions, DriverConnection, Fault, PoolDriver, StatementResult } from '../pool-driver.js'
import { connectPostgres, destroyPostgres, endPostgres, readPostgresUrl } from './pool-connect.js'
import { postgresReplication } from './replication.js'
import { redactPostgres } from './redact.js'

/** A cancel request that takes longer than this is given up; the statement then ends by itself. */
const CANCEL_MS = 2_000

export function createPostgresPoolDriver(url: string): PoolDriver {
  return {
    engine: 'postgres',
    address: `${new URL(url).hostname}:${new URL(url).port || '5432'}`,
    where: `postgres at ${readPostgresUrl(url).where}`,
    connect: async ({ timeoutMs, application }) =>
      new PostgresConnection(await connectPostgres(url, { timeoutMs, application })),
    cancel: async (id) => {
      const client = await connectPostgres(url, { timeoutMs: CANCEL_MS, application: 'crossfade pool cancel' })
      try {
        await client.query('SELECT pg_cancel_backend($1)', [id])
      } finally {
        await endPostgres(client)
      }
    },
    fault,
    replication: postgresReplication,
    redact: redactPostgres,
    isConflict: (error) => error instanceof pg.DatabaseError && CONFLICTS.has(error.code ?? ''),
  }
}

class PostgresConnection implements DriverConnection {
  isDead = false
  readonly id: number
  #isClosing = false
  #onDeath: ((cause: Error) => void) | undefined

  constructor(private readonly client: pg.Client) {
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

  async query(text: string, params: readonly unknown[]): Promise<StatementResult> {
    const result = await this.#send(text, params)
    // Several statements in one text give an array of results; the last one counts, as in psql.
    const last = Array.isArray(result) ? (result as pg.QueryResult[]).at(-1)! : result
    return { rows: last.rows, rowCount: last.rowCount ?? 0 }
  }

  async begin({ isolation, readOnly }: BeginOptions): Promise<void> {
    const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`
    await this.#send(`BEGIN${level}${readOnly === true ? ' READ ONLY' : ''}`)
  }

  async commit(): Promise<boolean> {
    // COMMIT of a failed transaction succeeds as a ROLLBACK; only the command tag tells.
    return (await this.#send('COMMIT')).command !== 'ROLLBACK'
  }

  async rollback(): Promise<void> {
    await this.#send('ROLLBACK')
  }

  async reset(): Promise<void> {
    await this.#send('DISCARD ALL')
  }

  async ping(): Promise<void> {
    await this.#send('')
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
  }

  async #send(text: string, params: readonly unknown[] = []): Promise<pg.QueryResult> {
    try {
      return await this.client.query(text, params.length === 0 ? undefined : [...params])
    } catch (error) {
      // The server's last words arrive before the socket closes.
      if (fault(error) === 'lost') this.#died(error as Error)
      throw error
    }
  }

  #died(cause: Error): void {
    this.isDead = true
    if (this.#isClosing) return
    this.#isClosing = true
    this.#onDeath?.(cause)
    destroyPostgres(this.client)
  }
}

/** The fence shares its SQLSTATE with every read-only transaction, so its own prefix has to tell them apart. */
const FENCE_PREFIX = 'crossfade: side'
const LOST = new Set([
  '57P01',
  '57P02',
  '57P04',
  '57P05',
  '25P03',
  '25P04',
  '08000',
  '08003',
  '08006',
  '08007',
  '08P01',
])

/** Serialization failure and deadlock. */
const CONFLICTS = new Set(['40001', '40P01'])

function fault(error: unknown): Fault {
  if (!(error instanceof pg.DatabaseError)) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return typeof code === 'string' && /^E[A-Z]+$/.test(code) ? 'unreachable' : 'statement'
  }
  const code = error.code ?? ''
  if (code === '25006') return error.message.startsWith(FENCE_PREFIX) ? 'side-closed' : 'read-only'
  if (LOST.has(code)) return 'lost'
  if (code === '53300') return 'full'
  if (code === '57P03') return 'unreachable'
  if (code.startsWith('28') || code === '3D000') return 'denied'
  return 'statement'
}
