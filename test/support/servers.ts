import { randomBytes } from 'node:crypto'
import { describe } from 'vitest'
import { type ServerEngine, URL_VARIABLES } from '../../scripts/servers/index.ts'
import { runSql, withDatabase } from '../../scripts/servers/run-sql.ts'

export type { ServerEngine } from '../../scripts/servers/index.ts'
export { runSql } from '../../scripts/servers/run-sql.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly engine: ServerEngine
  /** Superuser, in this database. */
  readonly url: string
  readonly name: string
}

/** The superuser URL of the server under test. Throws, never skips, when there is none. */
export const getServerUrl = (engine: ServerEngine): string => {
  const [variable] = URL_VARIABLES[engine]
  const url = process.env[variable]
  if (!url) throw new Error(`No ${engine} server for the tests: ${variable} is not set. "npm test" starts the servers.`)
  return url
}

/** MySQL cannot be installed everywhere, so it is there when its URL is. The other two always are. */
export const listTestEngines = (): ServerEngine[] => [
  'postgres',
  'mariadb',
  ...(process.env[URL_VARIABLES.mysql[0]] ? (['mysql'] as const) : []),
]

/** The suite once for each engine, with the engine in its name. */
export const describeEachEngine = (name: string, suite: (engine: ServerEngine) => void): void => {
  for (const engine of listTestEngines()) describe(`${name} (${engine})`, () => suite(engine))
}

const dropDatabase = async (engine: ServerEngine, name: string): Promise<void> => {
  const url = getServerUrl(engine)
  if (engine !== 'postgres') {
    await runSql(engine, url, `DROP DATABASE IF EXISTS \`${name}\``)
    return
  }
  // What a test that failed half-way leaves behind holds the database: prepared transactions, which only a session of that
  // database can end, and slots, which also keep all WAL of the server.
  const prepared = await runSql(engine, url, `SELECT gid FROM pg_prepared_xacts WHERE database = '${name}'`)
  for (const { gid } of prepared) {
    await runSql(engine, withDatabase(url, name), `ROLLBACK PREPARED '${String(gid).replaceAll("'", "''")}'`)
  }
  const ofThisDatabase = `FROM pg_replication_slots WHERE database = '${name}'`
  await runSql(engine, url, `SELECT pg_terminate_backend(active_pid) ${ofThisDatabase} AND active`)
  while ((await runSql(engine, url, `SELECT 1 ${ofThisDatabase}`)).length > 0) {
    await runSql(engine, url, `SELECT pg_drop_replication_slot(slot_name) ${ofThisDatabase} AND NOT active`)
  }
  await runSql(engine, url, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
}

/**
 * A database of its own for a test file or a test. Disposing it drops it, together with its slots and sessions:
 * `await using db = await createDatabase(engine)`.
 */
export const createDatabase = async (engine: ServerEngine): Promise<TestDatabase> => {
  const name = `crossfade_test_${randomBytes(6).toString('hex')}`
  const serverUrl = getServerUrl(engine)
  await runSql(
    engine,
    serverUrl,
    engine === 'postgres' ? `CREATE DATABASE "${name}" TEMPLATE template0` : `CREATE DATABASE \`${name}\``,
  )
  return {
    engine,
    name,
    url: withDatabase(serverUrl, name),
    [Symbol.asyncDispose]: () => dropDatabase(engine, name),
  }
}
