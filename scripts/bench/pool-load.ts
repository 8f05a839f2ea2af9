/** A program of its own: the same work through Crossfade's pool and through the driver's own, as an application calls them. */
import mysql from 'mysql2/promise'
import pg from 'pg'
import { serve } from './child.js'
import type { BenchEngine } from './place.js'
import { quantile } from './rounds.js'

export interface LoadSettings {
  /** Crossfade's, built. */
  readonly pool: string
  readonly engine: BenchEngine
  readonly serverUrl: string
  readonly blueUrl: string
  readonly greenUrl: string
  readonly meta: string
  readonly namespace: string
  readonly connections: number
  readonly rows: number
}

export type PoolName = 'crossfade' | 'bare'
export type Work = 'query' | 'transaction'

export interface LoadFor {
  readonly pool: PoolName
  readonly work: Work
  readonly borrowers: number
  readonly warmUpMs: number
  readonly ms: number
}

export interface LoadReport {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const settings = JSON.parse(process.argv[2]!) as LoadSettings
const { createPool } = (await import(settings.pool)) as typeof import('crossfade/pool')
const { connections: max, blueUrl: blue, greenUrl: green, meta } = settings
const crossfade = createPool({ blue, green, journal: blue, meta, name: 'bench load', min: max, max })
const bare = settings.engine === 'postgres' ? openPg() : openMysql()

const key = settings.engine === 'postgres' ? '$1' : '?'
const quoted = settings.engine === 'postgres' ? `"${settings.namespace}"` : `\`${settings.namespace}\``
/** With the namespace, so that both pools send the same text. */
const READ = `SELECT * FROM ${quoted}.orders WHERE id = ${key}`
const WRITE = `UPDATE ${quoted}.orders SET cents = cents + 1 WHERE id = ${key}`

const WORK: Readonly<Record<PoolName, Readonly<Record<Work, (id: number) => Promise<unknown>>>>> = {
  crossfade: {
    query: (id) => crossfade.query(READ, [id]),
    transaction: (id) =>
      crossfade.transaction(async (connection) => {
        await connection.query(READ, [id])
        await connection.query(WRITE, [id])
      }),
  },
  bare,
}

function openPg(): (typeof WORK)['bare'] {
  const pool = new pg.Pool({ connectionString: settings.serverUrl, max })
  return {
    query: (id) => pool.query(READ, [id]),
    transaction: async (id) => {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query(READ, [id])
        await client.query(WRITE, [id])
        await client.query('COMMIT')
      } finally {
        client.release()
      }
    },
  }
}

function openMysql(): (typeof WORK)['bare'] {
  const pool = mysql.createPool({ uri: settings.serverUrl, connectionLimit: max })
  return {
    query: (id) => pool.query(READ, [id]),
    transaction: async (id) => {
      const connection = await pool.getConnection()
      try {
        await connection.query('START TRANSACTION')
        await connection.query(READ, [id])
        await connection.query(WRITE, [id])
        await connection.query('COMMIT')
      } finally {
        connection.release()
      }
    },
  }
}

async function load({ pool, work, borrowers, warmUpMs, ms }: LoadFor): Promise<LoadReport> {
  const one = WORK[pool][work]
  // Connections are open before the clock runs.
  await Promise.all(Array.from({ length: max }, (_, index) => one(1 + index)))
  const startedAt = performance.now() + warmUpMs
  const until = startedAt + ms
  const times: number[] = []
  const borrower = async (index: number): Promise<void> => {
    // A row of its own for each: locks of the database are not what is measured.
    for (let turn = index; performance.now() < until; turn += borrowers) {
      const began = performance.now()
      await one(1 + (turn % settings.rows))
      const ended = performance.now()
      if (began >= startedAt && ended <= until) times.push(ended - began)
    }
  }
  await Promise.all(Array.from({ length: borrowers }, (_, index) => borrower(index)))
  times.sort((left, right) => left - right)
  return { perSecond: (times.length * 1000) / ms, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }
}

serve(load)
