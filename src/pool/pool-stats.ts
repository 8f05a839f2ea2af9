/** One look at all parts of a pool. */
import { hostStatsOf } from './host-stats.js'
import type { Lane } from './lane.js'
import type { PoolStats } from './stats.js'
import type { PoolParts } from './wiring.js'

export function poolStats({ options, statistics, gate, desk, sides, link }: PoolParts): PoolStats {
  const lanes = Object.values(sides.clusters).flatMap((cluster) => cluster.lanes)
  const sum = (of: (lane: Lane) => number) => lanes.reduce((total, lane) => total + of(lane), 0)
  return {
    name: options.name,
    ...gate.authority,
    gate: gate.state,
    isLinked: link?.isLinked ?? options.journal === undefined,
    min: options.min,
    max: options.max,
    total: sum((lane) => lane.total),
    idle: sum((lane) => lane.idle),
    inUse: sum((lane) => lane.inUse),
    connecting: sum((lane) => lane.connecting),
    waiting: desk.waiting,
    inFlight: gate.inFlight,
    oldestBorrower: desk.oldestBorrower,
    counts: { ...statistics.counts },
    holds: statistics.holds,
    closed: { ...statistics.closed },
    errors: { ...statistics.errors },
    reads: statistics.reads,
    hosts: lanes.map((lane) => hostStatsOf(lane, { waiting: desk.waitingFor(lane) })),
  }
}
