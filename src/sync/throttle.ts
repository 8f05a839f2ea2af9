/** When the backfill should wait, and why. Decides only. */
import type { Limits } from '../plan/plan.js'

export interface LoadSample {
  readonly replicaLagMs: number | null
  readonly runningQueries: number
  readonly queuedChanges: number
}

/** Changes queued above which catching up goes before copying more. */
const QUEUE_LIMIT = 50_000

/** @returns the reason to wait, or undefined to go on. */
export function reasonToWait(sample: LoadSample, limits: Limits, baselineQueries: number): string | undefined {
  if (sample.replicaLagMs !== null && sample.replicaLagMs > limits.maxReplicaLagMs)
    return `a replica is ${Math.round(sample.replicaLagMs)} ms behind (limit ${limits.maxReplicaLagMs} ms)`
  const limit = limits.maxRunningQueries > 0 ? limits.maxRunningQueries : Math.max(2 * baselineQueries, 100)
  if (sample.runningQueries > limit) return `${sample.runningQueries} queries run on the server (limit ${limit})`
  if (sample.queuedChanges > QUEUE_LIMIT) return `${sample.queuedChanges} changes are queued (limit ${QUEUE_LIMIT})`
  return undefined
}
