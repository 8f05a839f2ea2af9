/** A program of its own: an application whose clients run short transactions through Crossfade's pool, and note how long each took. */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { createPool } from 'crossfade/pool'
import { serve } from './child.js'
import type { BenchEngine } from './place.js'

export interface ClientSettings {
  readonly engine: BenchEngine
  readonly blueUrl: string
  readonly greenUrl: string
  readonly meta: string
  readonly clients: number
  readonly thinkMs: number
  readonly rows: number
}

/** Times are of the clock that all processes of a machine share. */
export interface ClientReport {
  /** By client: start and end of each transaction, one after the other. */
  readonly times: readonly Float64Array[]
  readonly committed: number
  readonly errors: readonly string[]
  readonly refused: number
}

const { engine, blueUrl, greenUrl, meta, clients, thinkMs, rows } = JSON.parse(process.argv[2]!) as ClientSettings
const pool = createPool({ blue: blueUrl, green: greenUrl, journal: blueUrl, meta, name: 'bench', max: clients })
const key = engine === 'postgres' ? '$1' : '?'
const SQL = {
  blue: [`SELECT cents FROM orders WHERE id = ${key}`, `UPDATE orders SET cents = cents + 1 WHERE id = ${key}`],
  green: [
    `SELECT amount_cents FROM sales WHERE id = ${key}`,
    `UPDATE sales SET amount_cents = amount_cents + 1 WHERE id = ${key}`,
  ],
} as const

const stopping = new AbortController()
// Each client listens.
setMaxListeners(0, stopping.signal)
const times: number[][] = []
const errors: string[] = []
let committed = 0

async function client(index: number): Promise<void> {
  const mine: number[] = (times[index] = [])
  while (!stopping.signal.aborted) {
    // Exponential, as if people came by themselves.
    await delay(-Math.log(1 - Math.random()) * thinkMs, undefined, { signal: stopping.signal }).catch(() => undefined)
    if (stopping.signal.aborted) return
    const id = 1 + Math.floor(Math.random() * rows)
    const startedAt = performance.now()
    try {
      await pool.transaction(async (connection) => {
        const [read, write] = SQL[connection.side]
        await connection.query(read, [id])
        await connection.query(write, [id])
      })
      committed += 1
      mine.push(performance.timeOrigin + startedAt, performance.timeOrigin + performance.now())
    } catch (error) {
      errors.push(String(error))
    }
  }
}

const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)))

serve(async (): Promise<ClientReport> => {
  stopping.abort()
  await running
  const { refused } = pool.stats().counts
  await pool.end()
  return { times: times.map((list) => Float64Array.from(list)), committed, errors, refused }
})
