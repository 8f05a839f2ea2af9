/** Opens a plain pg client for the connection pool and the gate board. */
import { isIP } from 'node:net'
import pg from 'pg'
import { endWhenSilent } from '../silence.js'
import { deleteTlsParameters, postgresSsl } from './tls.js'

const GOODBYE_MS = 1_000

export interface PgConnectOptions {
  readonly timeoutMs: number
  readonly application: string
  /** Ends it when nothing came for so long: for connections that are used all the time, and only briefly. */
  readonly silenceMs?: number
  /** IP address of the server, when the name of its host may lead to another one by now. */
  readonly address?: string | undefined
}

/** URL without what pg is told otherwise, and the schema of `?schema=name`. */
export function readPostgresUrl(text: string): { url: string; schema: string | undefined; where: string } {
  const url = new URL(text)
  const schema = url.searchParams.get('schema') ?? undefined
  url.searchParams.delete('schema')
  deleteTlsParameters(url)
  const where = `${url.hostname}:${url.port || '5432'}${url.pathname}${schema === undefined ? '' : ` schema ${schema}`}`
  return { url: url.toString(), schema, where }
}

/**
 * A connected client whose errors never reach the process. `search_path` is a start-up option, so that DISCARD ALL
 * comes back to it, and holds that schema only: a table that is missing there must not be found in another one.
 */
export async function connectPostgres(text: string, options: PgConnectOptions): Promise<pg.Client> {
  const { url, schema } = readPostgresUrl(text)
  const client = new pg.Client({
    ...target(url, postgresSsl(text), options.address),
    connectionTimeoutMillis: options.timeoutMs,
    application_name: options.application,
    keepAlive: true,
    ...(schema === undefined ? {} : { options: `-c search_path=${escapeOption(quotePostgres(schema))}` }),
  })
  let failure: Error | undefined
  client.on('error', (error) => (failure ??= error))
  try {
    await client.connect()
    // A server may end a session in the same breath. Nobody else has heard that, and pg only refuses its statements from there on.
    if (failure !== undefined) throw failure
    if (options.silenceMs !== undefined) endWhenSilent(client.connection.stream, options.silenceMs)
  } catch (error) {
    destroyPostgres(client)
    throw error
  }
  return client
}

function target(url: string, { ssl }: Pick<pg.ClientConfig, 'ssl'>, address: string | undefined): pg.ClientConfig {
  if (address === undefined) return { connectionString: url, ...(ssl === undefined ? {} : { ssl }) }
  const to = new URL(url)
  const name = to.searchParams.get('host') ?? to.hostname.replace(/^\[|\]$/g, '')
  to.searchParams.set('host', address)
  // The certificate is compared with the name.
  const named = typeof ssl === 'object' && isIP(name) === 0 ? { ...ssl, servername: name } : ssl
  return { connectionString: to.toString(), ...(named === undefined ? {} : { ssl: named }) }
}

/** A server that does not listen any more is left without a word after a second. */
export async function endPostgres(client: pg.Client): Promise<void> {
  const limit = setTimeout(() => destroyPostgres(client), GOODBYE_MS)
  await client.end().catch(() => undefined)
  clearTimeout(limit)
}

/** Drops the socket without waiting. */
export function destroyPostgres(client: pg.Client): void {
  client.connection.stream.destroy()
}

export function quotePostgres(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** Start-up options are split at blanks; a backslash takes the next character as it is. */
function escapeOption(text: string): string {
  return text.replaceAll(/[\\\s]/g, (character) => `\\${character}`)
}
