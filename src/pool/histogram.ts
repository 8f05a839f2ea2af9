/**
 * How long something took, counted in fixed buckets: exporters want buckets, and adding is a few comparisons without garbage
 * (`createHistogram` of Node gives percentiles only, and takes whole numbers).
 */

/** Upper ends; what is longer than the last is counted in a bucket of its own. */
export const BOUNDS_MS = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
] as const

export interface HistogramStats {
  readonly count: number
  readonly sumMs: number
  readonly maxMs: number
  /** Within the bucket in which it lies, as if its values were spread evenly. 0 when there are none. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Not cumulative. The last one has no upper end: `Infinity`. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[]
}

export class Histogram {
  readonly #counts = new Array<number>(BOUNDS_MS.length + 1).fill(0)
  #sumMs = 0
  #maxMs = 0

  record(ms: number): void {
    let bucket = 0
    while (bucket < BOUNDS_MS.length && ms > BOUNDS_MS[bucket]!) bucket += 1
    this.#counts[bucket]! += 1
    this.#sumMs += ms
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  stats(): HistogramStats {
    const count = this.#counts.reduce((sum, one) => sum + one, 0)
    return {
      count,
      sumMs: this.#sumMs,
      maxMs: this.#maxMs,
      p50Ms: this.#quantile(0.5, count),
      p99Ms: this.#quantile(0.99, count),
      buckets: this.#counts.map((one, index) => ({ upToMs: BOUNDS_MS[index] ?? Infinity, count: one })),
    }
  }

  #quantile(share: number, count: number): number {
    let left = share * count
    for (const [index, one] of this.#counts.entries()) {
      if (one >= left && one > 0) {
        const low = BOUNDS_MS[index - 1] ?? 0
        const high = Math.min(BOUNDS_MS[index] ?? this.#maxMs, this.#maxMs)
        return low + (high - low) * (left / one)
      }
      left -= one
    }
    return 0
  }
}
