/** Carries out what operators post to the journal, while the phases go on. */
import type { CommandName, Phase } from '../journal/events.js'
import type { MigrationState } from '../journal/journal.js'

/** What a command does to a running migration. */
export type Verdict =
  | {
      readonly accepted: true
      readonly message: string
      readonly set?: Partial<
        Pick<MigrationState, 'isPaused' | 'isSwitchApproved' | 'isCompletionApproved' | 'rollbackReason'>
      >
      readonly interrupt?: 'rollback' | 'abort'
    }
  | { readonly accepted: false; readonly message: string }

const BEFORE_SWITCH: readonly (Phase | 'ended')[] = ['backup', 'parallel-schema', 'dual-write-sync', 'cutover']

/** Decides; changes nothing. */
export function judge(command: CommandName, state: MigrationState, actor: string, isWayBackEnded = false): Verdict {
  const { phase } = state
  const no = (message: string): Verdict => ({ accepted: false, message })
  if (phase === 'ended' && command !== 'complete' && command !== 'abort')
    return no(`the migration has ended (${state.outcome})`)
  switch (command) {
    case 'pause':
      if (state.authority === 'green' || phase === 'rollback')
        return no(`nothing is left to pause in phase ${phase}: copy and switch are done`)
      return { accepted: true, message: 'paused: the copy and the switch wait, sync goes on', set: { isPaused: true } }
    case 'resume':
      return { accepted: true, message: 'going on', set: { isPaused: false } }
    case 'cutover':
      if (!BEFORE_SWITCH.includes(phase) || state.authority === 'green') return no(`cannot cut over in phase ${phase}`)
      return {
        accepted: true,
        message: `approved: ${whenItFollows(phase)}`,
        set: { isSwitchApproved: true, isPaused: false },
      }
    case 'complete':
      if (phase !== 'validate' && phase !== 'complete' && phase !== 'ended')
        return no(`cannot complete in phase ${phase}: green is not validated`)
      return {
        accepted: true,
        message: 'approved: the way back ends when green is validated',
        set: { isCompletionApproved: true },
      }
    case 'rollback':
      if (isWayBackEnded) return no('the way back is ended: what was written on green since then would be lost')
      if (phase === 'rollback') return { accepted: true, message: 'the rollback is going on' }
      return {
        accepted: true,
        message: 'rolling back',
        set: { rollbackReason: `asked for by ${actor}` },
        interrupt: 'rollback',
      }
    case 'abort':
      if (phase === 'rollback') return no('a rollback is going on; wait for its end')
      if (state.authority === 'green') return no('green has the authority: use rollback, which brings every write back')
      return {
        accepted: true,
        message: 'aborting: everything of Crossfade is removed, blue stays as it is',
        interrupt: 'abort',
      }
    case 'verify':
      return { accepted: true, message: 'see `crossfade verify`, which compares both sides by itself' }
  }
}

function whenItFollows(phase: Phase | 'ended'): string {
  if (phase === 'cutover') return 'the switch is going on'
  return phase === 'dual-write-sync'
    ? 'the switch follows when both sides are verified'
    : `the switch follows after ${phase}`
}
