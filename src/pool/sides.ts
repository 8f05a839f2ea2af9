/** Which side's connections are kept open: those of the side with the authority, and ahead of a switch those of the other one. */
import type { Side } from '../engines/engine.js'
import type { Authority, GateState } from './gate.js'
import type { HostSetting, Lane } from './lane.js'
import type { Cluster } from './cluster.js'
import { PoolError } from './errors.js'

const otherOf = (side: Side): Side => (side === 'blue' ? 'green' : 'blue')

export class Sides {
  readonly clusters: Partial<Record<Side, Cluster>> = {}
  #next: Side | undefined

  /** The announced side, once as many connections to it are open as were in use lately on the other one. */
  get readyFor(): Side | undefined {
    return this.#next !== undefined && this.clusters[this.#next]?.isFull === true ? this.#next : undefined
  }

  /** A switch to this side is about to begin, or none. @returns whether that is news. */
  announced(next: Side | undefined, { side }: Authority, state: GateState): boolean {
    if (next === this.#next) return false
    this.#next = next
    if (next !== undefined && next !== side) this.clusters[next]?.fill(this.clusters[side]?.usual)
    else if (state === 'open') this.clusters[otherOf(side)]?.retireSoon('switched')
    return true
  }

  /** Its side has no other host. */
  isLone(lane: Lane): boolean {
    return this.clusters[lane.side]?.lanes.length === 1
  }

  /** @param host `host:port`, or as in the statistics. @throws {PoolError} POOL_OPTIONS when no side has it. */
  async setHost(host: string, setting: HostSetting): Promise<void> {
    const found = Object.values(this.clusters).flatMap((cluster) =>
      cluster.lanes
        .filter(({ driver }) => driver.address === host || driver.where === host)
        .map((lane) => cluster.set(lane, setting)),
    )
    if (found.length === 0) throw new PoolError('POOL_OPTIONS', `the pool knows no host ${host}`)
    await Promise.all(found)
  }

  gateChanged(state: GateState, { side }: Authority): void {
    const other = otherOf(side)
    if (state === 'open') this.clusters[side]?.fill()
    if (this.#next === other) return
    if (state === 'open') this.clusters[other]?.retireSoon('switched')
    // Nobody announced this hold. Opened while everybody waits, so that nobody waits for it when the other side opens.
    else this.clusters[other]?.fill()
  }
}
