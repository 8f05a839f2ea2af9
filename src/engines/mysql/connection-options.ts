/** From the URL of a side to the options of the driver. */
import type { Knex } from 'knex'
import type { ConnectionOptions } from 'mysql2'
import { mysqlSsl } from './tls.js'

const DEFAULT_PORT = 3306
/** A server that accepts no connection within this time is down for our purposes. */
const CONNECT_TIMEOUT_MS = 10_000

/**
 * `mysql://user:password@host:port/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=/file&socket=/path`. The database is not selected
 * here: it may not exist yet, and all statements name it.
 * @throws {CrossfadeError} URL_INVALID
 */
export function connectionOptions(url: string, application?: string): ConnectionOptions {
  const parsed = new URL(url)
  const socket = parsed.searchParams.get('socket')
  return {
    ...(socket === null
      ? { host: parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(parsed.port || DEFAULT_PORT) }
      : { socketPath: socket }),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Literals and results of functions compare by code point; a column's own collation still wins over a literal's.
    charset: 'UTF8MB4_BIN',
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    enableKeepAlive: true,
    connectAttributes: { program_name: application ?? 'crossfade' },
    ...mysqlSsl(url),
  }
}

/** For the journal, which is kept by knex. Times are read and written in UTC. */
export function knexConfig(url: string): Knex.Config {
  const { connectAttributes, ...options } = connectionOptions(url)
  const database = databaseOf(url)
  return {
    client: 'mysql2',
    connection: {
      ...options,
      connectAttributes: { ...connectAttributes, program_name: 'crossfade journal' },
      timezone: 'Z',
      ...(database ? { database } : {}),
    } as Knex.MySql2ConnectionConfig,
    pool: { min: 0, max: 4 },
  }
}

export function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.replace(/^\//, ''))
}
