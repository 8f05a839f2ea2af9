/** What the users of the application felt. */
import type { Side } from '../../../src/engines/engine.js'

export interface LatencyStats {
  readonly count: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface AppStats {
  readonly seconds: number
  /** Requests that ended, well or not. A request is one transaction with its repetitions. */
  readonly requests: number
  readonly succeeded: number
  /** Errors that the application did not expect; `errors` has them by message. */
  readonly failed: number
  /** COMMIT ended unclearly. */
  readonly inDoubt: number
  /** Deadlocks and serialization failures, repeated by the application: its normal life. */
  readonly contention: number
  /** The slot was taken: an answer, not a failure. */
  readonly refused: number
  readonly requestsPerSecond: number
  readonly bySide: Readonly<Record<Side, number>>
  readonly byOperation: Readonly<Record<string, number>>
  readonly latency: LatencyStats
  /** The longest request, what it was, and when it began (Unix time in ms). */
  readonly longest: { readonly ms: number; readonly operation: string; readonly startedAtMs: number } | undefined
  readonly errors: Readonly<Record<string, number>>
}

/** Buckets grow by 2 %, so a percentile is right to 2 %; from 10 µs to 20 minutes. */
const GROWTH = 1.02
const LEAST_MS = 0.01
const BUCKETS = 940

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #count = 0
  #max = 0

  add(ms: number): void {
    const bucket = Math.floor(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(GROWTH))
    const index = Math.min(BUCKETS - 1, bucket)
    this.#counts[index] = this.#counts[index]! + 1
    this.#count += 1
    this.#max = Math.max(this.#max, ms)
  }

  percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    if (left === 0) return 0
    for (let index = 0; index < BUCKETS; index += 1) {
      left -= this.#counts[index]!
      if (left <= 0) return Math.min(this.#max, LEAST_MS * GROWTH ** (index + 1))
    }
    return this.#max
  }

  read(): LatencyStats {
    return {
      count: this.#count,
      p50Ms: this.percentile(0.5),
      p95Ms: this.percentile(0.95),
      p99Ms: this.percentile(0.99),
      maxMs: this.#max,
    }
  }
}

export type Outcome = 'succeeded' | 'failed' | 'inDoubt' | 'refused'

export class StatsRecorder {
  readonly #startedAt = performance.now()
  readonly #histogram = new Histogram()
  readonly #outcomes: Record<Outcome, number> = { succeeded: 0, failed: 0, inDoubt: 0, refused: 0 }
  readonly #bySide: Record<Side, number> = { blue: 0, green: 0 }
  readonly #byOperation: Record<string, number> = {}
  readonly #errors: Record<string, number> = {}
  #contention = 0
  #longest: AppStats['longest']

  contention(): void {
    this.#contention += 1
  }

  request(operation: string, outcome: Outcome, ms: number, side: Side | undefined): void {
    this.#outcomes[outcome] += 1
    this.#byOperation[operation] = (this.#byOperation[operation] ?? 0) + 1
    if (side) this.#bySide[side] += 1
    this.#histogram.add(ms)
    if (ms > (this.#longest?.ms ?? 0)) this.#longest = { ms, operation, startedAtMs: Date.now() - ms }
  }

  error(operation: string, error: unknown): void {
    const text = `${operation}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300)
    this.#errors[text] = (this.#errors[text] ?? 0) + 1
  }

  read(): AppStats {
    const seconds = (performance.now() - this.#startedAt) / 1_000
    const requests = Object.values(this.#outcomes).reduce((sum, count) => sum + count, 0)
    return {
      seconds,
      requests,
      ...this.#outcomes,
      contention: this.#contention,
      requestsPerSecond: requests / seconds,
      bySide: { ...this.#bySide },
      byOperation: { ...this.#byOperation },
      latency: this.#histogram.read(),
      longest: this.#longest,
      errors: { ...this.#errors },
    }
  }
}
