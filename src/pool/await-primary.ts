/** What comes before a request is run again that a host without write access has refused. */
import { setTimeout as sleep } from 'node:timers/promises'
import pRetry from 'p-retry'
import type { Cluster } from './cluster.js'
import type { Lane } from './lane.js'
import { HostReadOnlyError } from './errors.js'
import { unlessAborted } from './unless-aborted.js'

const LOOK_MIN_MS = 50
const LOOK_MAX_MS = 500

export interface RefusedWrite {
  readonly error: unknown
  readonly cluster: Cluster
  /** How often this request was refused by hosts that then said that they take writes. */
  readonly contradictions: number
  /** Where it was refused. */
  readonly lane: Lane
  /** No further look after this, on the clock of `performance.now()`. */
  readonly untilMs: number
  readonly signal: AbortSignal | undefined
}

/** It may have changed its role between the refusal and the look, and a busy session learns of that late: in all some 1.5 s. */
const MOST_CONTRADICTIONS = 5

/**
 * Asks the host that refused, and then all hosts, until one takes writes.
 * @returns whether the host that refused says that it takes writes.
 * @throws the refusal itself when that has happened too often: the transaction or the session is read-only, not the host.
 * @throws {HostReadOnlyError} when the time is over.
 */
export async function awaitPrimary(refused: RefusedWrite): Promise<boolean> {
  const { error, cluster, contradictions, lane, untilMs, signal } = refused
  // A host that says nothing is asked for a while: who gives up does not wait for that.
  await unlessAborted(cluster.probe(lane), signal)
  if (lane.evidence?.role?.isWritable === true) {
    if (contradictions >= MOST_CONTRADICTIONS) throw error
    // Sessions learn at different times that a setting of their server was changed.
    const pauseMs = LOOK_MIN_MS * 2 ** contradictions * (0.5 + Math.random())
    await sleep(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
    return true
  }
  const look = async (): Promise<void> => {
    await unlessAborted(cluster.probeAll(), signal)
    if (cluster.takesWrites) return
    throw new HostReadOnlyError(cluster.primary.driver.where, { cause: error })
  }
  await pRetry(look, {
    // The time is the limit.
    retries: Number.POSITIVE_INFINITY,
    minTimeout: LOOK_MIN_MS,
    maxTimeout: LOOK_MAX_MS,
    randomize: true,
    maxRetryTime: Math.max(1, untilMs - performance.now()),
    ...(signal === undefined ? {} : { signal }),
  })
  return false
}
