/** `crossfade/pool/knex`: knex on a pool. Its own entry, so that who does not use knex does not load it. */
import createKnexInstance, { type Knex } from 'knex'
import { knexClientOf, type KnexConnection } from '../engines/pool-knex.js'
import { Answer, type BeginOptions, type Row, type StatementResult } from '../engines/pool-driver.js'
import type { PoolConnection } from './connection.js'
import type { Pool } from './pool.js'

/** knex has no say about where connections come from and how many there are. */
export type PoolKnexConfig = Omit<Knex.Config, 'client' | 'connection' | 'connectionPool' | 'pool' | 'searchPath'>

/**
 * A knex instance whose statements go through the pool: each passes the gate, a transaction does once, at its BEGIN. A switch
 * holds both, and sends them to the other side; a single statement that the fence refused runs again. A refused transaction
 * throws SideClosedError, because knex cannot run its callback again: for that, use `pool.transaction` and give each query
 * its connection, `pool.transaction((tx) => db('orders').connection(tx).insert(row))`.
 *
 * `destroy()` leaves the pool alone. Error messages do not show values unless `compileSqlOnError` is true.
 */
export function createKnex(pool: Pool, config: PoolKnexConfig = {}): Knex {
  const client = knexClientOf({
    engine: pool.engine,
    acquire: () => new Seat(pool),
    release: (connection) => {
      if (connection instanceof Seat) connection.release()
    },
    version: async () => {
      const { rows } = await pool.query<{ version: string }>('SELECT version() AS version')
      return rows[0]!.version
    },
    within: (ended, code) => pool.within(ended, code),
  })
  return createKnexInstance({ compileSqlOnError: false, ...config, client })
}

interface OpenTransaction {
  readonly connection: PoolConnection
  readonly commit: () => void
  readonly rollBack: () => void
}

const ROLLED_BACK = Symbol('rolled back')
let seats = 0

/** What knex takes for a connection. It has a real one only while a statement runs or a transaction is open. */
class Seat implements KnexConnection {
  /** knex shows it in its events. */
  readonly __knexUid = `crossfade-${(seats += 1)}`
  /** Set by knex when it gives the connection up, after a time-out. */
  __knex__disposed: unknown
  #modes: BeginOptions = {}
  #open: OpenTransaction | undefined
  #ended: Promise<unknown> = Promise.resolve()
  #stop = new AbortController()

  constructor(private readonly pool: Pool) {}

  async query(
    sql: string,
    bindings: readonly unknown[],
    options: { readonly driver?: Readonly<Record<string, unknown>> } = {},
  ): Promise<StatementResult> {
    const command = sql.replace(/;\s*$/, '').trim()
    if (this.#open === undefined) {
      // MySQL's dialect says the modes of a transaction in a statement of its own.
      if (/^set transaction\b/i.test(command)) this.#modes = modesOf(command)
      else if (/^(begin|start transaction)\b/i.test(command)) await this.#begin({ ...this.#modes, ...modesOf(command) })
      else return this.pool.query(sql, bindings, { ...options, signal: this.#stop.signal })
      return DONE
    }
    if (/^(commit|rollback)$/i.test(command)) {
      await this.#end(/^commit/i.test(command))
      return DONE
    }
    return this.#open.connection.query(sql, bindings, { ...options, signal: this.#stop.signal })
  }

  stream(
    sql: string,
    bindings: readonly unknown[],
    options: { readonly batchRows?: number } = {},
  ): AsyncGenerator<Row> {
    return (this.#open?.connection ?? this.pool).stream(sql, bindings, { ...options, signal: this.#stop.signal })
  }

  cancel(): void {
    this.#stop.abort(new Error('knex cancelled the statement'))
    this.#stop = new AbortController()
  }

  release(): void {
    if (this.__knex__disposed !== undefined) this.cancel()
    this.#open?.rollBack()
    this.#open = undefined
  }

  #begin(options: BeginOptions): Promise<void> {
    this.#modes = {}
    return new Promise((begun, refused) => {
      const work = (connection: PoolConnection) =>
        new Promise<void>((commit, rollBack) => {
          this.#open = { connection, commit, rollBack: () => rollBack(ROLLED_BACK) }
          begun()
        })
      this.#ended = this.pool.transaction(work, { ...options, retry: false })
      this.#ended.catch(refused)
    })
  }

  async #end(isCommit: boolean): Promise<void> {
    const open = this.#open
    this.#open = undefined
    if (isCommit) open?.commit()
    else open?.rollBack()
    try {
      await this.#ended
    } catch (error) {
      if (error !== ROLLED_BACK) throw error
    }
  }
}

/** For statements that the pool runs on its own; knex does not look at the answer. */
const DONE = new Answer([], 0, undefined, undefined)

function modesOf(command: string): BeginOptions {
  const [, isolation] =
    /\bisolation level (read committed|read uncommitted|repeatable read|serializable)\b/i.exec(command) ?? []
  return {
    ...(isolation === undefined
      ? {}
      : { isolation: isolation.toLowerCase() as NonNullable<BeginOptions['isolation']> }),
    ...(/\bread only\b/i.test(command) ? { readOnly: true } : {}),
  }
}
