/** The hosts of one side: one takes the writes, any number of replicas take reads. One lane of connections for each. */
import type { Side } from '../engines/engine.js'
import type { Borrower } from './errors.js'
import type { Lane, Target } from './lane.js'
import type { CloseReason } from './stats.js'

/** How many connections were lent lately, by what they were lent for. */
export interface Usual {
  readonly primary: number
  readonly replica: number
}

export class Cluster {
  #primary: Lane
  #replicas: readonly Lane[]

  /** @param lanes the configured primary first. */
  constructor(
    readonly side: Side,
    readonly lanes: readonly [Lane, ...Lane[]],
  ) {
    this.#primary = lanes[0]
    this.#replicas = lanes.slice(1)
    for (const lane of this.#replicas) lane.role = 'replica'
  }

  /** The host that takes the writes now. */
  get primary(): Lane {
    return this.#primary
  }

  /** All others, also those that cannot be used now. */
  get replicas(): readonly Lane[] {
    return this.#replicas
  }

  /** Who may serve a request, the least busy one first. A read goes to the primary when no replica can be used. */
  candidates(target: Target): readonly [Lane, ...Lane[]] {
    if (target === 'primary') return [this.#primary]
    if (this.#replicas.length === 0) return [this.#primary]
    const [first, ...others] = this.usableReplicas.toSorted((a, b) => a.inUse - b.inUse)
    return first === undefined ? [this.#primary] : [first, ...others]
  }

  get usableReplicas(): readonly Lane[] {
    return this.#replicas.filter((lane) => lane.isUsable)
  }

  get inUse(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.inUse, 0)
  }

  get oldestBorrower(): Borrower | undefined {
    return oldestOf(this.lanes)
  }

  get usual(): Usual {
    return { primary: this.#primary.usual, replica: Math.max(0, ...this.#replicas.map((lane) => lane.usual)) }
  }

  /** All connections that are to be kept open are there. A replica that cannot be used is not waited for. */
  get isFull(): boolean {
    return this.#primary.isFull && this.usableReplicas.every((lane) => lane.isFull)
  }

  /** As {@link Lane.fill}, on each host. */
  fill(least?: Usual): void {
    for (const lane of this.lanes) lane.fill(least?.[lane.role])
  }

  retireSoon(reason: CloseReason): void {
    for (const lane of this.lanes) lane.retireSoon(reason)
  }

  reap(): void {
    for (const lane of this.lanes) lane.reap()
  }

  async destroy(reason: CloseReason): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.destroy(reason)))
  }
}

export function oldestOf(lanes: readonly Pick<Lane, 'oldestBorrower'>[]): Borrower | undefined {
  return lanes
    .map((lane) => lane.oldestBorrower)
    .filter((borrower) => borrower !== undefined)
    .toSorted((a, b) => b.ageMs - a.ageMs)[0]
}
