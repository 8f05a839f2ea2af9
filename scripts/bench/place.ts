/** Where a measurement takes place: namespaces of its own on servers that are there, dropped at the end. */
import { randomBytes } from 'node:crypto'
import type { Server } from '../servers/index.js'
import { runSql, withDatabase } from '../servers/run-sql.js'
import { urlOf } from '../appointments/database/schema.js'

export type BenchEngine = 'postgres' | 'mariadb'

export interface Namespace {
  /** As Crossfade and its pool read it. */
  readonly url: string
  /** For a driver: the server, and on PostgreSQL the database. */
  readonly serverUrl: string
  readonly name: string
}

export interface Place extends AsyncDisposable {
  readonly engine: BenchEngine
  readonly blue: Namespace
  readonly green: Namespace
  /** Tables like green's without gates and captures, on green's server: where the engine's own copy goes. */
  readonly bare: Namespace
  /** Tables like green's on blue's server: rows that are projected already. */
  readonly ready: Namespace
  readonly metaNamespace: string
}

/** @param servers one, or two: then green and bare are on the second. */
export async function openPlace(engine: BenchEngine, servers: readonly Server[]): Promise<Place> {
  const base = `crossfade_bench_${randomBytes(4).toString('hex')}`
  const [blueServer, greenServer] = [servers[0]!, servers.at(-1)!]
  const wanted = [
    { server: blueServer, names: ['blue', 'ready'] },
    { server: greenServer, names: ['green', 'bare'] },
  ]
  const metaNamespace = engine === 'postgres' ? 'crossfade' : `${base}_meta`
  const namespace = (server: Server, name: string): Namespace => {
    const serverUrl = engine === 'postgres' ? withDatabase(server.url, base) : server.url
    const full = engine === 'postgres' ? name : `${base}_${name}`
    return { serverUrl, name: full, url: urlOf({ engine, url: serverUrl, namespace: full }) }
  }
  for (const server of new Set(servers)) {
    const names = wanted.filter((entry) => entry.server === server).flatMap((entry) => entry.names)
    if (engine === 'postgres') {
      await runSql(engine, server.url, `CREATE DATABASE ${base} TEMPLATE template0`)
      await runSql(engine, withDatabase(server.url, base), ...names.map((name) => `CREATE SCHEMA ${name}`))
    } else await runSql(engine, server.url, ...names.map((name) => `CREATE DATABASE ${base}_${name}`))
  }
  const drop = async (server: Server): Promise<void> => {
    const names = ['blue', 'ready', 'green', 'bare', 'meta']
    const statements =
      engine === 'postgres'
        ? [`DROP DATABASE IF EXISTS ${base} WITH (FORCE)`]
        : names.map((name) => `DROP DATABASE IF EXISTS ${base}_${name}`)
    await runSql(engine, server.url, ...statements)
  }
  return {
    engine,
    blue: namespace(blueServer, 'blue'),
    ready: namespace(blueServer, 'ready'),
    green: namespace(greenServer, 'green'),
    bare: namespace(greenServer, 'bare'),
    metaNamespace,
    [Symbol.asyncDispose]: async () => {
      for (const server of new Set(servers)) await drop(server)
    },
  }
}
