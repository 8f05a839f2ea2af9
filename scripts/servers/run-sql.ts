import mysql from 'mysql2/promise'
import pg from 'pg'
import type { ServerEngine } from './server.ts'

/** Runs statements as superuser on the server, or in one database of it. Returns the rows of the last. */
export const runSql = async (
  engine: ServerEngine,
  url: string,
  ...statements: string[]
): Promise<Record<string, unknown>[]> => {
  let rows: Record<string, unknown>[] = []
  if (engine === 'postgres') {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    await client.connect()
    try {
      for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows
    } finally {
      await client.end()
    }
    return rows
  }
  const connection = await mysql.createConnection({ uri: url, multipleStatements: true })
  try {
    for (const statement of statements) {
      const [result] = await connection.query(statement)
      rows = Array.isArray(result) ? (result as Record<string, unknown>[]) : []
    }
  } finally {
    await connection.end()
  }
  return rows
}

/** The URL of one database of the server. */
export const withDatabase = (url: string, name: string): string => {
  const result = new URL(url)
  result.pathname = `/${name}`
  return result.href
}
