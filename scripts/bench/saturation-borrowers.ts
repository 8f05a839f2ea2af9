/** A program of its own: far more borrowers than connections, and each asks again as soon as it was served. */
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { createPool, PoolExhaustedError, type Pool } from 'crossfade/pool'
import { serve } from './child.js'

export interface SaturationSettings {
  readonly url: string
  readonly connections: number
  /** How long the server takes for one request, without work for a core. */
  readonly holdMs: number
  /** What lets it. */
  readonly statement: string
}

export interface SaturateFor {
  readonly borrowers: number
  readonly ms: number
  readonly acquireTimeoutMs: number
}

export interface SaturationReport {
  readonly served: number
  readonly mostServed: number
  readonly leastServed: number
  /** From asking for a connection to having one. */
  readonly wait: { readonly p50Ms: number; readonly maxMs: number }
  readonly exhausted: number
  /** Of those, without who waits, how many there are at most, or the oldest borrower. */
  readonly withoutFacts: number
  readonly otherErrors: readonly string[]
  /** Looks at the breaker, and how many of them found it closed. */
  readonly looks: number
  readonly closedLooks: number
  readonly loopDelay: { readonly p99Ms: number; readonly maxMs: number }
  /** Resident memory, from start to end. */
  readonly mb: readonly number[]
}

const { url, connections, holdMs, statement } = JSON.parse(process.argv[2]!) as SaturationSettings
const LOOKS = 200
/** Of Node's own clock for the event loop; what it tells is this much too high. */
const LOOP_STEP_MS = 5

/** Keeps counters only: a list of all requests would be the memory that grows. */
class Borrowers {
  readonly served: number[]
  readonly wait = createHistogram()
  readonly otherErrors: string[] = []
  exhausted = 0
  withoutFacts = 0

  constructor(
    private readonly pool: Pool,
    count: number,
  ) {
    this.served = Array.from({ length: count }, () => 0)
  }

  async run(until: number): Promise<void> {
    await Promise.all(this.served.map((_, index) => this.#borrow(index, until)))
  }

  async #borrow(index: number, until: number): Promise<void> {
    while (performance.now() < until) {
      const askedAt = performance.now()
      try {
        await this.pool.query(statement)
        this.served[index]! += 1
        this.wait.record(Math.max(1, Math.round((performance.now() - askedAt - holdMs) * 1000)))
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof PoolExhaustedError)) {
      if (this.otherErrors.length < 10) this.otherErrors.push(String(error))
      return
    }
    this.exhausted += 1
    const { waiting, max, oldestBorrower } = error
    if (waiting < 1 || max !== connections || oldestBorrower?.sql === undefined) this.withoutFacts += 1
  }
}

async function saturate({ borrowers: count, ms, acquireTimeoutMs }: SaturateFor): Promise<SaturationReport> {
  const pool = createPool({ url, name: 'bench saturation', min: connections, max: connections, acquireTimeoutMs })
  await untilFull(pool)
  const borrowers = new Borrowers(pool, count)
  const loop = monitorEventLoopDelay({ resolution: LOOP_STEP_MS })
  const mb: number[] = []
  let closedLooks = 0
  const timer = setInterval(() => {
    mb.push(Math.round(process.memoryUsage.rss() / 104_857.6) / 10)
    if (pool.stats().hosts.every(({ breaker }) => breaker === 'closed')) closedLooks += 1
  }, ms / LOOKS)
  loop.enable()
  await borrowers.run(performance.now() + ms)
  loop.disable()
  clearInterval(timer)
  await pool.end()
  const delayMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - LOOP_STEP_MS)
  return {
    served: borrowers.served.reduce((sum, one) => sum + one, 0),
    mostServed: Math.max(...borrowers.served),
    leastServed: Math.min(...borrowers.served),
    wait: { p50Ms: borrowers.wait.percentile(50) / 1000, maxMs: borrowers.wait.max / 1000 },
    exhausted: borrowers.exhausted,
    withoutFacts: borrowers.withoutFacts,
    otherErrors: borrowers.otherErrors,
    looks: mb.length,
    closedLooks,
    loopDelay: { p99Ms: delayMs(loop.percentile(99)), maxMs: delayMs(loop.max) },
    mb,
  }
}

/** Connections that are still to be opened would be what the first ones wait for. */
async function untilFull(pool: Pool): Promise<void> {
  while (pool.stats().idle < connections)
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
}

serve(saturate)
