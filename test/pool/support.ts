/** Two sides and a gate board for a test of the pool, each in a namespace of its own. */
import { randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { openGateBoard, type GateBoard } from '../../src/engines/gate-board.ts'
import type { PoolOptions } from '../../src/pool/index.ts'
import { createDatabase, runSql, type ServerEngine, type TestDatabase } from '../support/servers.ts'

export interface Stage extends AsyncDisposable {
  readonly engine: ServerEngine
  /** Options of a pool of this stage. Everything is slow but the push: a test that goes on was pushed. */
  readonly options: PoolOptions & {
    readonly journal: string
    readonly blue: string
    readonly green: string
    readonly meta: string
  }
  readonly board: GateBoard
  /** As superuser; `{blue}` and `{green}` stand for the namespaces. @returns the rows of the last statement. */
  sql(...statements: string[]): Promise<Record<string, unknown>[]>
  /** The engine's placeholder. */
  p(index: number): string
  /** Makes a side refuse writes, as the fence does; the real one is tested with the switch. */
  refuse(side: 'blue' | 'green'): Promise<void>
  accept(side: 'blue' | 'green'): Promise<void>
  /** Server sessions of Crossfade's pools and boards, by application name where the engine knows it. */
  countSessions(): Promise<number>
}

export async function createStage(engine: ServerEngine): Promise<Stage> {
  const databases: TestDatabase[] = [await createDatabase(engine)]
  const suffix = randomBytes(4).toString('hex')
  const meta = `crossfade_${suffix}`
  const isPostgres = engine === 'postgres'
  if (!isPostgres) databases.push(await createDatabase(engine), await createDatabase(engine))
  const [journal, blueDatabase, greenDatabase] = databases
  const names = isPostgres ? { blue: 'blue', green: 'green' } : { blue: blueDatabase!.name, green: greenDatabase!.name }
  const urls = isPostgres
    ? { blue: `${journal!.url}?schema=blue`, green: `${journal!.url}?schema=green` }
    : { blue: blueDatabase!.url, green: greenDatabase!.url }
  const fill = (text: string) => text.replaceAll('{blue}', names.blue).replaceAll('{green}', names.green)
  const sql = (...statements: string[]) => runSql(engine, journal!.url, ...statements.map(fill))
  if (isPostgres) await sql('CREATE SCHEMA blue', 'CREATE SCHEMA green')
  for (const side of ['{blue}', '{green}']) {
    await sql(
      `CREATE TABLE ${side}.orders (id int PRIMARY KEY, note varchar(100))`,
      `CREATE TABLE ${side}.closed (yes int)`,
    )
    await sql(...refusal(engine, side))
  }
  const board = await openGateBoard(journal!.url, { meta })
  return {
    engine,
    board,
    sql,
    options: {
      ...urls,
      journal: journal!.url,
      meta,
      name: `pool ${suffix}`,
      min: 2,
      max: 10,
      acquireTimeoutMs: 30_000,
      beatMs: 600_000,
    },
    p: (index) => (isPostgres ? `$${index}` : '?'),
    refuse: async (side) => void (await sql(`INSERT INTO {${side}}.closed VALUES (1)`)),
    accept: async (side) => void (await sql(`DELETE FROM {${side}}.closed`)),
    countSessions: async () => {
      const [row] = isPostgres
        ? await sql(
            `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
          )
        : await sql(
            `SELECT count(*) AS n FROM information_schema.processlist WHERE id <> connection_id()
             AND db IN ('${databases.map(({ name }) => name).join("', '")}')`,
          )
      return Number(row!['n'])
    },
    async [Symbol.asyncDispose]() {
      await board.remove()
      await board.close()
      if (!isPostgres) await sql(`DROP DATABASE IF EXISTS ${meta}`)
      for (const database of databases) await database[Symbol.asyncDispose]()
    },
  }
}

/** Waits until it is so. A test that waits in vain ends by its own time limit. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
  }
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  await using server = await listen(() => undefined)
  return server.port
}

/** A server that is no database. */
export async function listen(onSocket: (socket: Socket) => void) {
  const server = createServer(onSocket)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the test got no port')
  return {
    port: address.port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
      }),
  }
}

/** Two ends of a way through the test: one goes with the other. */
export function tie(near: Socket, far: Socket): void {
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on('error', () => undefined)
    one.on('close', () => other.destroy())
  }
}

function refusal(engine: ServerEngine, side: string): string[] {
  if (engine === 'postgres') {
    return [
      `CREATE FUNCTION ${side}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF EXISTS (SELECT FROM ${side}.closed) THEN RAISE EXCEPTION 'crossfade: side ${side} is closed' USING ERRCODE = '25006'; END IF;
         RETURN NULL; END $$`,
      `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON ${side}.orders FOR EACH STATEMENT EXECUTE FUNCTION ${side}.refuse()`,
    ]
  }
  return ['INSERT', 'UPDATE', 'DELETE'].map(
    (event) => `CREATE TRIGGER ${side}.refuse_${event} BEFORE ${event} ON ${side}.orders FOR EACH ROW BEGIN
      IF EXISTS (SELECT 1 FROM ${side}.closed) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'crossfade: side is closed', MYSQL_ERRNO = 1290; END IF; END`,
  )
}
