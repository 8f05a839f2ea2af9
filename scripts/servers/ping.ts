import mysql from 'mysql2/promise'
import pg from 'pg'
import type { ServerEngine } from './server.ts'

/** The version that the server reports. Throws the driver's error when it does not answer within five seconds. */
export const readServerVersion = async (engine: ServerEngine, url: string): Promise<string> => {
  if (engine === 'postgres') {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      const { rows } = await client.query<{ version: string }>("SELECT current_setting('server_version') AS version")
      return rows[0]?.version ?? 'unknown'
    } finally {
      await client.end().catch(() => {})
    }
  }
  const connection = await mysql.createConnection({ uri: url, connectTimeout: 5_000 })
  connection.on('error', () => {})
  try {
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT version() AS version')
    return String(rows[0]?.['version'] ?? 'unknown')
  } finally {
    connection.destroy()
  }
}
