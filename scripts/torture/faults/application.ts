/** What the application itself does to everybody. */
import { setTimeout as delay } from 'node:timers/promises'
import type { TrafficCommand } from '../traffic/main.js'
import type { Fault } from './fault.js'

const burden = (type: 'saturate' | 'hold' | 'contend'): Fault => ({
  strike: async ({ draw, traffic }) => {
    const command: TrafficCommand = { type, ms: draw.durationMs }
    await traffic.ask(command)
    await delay(draw.durationMs)
  },
})

export const poolFull = burden('saturate')
export const longTransaction = burden('hold')
export const contention = burden('contend')
