/** Opens `pg` clients that are marked as Crossfade's own. */
import pg from 'pg'
import { redactUrl } from '../location.js'
import { connectError } from './classify-error.js'
import { quoteIdentifier } from './literals.js'
import { deleteTlsParameters, postgresSsl } from './tls.js'

/** Long enough for a slow network, short enough that a wrong host is noticed. */
const CONNECT_TIMEOUT_MS = 10_000

const GOODBYE_MS = 1_000

/** Shows in pg_stat_activity; sessions of earlier runs are found by it. */
export const APPLICATION_PREFIX = 'crossfade/'

/**
 * What every session of Crossfade needs. `row_security = off`: a policy that would hide rows is an error, not a silent gap.
 * `cursor_tuple_fraction`: all rows of a cursor are read, never the first few only.
 */
const SETTINGS = [
  `SET crossfade.sync = 'on'`,
  `SET TIME ZONE 'UTC'`,
  `SET DateStyle = 'ISO, YMD'`,
  `SET IntervalStyle = 'postgres'`,
  `SET bytea_output = 'hex'`,
  `SET extra_float_digits = 3`,
  `SET standard_conforming_strings = on`,
  `SET statement_timeout = 0`,
  `SET lock_timeout = 0`,
  `SET idle_in_transaction_session_timeout = 0`,
  `SET row_security = off`,
  `SET cursor_tuple_fraction = 1`,
  `SET jit = off`,
  `SET default_transaction_isolation = 'read committed'`,
  `SET default_transaction_read_only = off`,
  `SET client_min_messages = warning`,
]

/** Wanted, but not on every version, platform or role; each is tried by itself. */
const OPTIONAL_SETTINGS = [
  // Foreign keys and the application's triggers stay quiet; gate and capture triggers are ENABLE ALWAYS.
  `SET session_replication_role = replica`,
  // The server notices within a second that the orchestrator is gone, also in the middle of a statement.
  `SET client_connection_check_interval = '1s'`,
  // And within half a minute that nothing reaches the orchestrator any more: its locks must not stay for hours.
  `SET tcp_keepalives_idle = 10`,
  `SET tcp_keepalives_interval = 5`,
  `SET tcp_keepalives_count = 4`,
  `SET transaction_timeout = 0`,
  `SET idle_session_timeout = 0`,
]

export interface OpenClientOptions {
  readonly namespace?: string
  readonly connectTimeoutMs?: number
}

/** @throws {CrossfadeError} CONNECT_FAILED */
export async function openClient(
  url: string,
  application: string,
  options: OpenClientOptions = {},
): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionTo(url),
    application_name: `${APPLICATION_PREFIX}${application}`,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Raw text: default parsing loses microseconds, big integers and JSON numbers.
    types: { getTypeParser: () => (value: unknown) => value },
  })
  // An 'error' event without a listener ends the process; whoever uses the client sees the error of its own statement.
  client.on('error', () => undefined)
  // The driver's own limit ends with the connection; the settings are statements already.
  const limit = setTimeout(() => destroyClient(client), 2 * (options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS))
  try {
    await client.connect()
    const path =
      options.namespace === undefined ? [] : [`SET search_path = ${quoteIdentifier(options.namespace)}, public`]
    await client.query([...SETTINGS, ...path].join(';'))
    await client.query(OPTIONAL_SETTINGS.map(inItsOwnBlock).join(';'))
    return client
  } catch (error) {
    destroyClient(client)
    throw connectError(error, redactUrl(url))
  } finally {
    clearTimeout(limit)
  }
}

/** A setting that the server refuses leaves the others alone. Unlike SET LOCAL, SET outlives its block. */
export function inItsOwnBlock(statement: string): string {
  return `DO $crossfade$ BEGIN ${statement}; EXCEPTION WHEN OTHERS THEN NULL; END $crossfade$`
}

/** Says goodbye where the server listens, and goes without it where it does not. */
export async function endClient(client: pg.Client): Promise<void> {
  const limit = setTimeout(() => destroyClient(client), GOODBYE_MS)
  await client.end().catch(() => undefined)
  clearTimeout(limit)
}

/** Drops the socket without a word. */
export function destroyClient(client: pg.Client): void {
  client.connection.stream.destroy()
}

/** Where to and how protected. `schema` is ours. @throws {CrossfadeError} URL_INVALID */
function connectionTo(url: string): Pick<pg.ClientConfig, 'connectionString' | 'ssl'> {
  const parsed = new URL(url)
  parsed.searchParams.delete('schema')
  deleteTlsParameters(parsed)
  return { connectionString: parsed.href, ...postgresSsl(url) }
}

/** Knex configuration for tables of Crossfade's own on this server. */
export function knexConfig(url: string): {
  client: 'pg'
  connection: Record<string, unknown>
  pool: { min: number; max: number }
} {
  return {
    client: 'pg',
    connection: {
      ...connectionTo(url),
      application_name: `${APPLICATION_PREFIX}journal`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    },
    pool: { min: 0, max: 4 },
  }
}
