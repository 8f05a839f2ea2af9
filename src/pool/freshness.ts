/**
 * Read your writes: numbers what this pool wrote, and tells whether a replica shows all that a reader has to see. Reasons for
 * this way are in docs/decisions/0007-read-your-writes.md.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { DriverConnection } from '../engines/pool-driver.js'
import type { WritePosition } from '../engines/replication.js'
import type { Grant } from './desk.js'
import type { Authority } from './gate.js'
import type { Lane } from './lane.js'
import type { Lending } from './lending.js'
import { unlessAborted } from './unless-aborted.js'
import type { PoolParts } from './wiring.js'

/**
 * Whose writes a read on a replica shows. `session`: those of its {@link PoolSession}, outside one those of the whole pool.
 * `global`: those of the whole pool. `none`: whatever the replica has.
 */
export type Consistency = 'session' | 'global' | 'none'

/** A request, a job, or a user: reads in {@link run} show the writes that were made in it, in this or in earlier runs. */
export interface PoolSession {
  run<T>(work: () => T): T
}

/** How far a reader has to be shown: the number of its last write, 0 for none. */
export type Mark = number

/** Why a replica cannot be read. */
export type Shortfall = 'behind' | 'lagging' | 'no position'

interface Known {
  /** Covers the writes up to this number. */
  readonly upTo: Mark
  readonly position: WritePosition
  readonly lane: Lane
  readonly authority: Authority
}

/** A replica that does not answer at all is not waited for any longer than its budget and this. */
const ANSWER_MS = 1_000
/** A replica that had not caught up in time is only looked at for a while: each read would wait in vain. */
const NO_WAIT_MS = 1_000

export class Freshness {
  #writes: Mark = 0
  readonly #sessions = new AsyncLocalStorage<{ last: Mark }>()
  /** The newest position of the primary that was asked for. */
  #known: Known | undefined
  #asking: Promise<void> | undefined
  /**
   * What a connection has shown once. By connection and not by host: behind one address may be several replicas, and one that
   * crashed may come back with less than it had; its connections do not come back.
   */
  readonly #shown = new WeakMap<DriverConnection, Mark>()
  readonly #noWaitUntil = new WeakMap<Lane, number>()

  constructor(
    private readonly parts: PoolParts,
    private readonly lending: Lending,
  ) {}

  /** Call after anything that may have written, also when it failed, and before its caller hears of it. */
  wrote(): void {
    this.#writes += 1
    const session = this.#sessions.getStore()
    if (session !== undefined) session.last = this.#writes
  }

  /** What a read that begins now has to show. */
  get mark(): Mark {
    const { consistency } = this.parts.options
    if (consistency === 'none') return 0
    const session = consistency === 'session' ? this.#sessions.getStore() : undefined
    return session === undefined ? this.#writes : session.last
  }

  session(): PoolSession {
    const session = { last: 0 }
    return { run: (work) => this.#sessions.run(session, work) }
  }

  /**
   * Sees to a position of the primary that covers `mark`. Call before a replica's connection is borrowed: who holds one must
   * not wait for one of the primary. @returns false when there is none.
   */
  async prepare(mark: Mark, signal: AbortSignal | undefined): Promise<boolean> {
    if (mark === 0) return true
    // The one under way may have begun before the write; the next one has not.
    for (let attempt = 0; attempt < 2 && !this.#covers(mark); attempt += 1) {
      this.#asking ??= this.#ask().finally(() => (this.#asking = undefined))
      try {
        await unlessAborted(this.#asking, signal)
      } catch (error) {
        if (signal?.aborted === true) throw error
        return false
      }
    }
    return this.#covers(mark)
  }

  /** Undefined when what this replica shows covers `mark` and is not too old. Waits for that within the budget. */
  async shortfall(
    { slot: { lane, connection }, authority }: Grant,
    mark: Mark,
    signal: AbortSignal | undefined,
  ): Promise<Shortfall | undefined> {
    const { replication } = lane.driver
    const isTooLong = await lane.lag.look(() => answered(connection, 0, () => replication.lagMs(connection)))
    if (isTooLong) return 'lagging'
    if (mark === 0 || (this.#shown.get(connection) ?? 0) >= mark) return undefined
    const known = this.#known
    // After a switch or a failover, a position of the former primary says nothing about this replica.
    if (known === undefined || known.upTo < mark || !this.#isOfNow(known) || !isSame(known.authority, authority)) {
      return 'no position'
    }
    const { replicaWaitMs } = this.parts.options
    const mayWait = performance.now() >= (this.#noWaitUntil.get(lane) ?? 0)
    const budgetMs = mayWait ? replicaWaitMs : 0
    const isShown = await answered(connection, budgetMs, () =>
      replication.awaitReplay(connection, known.position, budgetMs, signal),
    )
    signal?.throwIfAborted()
    if (isShown !== true) {
      if (mayWait) this.#noWaitUntil.set(lane, performance.now() + NO_WAIT_MS)
      return 'behind'
    }
    this.#shown.set(connection, Math.max(known.upTo, this.#shown.get(connection) ?? 0))
    this.#noWaitUntil.delete(lane)
    return undefined
  }

  #covers(mark: Mark): boolean {
    return this.#known !== undefined && this.#known.upTo >= mark && this.#isOfNow(this.#known)
  }

  #isOfNow({ lane, authority }: Known): boolean {
    const { gate, sides } = this.parts
    return isSame(authority, gate.authority) && sides.clusters[authority.side]?.primary === lane
  }

  async #ask(): Promise<void> {
    const { slot, authority } = await this.lending.borrow({ rank: 'again', target: 'primary', signal: undefined })
    try {
      const upTo = this.#writes
      const { lane, connection } = slot
      const position = await answered(connection, 0, () => lane.driver.replication.position(connection))
      this.#known = position === undefined ? undefined : { upTo, position, lane, authority }
    } finally {
      this.lending.giveBack(slot)
      this.parts.gate.leave()
    }
  }
}

function isSame(a: Authority, b: Authority): boolean {
  return a.side === b.side && a.epoch === b.epoch
}

/** Undefined when it failed or took much longer than `budgetMs`; a connection without an answer is dropped. */
async function answered<T>(
  connection: DriverConnection,
  budgetMs: number,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  const timer = setTimeout(() => connection.destroy(), budgetMs + ANSWER_MS)
  try {
    return await ask()
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
