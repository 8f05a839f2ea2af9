import { describe, expect, test } from 'vitest'
import { COMMANDS, PHASES, type CommandName, type Phase } from '../../src/journal/events.js'
import type { MigrationState } from '../../src/journal/journal.js'
import { judge } from '../../src/machine/operator.js'
import { nextCommands } from '../../src/report/status.js'

type Standing = Phase | 'rolled-back' | 'completed'

const GREEN: readonly Standing[] = ['validate', 'complete', 'completed']

function stateIn(standing: Standing, fields: Partial<MigrationState> = {}): MigrationState {
  const hasEnded = standing === 'rolled-back' || standing === 'completed'
  return {
    plan: 'shop',
    planHash: 'hash',
    phase: hasEnded ? 'ended' : standing,
    outcome: hasEnded ? standing : 'running',
    authority: GREEN.includes(standing) ? 'green' : 'blue',
    epoch: 1,
    isPaused: false,
    isSwitchApproved: false,
    isCompletionApproved: false,
    rollbackReason: null,
    startedAt: '2024-01-01T00:00:00.000Z',
    ...fields,
  } as MigrationState
}

const STANDINGS: readonly Standing[] = [...PHASES, 'rolled-back', 'completed']

/** Where each command is taken; it is refused everywhere else. */
const ACCEPTED: Readonly<Record<Exclude<CommandName, 'verify'>, readonly Standing[]>> = {
  cutover: ['backup', 'parallel-schema', 'dual-write-sync', 'cutover'],
  rollback: [...PHASES],
  pause: ['backup', 'parallel-schema', 'dual-write-sync', 'cutover'],
  resume: [...PHASES],
  complete: ['validate', 'complete', 'rolled-back', 'completed'],
  abort: ['backup', 'parallel-schema', 'dual-write-sync', 'cutover', 'rolled-back'],
}

describe('an operator’s command', () => {
  for (const [command, standings] of Object.entries(ACCEPTED) as [CommandName, readonly Standing[]][])
    test.each(STANDINGS)(`${command} in %s`, (standing) => {
      const verdict = judge(command, stateIn(standing), 'operator:me@here')
      expect(verdict.accepted, verdict.message).toBe(standings.includes(standing))
      // A refusal says why, and changes nothing.
      if (!verdict.accepted) expect(verdict).toEqual({ accepted: false, message: expect.stringMatching(/\w{3}/) })
    })

  test('sets what the phases look at', () => {
    const set = (command: CommandName, standing: Standing): unknown => {
      const verdict = judge(command, stateIn(standing), 'operator:me@here')
      return verdict.accepted ? { set: verdict.set, interrupt: verdict.interrupt } : verdict
    }
    expect(set('pause', 'dual-write-sync')).toEqual({ set: { isPaused: true } })
    expect(set('resume', 'dual-write-sync')).toEqual({ set: { isPaused: false } })
    expect(set('cutover', 'dual-write-sync')).toEqual({ set: { isSwitchApproved: true, isPaused: false } })
    expect(set('complete', 'complete')).toEqual({ set: { isCompletionApproved: true } })
    expect(set('rollback', 'validate')).toEqual({
      set: { rollbackReason: 'asked for by operator:me@here' },
      interrupt: 'rollback',
    })
    expect(set('abort', 'backup')).toEqual({ interrupt: 'abort' })
    // It goes on already: an interruption would only begin it again.
    expect(set('rollback', 'rollback')).toEqual({})
  })

  test('does not lead back once the way back is ended, which a run may have died at', () => {
    expect(judge('rollback', stateIn('complete'), 'me', true)).toEqual({
      accepted: false,
      message: 'the way back is ended: what was written on green since then would be lost',
    })
    expect(judge('complete', stateIn('complete'), 'me', true)).toMatchObject({ accepted: true })
  })

  test('names what to do instead where green has the authority', () => {
    expect(judge('abort', stateIn('validate'), 'me')).toEqual({
      accepted: false,
      message: 'green has the authority: use rollback, which brings every write back',
    })
    expect(judge('cutover', stateIn('cutover', { authority: 'green' }), 'me').accepted).toBe(false)
  })

  test.each(STANDINGS)('that `status` offers in %s is accepted', (standing) => {
    for (const isPaused of [false, true])
      for (const isSwitchApproved of [false, true]) {
        const state = stateIn(standing, { isPaused, isSwitchApproved })
        for (const command of nextCommands(state))
          if ((COMMANDS as readonly string[]).includes(command))
            expect(judge(command as CommandName, state, 'me'), command).toMatchObject({ accepted: true })
      }
  })
})
