/** A transaction of the application that stays open. */
import mysql from 'mysql2/promise'
import pg from 'pg'
import type { Shop } from './shop.js'

export interface HeldTransaction extends AsyncDisposable {
  /** The number by which the server names its session. */
  readonly id: string
  /** Commits. Safe to repeat. */
  end(): Promise<void>
}

export async function holdTransaction(shop: Shop, statement: string): Promise<HeldTransaction> {
  const { run, close } = shop.engine === 'postgres' ? await openPostgres(shop.blueUrl) : await openMysql(shop.blueUrl)
  const id = await run(
    shop.engine === 'postgres' ? 'SELECT pg_backend_pid()::text AS id' : 'SELECT CONNECTION_ID() AS id',
  )
  await run(shop.engine === 'postgres' ? 'BEGIN' : 'START TRANSACTION')
  await run(statement)
  let isOpen = true
  const end = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    await run('COMMIT').finally(close)
  }
  return { id, end, [Symbol.asyncDispose]: end }
}

interface Connection {
  /** @returns the `id` of the first row. */
  run(sql: string): Promise<string>
  close(): Promise<void>
}

async function openPostgres(url: string): Promise<Connection> {
  const client = new pg.Client({ connectionString: url, application_name: 'the application' })
  client.on('error', () => {})
  await client.connect()
  await client.query('SET search_path = blue')
  return {
    run: async (sql) => String((await client.query<{ id?: unknown }>(sql)).rows[0]?.id),
    close: () => client.end(),
  }
}

async function openMysql(url: string): Promise<Connection> {
  const connection = await mysql.createConnection(url)
  return {
    run: async (sql) => {
      const [rows] = await connection.query(sql)
      return String(Array.isArray(rows) ? (rows[0] as { id?: unknown })?.id : undefined)
    },
    close: () => connection.end(),
  }
}
