/**
 * Fault tests name a place here to die or to be stopped at: a step of the switch, a phase, once its work is done and before the journal
 * knows, or a place within one. SIGKILL runs no handler, so nothing is tidied up; SIGSTOP lets others find a run that lives and
 * does nothing.
 */
import type { Phase, SwitchStep } from '../journal/events.js'

/** `schema`: before the first DDL on green; `copy`: between two chunks; `commit`: the authority is switched, the new side not open. */
export type CrashPlace = SwitchStep | Phase | 'abort-begun' | 'schema' | 'copy' | 'commit'

export function crashPoint(place: CrashPlace): void {
  if (process.env['CROSSFADE_CRASH_AT'] === place) process.kill(process.pid, 'SIGKILL')
  if (process.env['CROSSFADE_STOP_AT'] !== place) return
  // Once: whoever is woken goes on.
  delete process.env['CROSSFADE_STOP_AT']
  process.kill(process.pid, 'SIGSTOP')
}
