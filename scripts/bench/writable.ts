/** The moment at which a server began to take writes, as it says itself. */
import { setTimeout as delay } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import pg from 'pg'
import type { Server } from '../servers/index.js'

const EVERY_MS = 5

export interface WritableWatch extends AsyncDisposable {
  /** Resolves with the time at which the last "not yet" was asked for: it took writes at some moment after that. */
  readonly writableAt: Promise<number>
}

/** Over one connection, which is there when this resolves: a look takes no longer than a round trip. */
export async function watchWritable(server: Server): Promise<WritableWatch> {
  const { isWritable, close } = server.engine === 'postgres' ? await askPostgres(server) : await askMysql(server)
  let isOver = false
  const watch = async (): Promise<number> => {
    for (let last = performance.now(); ; await delay(EVERY_MS)) {
      const askedAt = performance.now()
      if (isOver || (await isWritable())) return performance.timeOrigin + last
      last = askedAt
    }
  }
  const writableAt = watch()
  return {
    writableAt,
    [Symbol.asyncDispose]: async () => {
      isOver = true
      await writableAt.catch(() => undefined)
      await close()
    },
  }
}

async function askPostgres({ adminUrl }: Server) {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  const isWritable = async () => {
    const { rows } = await client.query<{ yes: boolean }>('SELECT NOT pg_is_in_recovery() AS yes')
    return rows[0]!.yes
  }
  return { isWritable, close: () => client.end() }
}

async function askMysql({ adminUrl }: Server) {
  const connection = await mysql.createConnection(adminUrl)
  const isWritable = async () => {
    const [rows] = await connection.query('SELECT @@global.read_only = 0 AS yes')
    return Number((rows as { yes: number }[])[0]!.yes) === 1
  }
  return { isWritable, close: () => connection.end() }
}
