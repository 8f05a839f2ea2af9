/** Trouble on the way to one server, for Crossfade, for the application, or for both. */
import { setTimeout as delay } from 'node:timers/promises'
import type { NetworkTrouble, Proxy } from '../proxy.js'
import type { Draw } from '../draw.js'
import type { Fault, FaultContext } from './fault.js'

function waysOf({ draw, stage }: FaultContext): readonly Proxy[] {
  const { ways } = stage.nodeOf(draw.target)
  return draw.scope === 'both' ? [ways.crossfade, ways.application] : [ways[draw.scope]]
}

const lasting = (troubleOf: (draw: Draw) => NetworkTrouble): Fault => ({
  strike: async (context) => {
    const ways = waysOf(context)
    for (const way of ways) way.setTrouble(troubleOf(context.draw))
    await delay(context.draw.durationMs)
    for (const way of ways) way.setTrouble(undefined)
  },
})

export const cut: Fault = {
  strike: async (context) => {
    const ways = waysOf(context)
    const isShort = context.draw.variant < 0.4
    for (const way of ways) {
      if (!isShort) way.setTrouble({ type: 'refuse' })
      way.cut()
    }
    if (isShort) return
    await delay(context.draw.durationMs / 2)
    for (const way of ways) way.setTrouble(undefined)
  },
}

export const slow = lasting(({ variant }) => ({ type: 'delay', ms: Math.round(10 + 200 * variant) }))

export const throttle = lasting(({ variant }) => ({
  type: 'throttle',
  bytesPerSecond: Math.round(10_000 * 10 ** (2 * variant)),
}))

/**
 * Whose kernel finds out as well: the application's, and that of the programs that dump and restore. Crossfade's own sessions have to
 * find out by themselves.
 */
const isInBackup = ({ orchestrator }: FaultContext): boolean =>
  orchestrator.hasTold(({ type, phase }) => type === 'phase-started' && phase === 'backup') &&
  !orchestrator.hasTold(({ type, phase }) => type === 'phase-done' && phase === 'backup')

/** In this share of the black holes old connections stay dead: what stood between has forgotten them. */
const FORGOTTEN = 0.6
/** Then the server's keep-alive finds them. */
const KEEP_ALIVE_MS = 8_000

export const blackHole: Fault = {
  strike: async (context) => {
    const { draw, stage } = context
    const ways = waysOf(context)
    for (const way of ways) way.setTrouble({ type: 'black-hole' })
    await delay(1.5 * draw.durationMs)
    const areOldDead = draw.variant < FORGOTTEN
    for (const way of ways) way.setTrouble(undefined, { areOldDead })
    if (!areOldDead) return
    await delay(KEEP_ALIVE_MS)
    for (const way of ways)
      way.endDead({ isClientTold: way === stage.nodeOf(draw.target).ways.application || isInBackup(context) })
  },
}
