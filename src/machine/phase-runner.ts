/** One phase of a run: what is written to the journal before and after it, and what its end means. */
import { CrossfadeError } from '../engines/errors.js'
import { PHASES, type MigrationEvent, type Phase } from '../journal/events.js'
import type { Journal } from '../journal/journal.js'
import { PhaseInterrupted, type MigrationContext, type PhaseResult } from './context.js'
import { crashPoint } from './crash-point.js'
import type { Interruptions } from './interruptions.js'
import { lostLease } from './lost-lease.js'
import { runPhaseWork } from './phases/index.js'
import { describe, type RunOptions } from './run-options.js'

/** In the journal from the moment an abort has begun: half of a migration is nothing that a run could go on with. */
const ABORT_PROGRESS = 'abort'

export interface PhaseRunnerParts {
  readonly options: RunOptions
  readonly journal: Journal
  readonly runEpoch: number
  readonly interruptions: Interruptions
  readonly emit: (event: MigrationEvent) => Promise<void>
  readonly makeContext: (signal: AbortSignal, words: OperatorWords) => MigrationContext
}

/** What of the operator's words still counts. */
export interface OperatorWords {
  readonly approve: boolean
  readonly refusal: string | undefined
}

export class PhaseRunner {
  /** `--yes` counts once: a switch that was refused or missed needs another word. */
  #words: OperatorWords

  constructor(private readonly parts: PhaseRunnerParts) {
    this.#words = { approve: parts.options.approve, refusal: undefined }
  }

  /** An abort that was begun is to be ended, whatever phase the journal names. */
  async isAborting(): Promise<boolean> {
    return (await this.parts.journal.readProgress(ABORT_PROGRESS)) !== undefined
  }

  context(signal: AbortSignal): MigrationContext {
    return this.parts.makeContext(signal, this.#words)
  }

  /** Never throws: an error is a result. */
  async run(phase: Phase | 'aborting'): Promise<PhaseResult> {
    const { interruptions } = this.parts
    const startedAt = performance.now()
    // An interruption that led here was answered by coming here.
    if (phase === 'rollback' || phase === 'aborting') interruptions.answered()
    const context = this.context(interruptions.nextPhase())
    let result: PhaseResult
    try {
      await this.#begin(phase)
      context.signal.throwIfAborted()
      result = await runPhaseWork(phase, context)
      if (phase !== 'aborting' && result.type === 'done') crashPoint(phase)
    } catch (error) {
      result = await this.#explain(error)
    }
    if (result.type === 'back') this.#words = { approve: false, refusal: result.reason }
    return phase === 'aborting' ? result : this.#end(phase, result, Math.round(performance.now() - startedAt))
  }

  async #begin(phase: Phase | 'aborting'): Promise<void> {
    const { journal, runEpoch, emit } = this.parts
    if (phase === 'aborting') {
      await journal.writeProgress(runEpoch, ABORT_PROGRESS, {})
      crashPoint('abort-begun')
      return
    }
    await journal.update(runEpoch, { phase })
    await emit({ type: 'phase-started', phase })
  }

  async #end(phase: Phase, result: PhaseResult, durationMs: number): Promise<PhaseResult> {
    const { journal, runEpoch, options, emit } = this.parts
    const isDone =
      result.type === 'done' ||
      (result.type === 'stopped' && (result.outcome === 'until-reached' || result.outcome === 'waiting'))
    await emit({
      type: 'phase-done',
      phase,
      result: isDone ? 'done' : result.type === 'abort' ? 'aborted' : 'failed',
      durationMs,
      ...('reason' in result && !isDone ? { reason: result.reason } : {}),
    }).catch((error: unknown) => options.log.error({ err: error }, 'the journal did not take an event'))
    if (result.type !== 'done') return result
    if (phase === 'complete') await journal.update(runEpoch, { phase: 'ended', outcome: 'completed' })
    else if (phase === 'rollback') await journal.update(runEpoch, { phase: 'ended', outcome: 'rolled-back' })
    else if (phase === options.until) {
      await journal.update(runEpoch, { phase: nextPhase(phase) })
      return { type: 'stopped', outcome: 'until-reached', reason: `${phase} is done` }
    }
    return result
  }

  /** An error of a phase as its result. */
  async #explain(error: unknown): Promise<PhaseResult> {
    const { journal, runEpoch, options, interruptions } = this.parts
    const causes = [error, interruptions.current?.error]
    const lost = await lostLease(journal, runEpoch, options.plan.limits.leaseMs, causes)
    if (lost) {
      options.log.warn({ err: error }, lost)
      return { type: 'stopped', outcome: 'taken-over', reason: lost }
    }
    const interruption = error instanceof PhaseInterrupted ? error.interruption : interruptions.current
    if (interruption)
      switch (interruption.type) {
        case 'rollback':
          return { type: 'rollback', reason: interruption.reason }
        case 'abort':
          return { type: 'abort', reason: interruption.reason }
        case 'interrupt':
          return { type: 'stopped', outcome: 'interrupted', reason: interruption.reason }
        case 'failure':
          options.log.error({ err: interruption.error }, interruption.reason)
          return { type: 'stopped', outcome: 'failed', reason: interruption.reason }
      }
    options.log.error({ err: error }, 'a phase failed')
    return {
      type: 'stopped',
      outcome: error instanceof CrossfadeError && error.code === 'REFUSED' ? 'refused' : 'failed',
      reason: describe(error),
    }
  }
}

const FORWARD: readonly Phase[] = PHASES.filter((phase) => phase !== 'rollback')

const nextPhase = (phase: Phase): Phase => FORWARD[Math.min(FORWARD.indexOf(phase) + 1, FORWARD.length - 1)] ?? phase

/** True when the way to green has left this phase behind it. */
export const isBehind = (phase: Phase, now: Phase): boolean =>
  FORWARD.includes(phase) && FORWARD.indexOf(phase) < FORWARD.indexOf(now)
