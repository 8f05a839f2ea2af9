/** A connection of an application that knows nothing of Crossfade. */
import mysql from 'mysql2/promise'
import pg from 'pg'
import type { Shop } from './shop.js'

export interface Application {
  /** @returns the `id` of the first row. */
  run(sql: string): Promise<string>
  close(): Promise<void>
}

export function openApplication(shop: Shop, side: 'blue' | 'green'): Promise<Application> {
  const url = side === 'blue' ? shop.blueUrl : shop.greenUrl
  return shop.engine === 'postgres' ? openPostgres(url, side) : openMysql(url)
}

async function openPostgres(url: string, schema: string): Promise<Application> {
  const client = new pg.Client({ connectionString: url, application_name: 'the application' })
  client.on('error', () => {})
  await client.connect()
  await client.query(`SET search_path = ${schema}`)
  return {
    run: async (sql) => String((await client.query<{ id?: unknown }>(sql)).rows[0]?.id),
    close: () => client.end(),
  }
}

async function openMysql(url: string): Promise<Application> {
  const connection = await mysql.createConnection(url)
  return {
    run: async (sql) => {
      const [rows] = await connection.query(sql)
      return String(Array.isArray(rows) ? (rows[0] as { id?: unknown })?.id : undefined)
    },
    close: () => connection.end(),
  }
}
