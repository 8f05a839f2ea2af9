/** A primary with a replica that has every acknowledged write, and clients who write through a pool all the time. */
import { type Replica } from '../../scripts/servers/replica.ts'
import { startReplicated } from '../../scripts/servers/replicated.ts'
import { runSql, withDatabase } from '../../scripts/servers/run-sql.ts'
import { commitAlone, makeSynchronous, promoteWithAll, setReadOnly } from '../../scripts/servers/synchronous.ts'
import type { Server } from '../../scripts/servers/index.ts'
import { PoolError, type Pool } from '../../src/pool/index.ts'
import type { ServerEngine } from '../support/servers.ts'
import { until } from './support.ts'

const CLIENTS = 8

export interface FailoverStage extends AsyncDisposable {
  readonly engine: ServerEngine
  readonly primary: Server
  readonly replica: Replica
  url(server: Server): string
  /** The replica applies what it has received, and takes writes. */
  promote(): Promise<void>
  /** Without a replica, a commit would wait for ever. */
  commitAlone(server: Server): Promise<void>
  setReadOnly(server: Server, isReadOnly: boolean): Promise<void>
  readIds(server: Server): Promise<number[]>
  /** Sessions of the clients' user. */
  countSessions(server: Server): Promise<number>
}

export async function createFailoverStage(engine: ServerEngine): Promise<FailoverStage> {
  const servers = await startReplicated({ engine, say: () => undefined })
  const { primary } = servers
  const replica = servers.replicas[0]!
  const isPostgres = engine === 'postgres'
  const ask = (server: Server, ...sql: string[]) => runSql(engine, server.adminUrl, ...sql)
  await runSql(engine, servers.clientUrl(primary), 'CREATE TABLE written (id int PRIMARY KEY)')
  // What was acknowledged must be on the replica, or it says nothing about the pool that it is not.
  await makeSynchronous(primary, replica)
  return {
    engine,
    primary,
    replica,
    url: (server) => servers.clientUrl(server),
    promote: () => promoteWithAll(replica),
    setReadOnly,
    commitAlone,
    readIds: async (server) =>
      (await runSql(engine, withDatabase(server.adminUrl, 'app'), 'SELECT id FROM written')).map(({ id }) =>
        Number(id),
      ),
    async countSessions(server) {
      const [row] = isPostgres
        ? await ask(server, `SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'app'`)
        : await ask(server, `SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'app'`)
      return Number(row!['n'])
    },
    [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose](),
  }
}

/** Clients who write one number after the other, by single statements and by transactions in turn. */
export class Writers {
  /** With the time of the acknowledgement. */
  readonly acknowledged = new Map<number, number>()
  /** How often each class of error was seen, with one of its messages. */
  readonly errors = new Map<string, { count: number; message: string }>()
  readonly #clients: Promise<void>[]
  #next = 1
  #isStopping = false

  constructor(private readonly pool: Pool) {
    this.#clients = Array.from({ length: CLIENTS }, () => this.#write())
  }

  /** The least number that no client has begun to write. */
  get next(): number {
    return this.#next
  }

  /** Resolves with the time of the first acknowledgement of a write that began after this call. */
  async firstWrite(): Promise<number> {
    const from = this.#next
    const isNew = () => [...this.acknowledged].find(([id]) => id >= from)
    await until(() => isNew() !== undefined)
    return isNew()![1]
  }

  async more(count: number): Promise<void> {
    const from = this.acknowledged.size
    await until(() => this.acknowledged.size >= from + count)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#clients)
  }

  async #write(): Promise<void> {
    while (!this.#isStopping) {
      const id = this.#next++
      const insert = `INSERT INTO written VALUES (${id})`
      try {
        if (id % 2 === 0) await this.pool.query(insert)
        else await this.pool.transaction((connection) => connection.query(insert))
        this.acknowledged.set(id, performance.now())
      } catch (error) {
        const name = error instanceof PoolError ? error.name : `untyped: ${String(error)}`
        this.errors.set(name, { count: (this.errors.get(name)?.count ?? 0) + 1, message: String(error) })
      }
    }
  }
}
