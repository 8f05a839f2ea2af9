/** A program of its own: connections that change one row after the other, each change committed by itself. */
import mysql from 'mysql2/promise'
import pg from 'pg'
import { serve } from './child.js'
import type { BenchEngine, Namespace } from './place.js'

export interface WriterSettings {
  readonly engine: BenchEngine
  readonly side: Namespace
  readonly connections: number
  /** Keys are 1 to this. */
  readonly rows: number
}

export interface WriteFor {
  readonly ms: number
}

type Update = (id: number) => Promise<unknown>

const { engine, side, connections, rows } = JSON.parse(process.argv[2]!) as WriterSettings
const updates = await Promise.all(Array.from({ length: connections }, connect))

async function connect(): Promise<Update> {
  if (engine === 'postgres') {
    const client = new pg.Client({ connectionString: side.serverUrl, application_name: 'bench writer' })
    await client.connect()
    const text = `UPDATE "${side.name}".orders SET cents = cents + 1 WHERE id = $1`
    return (id) => client.query({ name: 'update', text, values: [id] })
  }
  const connection = await mysql.createConnection({ uri: side.serverUrl })
  return (id) => connection.execute(`UPDATE \`${side.name}\`.orders SET cents = cents + 1 WHERE id = ?`, [id])
}

/** @returns updates per second. */
async function write({ ms }: WriteFor): Promise<number> {
  let done = 0
  const startedAt = performance.now()
  const loop = async (update: Update): Promise<void> => {
    while (performance.now() - startedAt < ms) {
      await update(1 + Math.floor(Math.random() * rows))
      done += 1
    }
  }
  await Promise.all(updates.map(loop))
  return (done * 1000) / (performance.now() - startedAt)
}

serve(write)
