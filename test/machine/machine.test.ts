import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createActor, waitFor } from 'xstate'
import { PHASES, type Phase } from '../../src/journal/events.js'
import type { PhaseResult, StoppedOutcome } from '../../src/machine/context.js'
import { createMigrationMachine, TRANSITIONS, type MachineOutcome } from '../../src/machine/machine.js'

const RESULTS = ['done', 'back', 'rollback', 'abort'] as const
const STOPS: readonly StoppedOutcome[] = ['failed', 'refused', 'waiting', 'interrupted', 'until-reached']

const resultOf = (type: (typeof RESULTS)[number]): PhaseResult =>
  type === 'done' ? { type } : { type, reason: `${type} for a reason` }

interface Walk {
  readonly visited: readonly (Phase | 'aborting')[]
  readonly end: unknown
  readonly outcome: MachineOutcome
  readonly reason: string
}

/** Runs the machine from `start`; phases end as `script` says, those behind its end stop, an abort is done. */
async function walk(start: Phase | 'aborting', script: readonly (PhaseResult | Error)[]): Promise<Walk> {
  const visited: (Phase | 'aborting')[] = []
  const machine = createMigrationMachine((phase) => {
    const end: PhaseResult =
      phase === 'aborting' ? { type: 'done' } : { type: 'stopped', outcome: 'waiting', reason: 'the script ends here' }
    const result = script[visited.length] ?? end
    visited.push(phase)
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result)
  }, start)
  const actor = createActor(machine)
  actor.start()
  const { value, context } = await waitFor(actor, ({ status }) => status === 'done', { timeout: 5000 })
  return { visited, end: value, outcome: context.outcome, reason: context.reason }
}

/** The rows of the table in docs/phases.md: phase, then what follows by the names in its head. */
function documentedTable(): Record<string, Record<string, string>> {
  const lines = readFileSync('docs/phases.md', 'utf8').split('\n')
  const start = lines.findIndex((line) => line.startsWith('| phase |'))
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  const head = cells(lines[start]!).slice(1)
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  return Object.fromEntries(
    lines.slice(start + 2, end).map((line) => {
      const [phase, ...states] = cells(line)
      return [phase, Object.fromEntries(head.map((name, index) => [name, states[index]]))]
    }),
  )
}

describe('the phases', () => {
  test('are in docs/phases.md as they are in the machine', () => {
    expect(documentedTable()).toEqual(TRANSITIONS)
    expect(Object.keys(TRANSITIONS)).toEqual([...PHASES])
  })

  describe.each(PHASES)('%s', (phase) => {
    test.each(RESULTS)('goes on as the table says after "%s"', async (type) => {
      const result = resultOf(type)
      const next = TRANSITIONS[phase][type]
      // What comes next stops at once, or, where the machine has ended, is never begun.
      const { visited, end, outcome, reason } = await walk(phase, [result])
      if (next === 'ended' || next === 'stopped') {
        expect(visited).toEqual([phase])
        expect(end).toBe(next)
        expect(reason).toBe('reason' in result ? result.reason : '')
        if (next === 'ended') expect(outcome).toBe(phase === 'rollback' ? 'rolled-back' : 'completed')
        else expect(outcome).toBe('refused')
      } else {
        expect(visited).toEqual([phase, next])
        expect([end, outcome]).toEqual(next === 'aborting' ? ['ended', 'aborted'] : ['stopped', 'waiting'])
      }
    })

    test.each(STOPS)('ends the run where it can go on after "stopped: %s"', async (outcome) => {
      const result: PhaseResult = { type: 'stopped', outcome, reason: `${outcome} for a reason` }
      expect(await walk(phase, [result])).toEqual({
        visited: [phase],
        end: 'stopped',
        outcome,
        reason: `${outcome} for a reason`,
      })
    })

    test('ends the run as failed when its work throws', async () => {
      expect(await walk(phase, [new Error('out of order')])).toEqual({
        visited: [phase],
        end: 'stopped',
        outcome: 'failed',
        reason: 'out of order',
      })
    })
  })

  test('lead from the backup to the end when each is done', async () => {
    const done: PhaseResult = { type: 'done' }
    const { visited, end, outcome } = await walk(
      'backup',
      PHASES.map(() => done),
    )
    expect(visited).toEqual(PHASES.filter((phase) => phase !== 'rollback'))
    expect([end, outcome]).toEqual(['ended', 'completed'])
  })

  test('lead back to the steady state as often as the switch is missed', async () => {
    const back: PhaseResult = { type: 'back', reason: 'missed' }
    const done: PhaseResult = { type: 'done' }
    const { visited, outcome } = await walk('cutover', [back, done, back, done, done])
    expect(visited).toEqual(['cutover', 'dual-write-sync', 'cutover', 'dual-write-sync', 'cutover', 'validate'])
    expect(outcome).toBe('waiting')
  })

  test('never lead to green from a rollback, nor to an abort once green may have the authority', () => {
    for (const next of Object.values(TRANSITIONS.rollback)) expect(['rollback', 'ended', 'stopped']).toContain(next)
    for (const phase of ['validate', 'complete', 'rollback'] as const)
      expect(Object.values(TRANSITIONS[phase])).not.toContain('aborting')
  })

  test('end as aborted, or as failed when the removal fails', async () => {
    const abort: PhaseResult = { type: 'abort', reason: 'asked for' }
    expect(await walk('backup', [abort, { type: 'done' }])).toMatchObject({ end: 'ended', outcome: 'aborted' })
    const failed = await walk('backup', [abort, { type: 'stopped', outcome: 'failed', reason: 'green is gone' }])
    expect(failed).toMatchObject({ end: 'stopped', outcome: 'failed', reason: 'green is gone' })
    expect(await walk('backup', [abort, new Error('broken')])).toMatchObject({ end: 'stopped', outcome: 'failed' })
    expect(await walk('aborting', [])).toMatchObject({ visited: ['aborting'], end: 'ended', outcome: 'aborted' })
  })
})
