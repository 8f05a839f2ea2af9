/** Where the demo takes place: servers of its own, the old schema full of data, an empty place for the new one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { urlOf } from '../appointments/database/schema.js'
import { buildBlue } from '../appointments/generate.js'
import { startServers, type Server, type ServerEngine } from '../servers/index.js'

export interface StageOptions {
  readonly engine: ServerEngine
  /** Green on a server of its own. */
  readonly hasTwoServers: boolean
  readonly seed: number
  readonly rows: number
  readonly say: (line: string) => void
}

export interface Stage extends AsyncDisposable {
  readonly engine: ServerEngine
  readonly blueUrl: string
  readonly greenUrl: string
  /** For backup and logs; goes with the stage. */
  readonly folder: string
}

const DATABASE = 'appointments'

/** Starts servers and fills blue. The caller disposes of it; a crash leaves nothing running either. */
export async function openStage({ engine, hasTwoServers, seed, rows, say }: StageOptions): Promise<Stage> {
  const settings = hasTwoServers ? {} : undefined
  const servers = await startServers({ engine, prefer: 'embedded', settings, say, count: hasTwoServers ? 2 : 1 })
  const folder = await mkdtemp(join(tmpdir(), 'crossfade-demo-'))
  const close = async (): Promise<void> => {
    await Promise.allSettled(servers.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const [blueServer, greenServer] = [servers[0]!, servers.at(-1)!]
    const blue = { engine, url: await prepare(blueServer, 'blue'), namespace: namespaceOf(engine, 'blue') }
    const green = { engine, url: await prepare(greenServer, 'green'), namespace: namespaceOf(engine, 'green') }
    const startedAt = performance.now()
    const written = await buildBlue({ ...blue, seed, rows })
    const total = Object.values(written).reduce((sum, count) => sum + count, 0)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    say(`blue: ${total.toLocaleString('en-US')} rows in ${Object.keys(written).length} tables (${seconds} s)`)
    return { engine, blueUrl: urlOf(blue), greenUrl: urlOf(green), folder, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

const namespaceOf = (engine: ServerEngine, side: 'blue' | 'green'): string =>
  engine === 'postgres' ? side : `${DATABASE}_${side}`

/** A server that the environment names may have been used before. */
export class LeftoverError extends Error {
  override readonly name = 'LeftoverError'
}

const refuseLeftover =
  (code: string, what: string) =>
  (error: unknown): never => {
    if ((error as { code?: unknown }).code !== code) throw error
    throw new LeftoverError(
      `the server has a ${what} already, maybe of an earlier demo: drop it, or name another server`,
      {
        cause: error,
      },
    )
  }

/** The database (PostgreSQL: and the schema) of a side. */
async function prepare(server: Server, side: 'blue' | 'green'): Promise<string> {
  const url = new URL(server.url)
  if (server.engine !== 'postgres') {
    url.pathname = `/${DATABASE}_${side}`
    const connection = await mysql.createConnection({ uri: server.url })
    try {
      await connection
        .query(`CREATE DATABASE \`${DATABASE}_${side}\``)
        .catch(refuseLeftover('ER_DB_CREATE_EXISTS', `database ${DATABASE}_${side}`))
    } finally {
      await connection.end()
    }
    return url.href
  }
  url.pathname = `/${DATABASE}`
  await onPostgres(server.url, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} TEMPLATE template0`)
  })
  await onPostgres(url.href, (client) =>
    client.query(`CREATE SCHEMA ${side}`).catch(refuseLeftover('42P06', `schema ${side} of database ${DATABASE}`)),
  )
  return url.href
}

async function onPostgres(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
