/** Opens what a pool works with: the connections to each side, and the link to the gate board. */
import type { EventEmitter } from 'node:events'
import type { Side } from '../engines/engine.js'
import { openGateClient } from '../engines/gate-board.js'
import { openPoolDriver } from '../engines/pool-driver.js'
import { BoardLink } from './board-link.js'
import { Cluster } from './cluster.js'
import type { Desk } from './desk.js'
import { tellError, type PoolEvents } from './events.js'
import type { Gate } from './gate.js'
import { Lane } from './lane.js'
import type { ResolvedOptions } from './options.js'
import type { Sides } from './sides.js'
import type { Statistics } from './stats.js'

/** What the parts of one pool share. */
export interface PoolParts {
  readonly options: ResolvedOptions
  readonly statistics: Statistics
  readonly gate: Gate
  readonly desk: Desk
  readonly sides: Sides
  readonly events: EventEmitter<PoolEvents>
  /** Undefined until it was made, and for a pool without a journal. */
  link: BoardLink | undefined
}

/** Fills `sides`. Opens no connection yet. */
export async function openClusters(parts: PoolParts): Promise<void> {
  const { options, sides, desk, statistics, events } = parts
  for (const side of ['blue', 'green'] as const) {
    const url = options.urls[side]
    if (url === undefined) continue
    const replicas = options.replicas[side].map((replica) => openLane(parts, side, replica))
    const lanes = [await openLane(parts, side, url), ...(await Promise.all(replicas))] as const
    sides.clusters[side] = new Cluster(side, lanes, `${options.name} monitor`, {
      onProgress: () => desk.pump(),
      onFailover: (from, to, why) => {
        const event = { side, from: from.driver.where, to: to.driver.where, why }
        statistics.failedOver(event)
        events.emit('failover', event)
      },
      onConflict: (primary, rivals) =>
        events.emit('conflict', {
          side,
          primary: primary.driver.where,
          rivals: rivals.map(({ driver }) => driver.where),
        }),
    })
  }
}

async function openLane(parts: PoolParts, side: Side, url: string): Promise<Lane> {
  const { options, statistics, sides, desk, events } = parts
  return new Lane(side, await openPoolDriver(url), options, statistics, {
    onProgress: () => desk.pump(),
    onFailure: (lane, cause) => {
      desk.connectFailed(lane, cause)
      tellError(events, cause)
    },
    onConnect: ({ connection, lane }) => {
      for (const name of ['connect', 'connection'] as const) events.emit(name, { id: connection.id, side: lane.side })
      if (lane.side === sides.readyFor) parts.link?.acknowledge()
    },
    onRemove: ({ connection, lane }, reason) => events.emit('remove', { id: connection.id, side: lane.side, reason }),
    onSuspect: (lane) => void sides.clusters[lane.side]?.probe(lane),
    onIdleError: (cause) => tellError(events, cause),
  })
}

/** Makes the link; the caller starts it. Nothing without a journal. */
export async function openLink(parts: PoolParts): Promise<BoardLink | undefined> {
  const { options, statistics, gate, desk, sides, events } = parts
  const { journal, meta, beatMs, name, host } = options
  if (journal === undefined) return undefined
  parts.link = new BoardLink(await openGateClient(journal, { meta, beatMs }), gate, {
    name,
    host,
    describe: () => {
      const oldest = desk.oldestBorrower
      const { count, lastMs } = statistics.holds
      return {
        readyFor: sides.readyFor,
        lastHoldMs: count > 0 ? lastMs : undefined,
        inFlight: gate.inFlight,
        oldestAgeMs: oldest && Math.round(oldest.ageMs),
        oldestSql: oldest?.sql,
      }
    },
    onNext: (next) => {
      const isNews = sides.announced(next, gate.authority, gate.state)
      if (isNews) parts.link?.acknowledge()
    },
    onTrouble: (cause) => {
      desk.journalTrouble = cause
      tellError(events, cause)
    },
  })
  return parts.link
}
