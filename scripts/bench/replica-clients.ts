/** A program of its own: clients who read what they have just written, and others who only read. */
import { setTimeout as delay } from 'node:timers/promises'
import { createPool, type Pool, type PoolStats } from 'crossfade/pool'
import { serve } from './child.js'
import type { BenchEngine } from './place.js'
import { quantile } from './rounds.js'

export interface ReplicaClientSettings {
  readonly engine: BenchEngine
  readonly url: string
  readonly replicaUrl: string
  /** Each with a row of its own, numbered from 0, that has `n = 0` at first. */
  readonly writers: number
  readonly readers: number
}

export interface ReplicaClientCommand {
  readonly hasReplica: boolean
  readonly ms: number
  /** The value of all rows. */
  readonly from: number
}

/** Reads of those who write as well, or of those who only read. */
export interface Reads {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface ReplicaClientReport {
  readonly writes: number
  readonly byWriters: Reads
  readonly byReaders: Reads
  /** Reads of a row by its only writer that were older than the write before. */
  readonly stale: number
  readonly routes: PoolStats['reads']
  readonly errors: readonly string[]
  /** The highest value that was written. */
  readonly last: number
}

const { engine, url, replicaUrl, writers, readers } = JSON.parse(process.argv[2]!) as ReplicaClientSettings
/** Between a write and the reads of it others get a turn. */
const READS = 4
const OPEN_MS = 30_000
const [first, second] = engine === 'postgres' ? ['$1', '$2'] : ['?', '?']
const READ = `SELECT n FROM counters WHERE id = ${first}`
const WRITE = `UPDATE counters SET n = ${first} WHERE id = ${second}`

/** What one client does until the time is over. */
class Client {
  readonly timesMs: number[] = []
  n: number
  writes = 0
  stale = 0

  constructor(
    private readonly pool: Pool,
    private readonly id: number,
    from: number,
  ) {
    this.n = from
  }

  async write(until: number): Promise<void> {
    while (performance.now() < until) {
      this.n += 1
      await this.pool.query(WRITE, [this.n, this.id])
      this.writes += 1
      for (let read = 0; read < READS; read += 1) if ((await this.#read()) !== this.n) this.stale += 1
    }
  }

  async read(until: number): Promise<void> {
    while (performance.now() < until) await this.#read()
  }

  async #read(): Promise<number> {
    const began = performance.now()
    const { rows } = await this.pool.query<{ n: number }>(READ, [this.id])
    this.timesMs.push(performance.now() - began)
    return Number(rows[0]!.n)
  }
}

serve(async ({ hasReplica, ms, from }: ReplicaClientCommand): Promise<ReplicaClientReport> => {
  const replicas = hasReplica ? [replicaUrl] : []
  const pool = createPool({ url, replicas, name: 'bench replica', min: writers + readers, max: writers + readers })
  await untilHeard(pool, 1 + replicas.length)
  // The first statement loads what knows reads.
  await pool.query(READ, [0])
  const clients = Array.from({ length: writers + readers }, (_, index) => new Client(pool, index % writers, from))
  const until = performance.now() + ms
  // A session for each: it sees its own writes, and waits for those of nobody else.
  const ended = await Promise.allSettled(
    clients.map((client, index) =>
      pool.session().run(() => (index < writers ? client.write(until) : client.read(until))),
    ),
  )
  const routes = pool.stats().reads
  await pool.end()
  const sum = (of: (client: Client) => number) => clients.reduce((total, client) => total + of(client), 0)
  return {
    writes: sum(({ writes }) => writes),
    byWriters: readsOf(clients.slice(0, writers)),
    byReaders: readsOf(clients.slice(writers)),
    stale: sum(({ stale }) => stale),
    routes,
    errors: ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
    last: Math.max(...clients.map(({ n }) => n)),
  }
})

function readsOf(clients: readonly Client[]): Reads {
  const timesMs = clients.flatMap((client) => client.timesMs).toSorted((left, right) => left - right)
  return { count: timesMs.length, p50Ms: quantile(timesMs, 0.5), p99Ms: quantile(timesMs, 0.99) }
}

/** Connections are open before the clock runs, and each host has said what it is. */
async function untilHeard(pool: Pool, hosts: number): Promise<void> {
  const deadline = performance.now() + OPEN_MS
  for (;;) {
    const { hosts: stats } = pool.stats()
    const areOpen = stats.every(({ connecting, idle }) => connecting === 0 && idle > 0)
    const areHeard = hosts === 1 || stats.every(({ evidence }) => evidence?.role !== undefined)
    if (stats.length === hosts && areOpen && areHeard) return
    if (performance.now() > deadline) throw new Error('the pool did not connect to each host')
    await delay(10)
  }
}
