/** A program of its own: an application whose clients insert one row after the other, and remember what became of each. */
import { setTimeout as delay } from 'node:timers/promises'
import { createPool, PoolError } from 'crossfade/pool'
import { serve } from './child.js'

export interface FailoverClientSettings {
  readonly url: string
  readonly replicaUrl: string
  /** Number of the first client: rows of earlier clients are there still. */
  readonly first: number
  readonly clients: number
  readonly thinkMs: number
}

/** `end` stops the clients, and answers when the last one has heard what became of its write. */
export interface FailoverClientCommand {
  readonly type: 'begin' | 'look' | 'end'
}

export interface FailoverClientReport {
  readonly ids: Float64Array
  /** When each of them was acknowledged, by the clock that all processes share. */
  readonly at: Float64Array
  readonly errors: readonly SeenError[]
  readonly failovers: number
}

/** Errors of one class, with the message of the first. */
export interface SeenError {
  readonly name: string
  readonly count: number
  readonly message: string
}

/** Keys of one client. */
const KEYS = 1_000_000

const { url, replicaUrl, first, clients, thinkMs } = JSON.parse(process.argv[2]!) as FailoverClientSettings
const pool = createPool({ url, replicas: [replicaUrl], name: 'bench failover', max: clients })
const acknowledged = new Map<number, number>()
const errors = new Map<string, { count: number; message: string }>()
let isStopping = false
let running: Promise<unknown> = Promise.resolve()

async function client(index: number): Promise<void> {
  for (let id = index * KEYS + 1; !isStopping; id += 1) {
    await delay(-Math.log(1 - Math.random()) * thinkMs)
    try {
      await pool.transaction((connection) => connection.query(`INSERT INTO written VALUES (${id})`))
      acknowledged.set(id, performance.timeOrigin + performance.now())
    } catch (error) {
      const name = error instanceof PoolError ? error.name : 'untyped'
      const seen = errors.get(name)
      if (seen === undefined) errors.set(name, { count: 1, message: String(error) })
      else seen.count += 1
    }
  }
}

serve(async ({ type }: FailoverClientCommand): Promise<FailoverClientReport> => {
  if (type === 'begin') running = Promise.all(Array.from({ length: clients }, (_, index) => client(first + index)))
  if (type === 'end') {
    isStopping = true
    await running
  }
  const report = {
    ids: Float64Array.from(acknowledged.keys()),
    at: Float64Array.from(acknowledged.values()),
    errors: [...errors].map(([name, seen]) => ({ name, ...seen })),
    failovers: pool.stats().counts.failovers,
  }
  if (type === 'end') await pool.end()
  return report
})
