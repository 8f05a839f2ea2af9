/**
 * Fault tests name a place here to die at: a step of the switch, or a phase, once its work is done and before the journal knows.
 * SIGKILL runs no handler, so nothing is tidied up.
 */
import type { Phase, SwitchStep } from '../journal/events.js'

export function crashPoint(place: SwitchStep | Phase | 'abort-begun'): void {
  if (process.env['CROSSFADE_CRASH_AT'] === place) process.kill(process.pid, 'SIGKILL')
}
