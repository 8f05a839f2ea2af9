/**
 * The phases as an XState machine. Each phase is an invoked actor that ends in a {@link PhaseResult}; the table below is the whole of
 * what follows. docs/phases.md shows the same table, and a test walks it. The machine keeps no state of its own: a run
 * starts it at the journal's phase.
 */
import { assign, fromPromise, setup } from 'xstate'
import { PHASES, type Phase } from '../journal/events.js'
import type { PhaseResult, StoppedOutcome } from './context.js'

/** What follows a phase, by how it ended. */
export const TRANSITIONS = {
  backup: { done: 'parallel-schema', back: 'stopped', rollback: 'rollback', abort: 'aborting' },
  'parallel-schema': { done: 'dual-write-sync', back: 'stopped', rollback: 'rollback', abort: 'aborting' },
  'dual-write-sync': { done: 'cutover', back: 'stopped', rollback: 'rollback', abort: 'aborting' },
  cutover: { done: 'validate', back: 'dual-write-sync', rollback: 'rollback', abort: 'aborting' },
  validate: { done: 'complete', back: 'stopped', rollback: 'rollback', abort: 'rollback' },
  complete: { done: 'ended', back: 'stopped', rollback: 'rollback', abort: 'rollback' },
  rollback: { done: 'ended', back: 'stopped', rollback: 'rollback', abort: 'rollback' },
} as const satisfies Record<
  Phase,
  Record<Exclude<PhaseResult['type'], 'stopped'>, Phase | 'aborting' | 'ended' | 'stopped'>
>

export type MachineOutcome = 'completed' | 'rolled-back' | 'aborted' | StoppedOutcome

interface MachineContext {
  outcome: MachineOutcome
  reason: string
}

export interface PhaseInput {
  readonly phase: Phase | 'aborting'
}

/** Runs the work of one phase; persists the phase before it starts. Never throws. */
export type RunPhase = (phase: Phase | 'aborting', signal: AbortSignal) => Promise<PhaseResult>

export function createMigrationMachine(runPhase: RunPhase, start: Phase | 'aborting') {
  const phaseState = (phase: Phase) => ({
    invoke: {
      id: phase,
      src: 'phase' as const,
      input: { phase },
      onDone: (['stopped', 'done', 'back', 'rollback', 'abort'] as const).map((type) => ({
        guard: ({ event }: { event: { output: PhaseResult } }) => event.output.type === type,
        target: type === 'stopped' ? 'stopped' : TRANSITIONS[phase][type],
        // A rollback that is asked for while it goes on begins again; without this the machine would wait for ever.
        reenter: true,
        actions: {
          type: 'remember' as const,
          params: ({ event }: { event: { output: PhaseResult } }) => ({ phase, result: event.output }),
        },
      })),
      onError: {
        target: 'stopped',
        actions: {
          type: 'crash' as const,
          params: ({ event }: { event: { error: unknown } }) => ({ error: event.error }),
        },
      },
    },
  })
  return setup({
    types: { context: {} as MachineContext },
    actors: {
      phase: fromPromise<PhaseResult, PhaseInput>(({ input, signal }) => runPhase(input.phase, signal)),
    },
    actions: {
      remember: assign((_, { phase, result }: { phase: Phase | 'aborting'; result: PhaseResult }) => ({
        reason: 'reason' in result ? result.reason : '',
        outcome: outcomeOf(phase, result),
      })),
      crash: assign((_, { error }: { error: unknown }) => ({
        outcome: 'failed' as const,
        reason: error instanceof Error ? error.message : String(error),
      })),
    },
  }).createMachine({
    id: 'migration',
    initial: start,
    context: { outcome: 'failed', reason: '' },
    states: {
      ...Object.fromEntries(PHASES.map((phase) => [phase, phaseState(phase)])),
      aborting: {
        invoke: {
          id: 'aborting',
          src: 'phase',
          input: { phase: 'aborting' as const },
          onDone: (['ended', 'stopped'] as const).map((target) => ({
            guard: ({ event }: { event: { output: PhaseResult } }) =>
              (event.output.type === 'done') === (target === 'ended'),
            target,
            actions: {
              type: 'remember' as const,
              params: ({ event }: { event: { output: PhaseResult } }) => ({
                phase: 'aborting' as const,
                result: event.output,
              }),
            },
          })),
          onError: { target: 'stopped', actions: { type: 'crash', params: ({ event }) => ({ error: event.error }) } },
        },
      },
      ended: { type: 'final' },
      stopped: { type: 'final' },
    },
  })
}

function outcomeOf(phase: Phase | 'aborting', result: PhaseResult): MachineOutcome {
  if (result.type === 'stopped') return result.outcome
  if (result.type === 'done') {
    if (phase === 'aborting') return 'aborted'
    return phase === 'rollback' ? 'rolled-back' : 'completed'
  }
  return result.type === 'back' ? 'refused' : 'failed'
}
