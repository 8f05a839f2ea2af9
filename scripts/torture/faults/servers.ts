/** Servers that die or are restarted. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.js'

export const serverKill: Fault = {
  strike: async ({ draw, stage }) => {
    const { server } = stage.nodeOf(draw.target)
    await server.kill('SIGKILL')
    await delay(draw.durationMs / 2)
    await server.restart()
  },
}

export const serverRestart: Fault = {
  strike: ({ draw, stage }) => stage.nodeOf(draw.target).server.restart(),
}
