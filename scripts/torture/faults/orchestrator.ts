/** Faults of the orchestrator's own process. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Draw, Leg } from '../draw.js'
import type { Fault } from './fault.js'

/** Places of `CROSSFADE_CRASH_AT`: an exact step, where a delay would rarely hit. */
const PLACES: Readonly<Record<Leg, readonly string[]>> = {
  forward: [
    'backup',
    'parallel-schema',
    'dual-write-sync',
    'arm',
    'hold',
    'fence',
    'drain',
    'verify',
    'switch',
    'release',
    'cutover',
    'validate',
  ],
  back: ['arm', 'hold', 'fence', 'drain', 'verify', 'switch', 'release', 'rollback'],
}

/** Half of them die at an exact step, the others at the moment. */
const placeOf = ({ leg, variant }: Draw): string | undefined =>
  variant < 0.5 ? PLACES[leg][Math.floor(variant * 2 * PLACES[leg].length)] : undefined

export const kill: Fault = {
  prepare: (draw) => {
    const place = placeOf(draw)
    return Promise.resolve(place === undefined ? {} : { env: { CROSSFADE_CRASH_AT: place } })
  },
  strike: async ({ draw, orchestrator }) => {
    if (placeOf(draw) === undefined) orchestrator.child.kill('SIGKILL')
    else await orchestrator.end
  },
}

/** A frozen run that comes back has to end by itself within this. */
const NOTICE_MS = 30_000
/** Share of the freezes in which another run takes the migration meanwhile. */
const TAKEN = 0.75

export const freeze: Fault = {
  strike: async ({ draw, orchestrator, leaseMs, startAgain, note }) => {
    orchestrator.child.kill('SIGSTOP')
    if (!orchestrator.isRunning()) return
    try {
      await delay(leaseMs + draw.durationMs / 4)
      if (draw.variant >= TAKEN) return
      const other = startAgain()
      const taken = await Promise.race([
        other.line(({ type }) => type === 'phase-started'),
        delay(NOTICE_MS, undefined, { ref: false }),
      ])
      if (!taken) {
        note('the other run did not take the migration')
        return
      }
      await delay(draw.durationMs / 8)
      orchestrator.child.kill('SIGCONT')
      const end = await Promise.race([orchestrator.end, delay(NOTICE_MS, undefined, { ref: false })])
      if (!end) throw new Error(`a run that lost its lease to another one still ran ${NOTICE_MS / 1000} s later`)
      if (end.exitCode !== 1 && end.exitCode !== 7)
        throw new Error(`a run that lost its lease to another one ended with ${end.exitCode}`)
    } finally {
      orchestrator.child.kill('SIGCONT')
    }
  },
}

export const signal: Fault = {
  strike: async ({ draw, orchestrator }) => {
    if (!orchestrator.isRunning()) return
    // A process that is about to start has no handler yet.
    await orchestrator.line(() => true)
    orchestrator.child.kill(draw.variant < 0.5 ? 'SIGTERM' : 'SIGINT')
    const { exitCode } = await orchestrator.end
    // What came to its end at the same moment may say so.
    if (exitCode !== 130 && exitCode !== 0 && exitCode !== 5) throw new Error(`ended with ${exitCode} after a signal`)
  },
}

const PRELOAD = new URL('./clock-preload.mjs', import.meta.url).href
const STEPS_MS = [-26 * 3_600_000, -3_600_000, -60_000, 60_000, 3_600_000, 26 * 3_600_000]

export const clock: Fault = {
  prepare: ({ variant }) =>
    Promise.resolve({
      env: { TORTURE_CLOCK_STEP_MS: String(STEPS_MS[Math.floor(variant * STEPS_MS.length)]) },
      nodeOptions: ['--import', PRELOAD],
    }),
  strike: async ({ orchestrator }) => {
    await orchestrator.line(() => true)
    if (orchestrator.isRunning()) orchestrator.child.kill('SIGUSR2')
  },
}
