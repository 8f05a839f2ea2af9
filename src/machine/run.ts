/** A run that has the lease: mends what a crash left, and walks the phases from where the journal stands. */
import { createActor, waitFor } from 'xstate'
import { openGateBoard } from '../engines/gate-board.js'
import { CrossfadeError } from '../engines/errors.js'
import type { Side, SideTools } from '../engines/engine.js'
import type { MigrationEvent, Phase } from '../journal/events.js'
import type { Journal, MigrationState } from '../journal/journal.js'
import { Compiler } from '../plan/compile.js'
import { SyncLoop } from '../sync/sync-loop.js'
import { TableLocks } from '../sync/table-locks.js'
import { Loops, otherSide, sideOf, type MigrationContext } from './context.js'
import { Interruptions } from './interruptions.js'
import { createMigrationMachine, type MachineOutcome } from './machine.js'
import { PhaseRunner, isBehind, type OperatorWords } from './phase-runner.js'
import { removeFromSides } from './removal.js'
import { STOPPED, describe, type RunOptions, type RunResult } from './run-options.js'
import { reconcileAll } from './switching.js'
import { Watch } from './watch.js'

/** Transactions of an earlier run get this long before their connections are ended. */
const TAKEOVER_GRACE_MS = 5000

export interface RunParts {
  readonly options: RunOptions
  readonly journal: Journal
  readonly blue: SideTools
  readonly green: SideTools
  readonly runEpoch: number
}

export class Run {
  readonly #parts: RunParts
  readonly #compiler: Compiler
  readonly #locks = new TableLocks()
  readonly #loops: Loops
  readonly #interruptions = new Interruptions()
  readonly #watch: Watch

  constructor(parts: RunParts) {
    this.#parts = parts
    const { options, blue, green } = parts
    this.#compiler = new Compiler(options.plan, {
      blue: { dialect: blue.dialect, namespace: blue.location.namespace },
      green: { dialect: green.dialect, namespace: green.location.namespace },
    })
    this.#loops = new Loops((origin) => this.#makeLoop(origin))
    this.#watch = new Watch({
      ...parts,
      interruptions: this.#interruptions,
      read: () => this.#read(),
      emit: (event) => this.#emit(event),
    })
  }

  async run(): Promise<RunResult> {
    const { options, journal, blue, green, runEpoch } = this.#parts
    const board = await openGateBoard(options.journalUrl, { meta: options.metaNamespace })
    const onSignal = (): void => this.#interruptions.interrupt({ type: 'interrupt', reason: STOPPED })
    options.signal.addEventListener('abort', onSignal, { once: true })
    try {
      let state = await this.#begin()
      // Before anything is made on a side: where everything was removed meanwhile, nobody else would tell.
      await journal.readSettled(runEpoch)
      await blue.lease.take(runEpoch, TAKEOVER_GRACE_MS)
      await green.lease.take(runEpoch, TAKEOVER_GRACE_MS)
      await board.prepare({ side: state.authority, epoch: state.epoch })
      this.#watch.start()
      const phases = new PhaseRunner({
        ...this.#parts,
        interruptions: this.#interruptions,
        emit: (event) => this.#emit(event),
        makeContext: (signal, words) => this.#context(board, signal, words),
      })
      await reconcileAll(phases.context(this.#interruptions.signal))
      if (options.first) await this.#watch.carryOut(options.first, options.actor)
      state = await this.#read()
      if (options.signal.aborted) onSignal()
      const result = await this.#goOn(phases, state)
      await this.#emit({ type: 'outcome', outcome: eventOutcome(result.outcome), reason: result.reason }).catch(
        () => undefined,
      )
      return result
    } finally {
      this.#watch.stop()
      options.signal.removeEventListener('abort', onSignal)
      await this.#loops.close().catch(() => undefined)
      await board.close().catch(() => undefined)
    }
  }

  async #begin(): Promise<MigrationState> {
    const { options, journal, green, runEpoch } = this.#parts
    const known = await journal.read()
    // What was completed stays so: beginning again would give the authority back to a blue that is out of date.
    const isOver = known?.phase === 'ended' && known.outcome !== 'completed'
    if (!known || (isOver && options.first === undefined)) {
      await refuseOpenGreen(green)
      return journal.begin(options.planHash, runEpoch)
    }
    if (known.planHash !== options.planHash && known.phase !== 'ended')
      throw new CrossfadeError(
        'PLAN_INVALID',
        `plan "${known.plan}" has changed since this migration began; go on with the old plan, or abort and start again`,
      )
    return known
  }

  async #goOn(phases: PhaseRunner, state: MigrationState): Promise<RunResult> {
    if (state.phase === 'ended') return this.#afterEnd(phases.context(new AbortController().signal), state)
    if (await phases.isAborting()) return walk(phases, 'aborting')
    const { until } = this.#parts.options
    // Given again after it was reached, `--until` must not let the run go on to what nobody asked for.
    if (until && !this.#interruptions.current && isBehind(until, state.phase))
      return { outcome: 'until-reached', reason: `${until} is done` }
    return walk(phases, state.phase)
  }

  /** `complete` after a rollback, or `abort` of what has ended: takes away what was kept for a look. */
  async #afterEnd(context: MigrationContext, state: MigrationState): Promise<RunResult> {
    if (state.outcome === 'rolled-back' || this.#parts.options.first === 'abort') {
      await removeFromSides(context, { dropGreen: state.outcome !== 'completed' })
      await this.#dropMeta()
    }
    return {
      outcome: 'completed',
      reason:
        state.outcome === 'completed' ? 'the migration was completed before' : 'what the migration had left is removed',
    }
  }

  async #dropMeta(): Promise<void> {
    const { journal, runEpoch, green, blue } = this.#parts
    this.#watch.stop()
    await journal.remove(runEpoch)
    await green.dropMeta()
    await blue.dropMeta()
  }

  #context(board: MigrationContext['board'], signal: AbortSignal, words: OperatorWords): MigrationContext {
    const { options, journal, blue, green, runEpoch } = this.#parts
    return {
      plan: options.plan,
      compiler: this.#compiler,
      blue,
      green,
      journal,
      board,
      runEpoch,
      isPushedDown: blue.facts.reach === green.facts.reach,
      locks: this.#locks,
      backupDirectory: options.backupDirectory,
      until: options.until,
      ...words,
      exitWhenWaiting: options.exitWhenWaiting,
      emit: (event) => {
        const written = this.#emit(event)
        // Whoever does not wait for it learns of a lost journal by the next thing that does.
        written.catch(() => undefined)
        return written
      },
      show: (event) => options.onEvent(event),
      signal,
      interrupt: (interruption) => this.#interruptions.interrupt(interruption),
      state: () => this.#read(),
      loops: this.#loops,
      dropMeta: () => this.#dropMeta(),
    }
  }

  #makeLoop(origin: Side): SyncLoop {
    const { options, blue, green, runEpoch } = this.#parts
    const sides = { blue, green }
    return new SyncLoop({
      plan: options.plan,
      compiler: this.#compiler,
      origin: sideOf(sides, origin),
      destination: sideOf(sides, otherSide(origin)),
      runEpoch,
      locks: this.#locks,
      isPushedDown: blue.facts.reach === green.facts.reach,
      onLag: (side, changes, ageMs, applied) =>
        options.onEvent({ type: 'lag', side, changes, ageMs: Math.round(ageMs), applied }),
      onFailure: (error) =>
        this.#interruptions.interrupt({
          type: 'failure',
          reason: `sync from ${origin} stopped: ${describe(error)}`,
          error,
        }),
    })
  }

  async #read(): Promise<MigrationState> {
    const { journal, options } = this.#parts
    const state = await journal.read()
    if (!state) throw new CrossfadeError('JOURNAL_INVALID', `the journal has lost migration "${options.plan.name}"`)
    return state
  }

  async #emit(event: MigrationEvent): Promise<void> {
    const { journal, options, runEpoch } = this.#parts
    options.onEvent(event)
    // The story of a migration is told by the run that has it: an outcome of an older one would end the terminals that follow.
    await journal.append(options.actor, event, runEpoch)
  }
}

async function walk(phases: PhaseRunner, start: Phase | 'aborting'): Promise<RunResult> {
  const actor = createActor(createMigrationMachine((phase) => phases.run(phase), start))
  actor.start()
  const { context } = await waitFor(actor, ({ status }) => status === 'done', { timeout: Number.POSITIVE_INFINITY })
  return { outcome: context.outcome, reason: context.reason }
}

/** A journal that was lost, or another one, must not take the authority from a green that serves. */
async function refuseOpenGreen(green: SideTools): Promise<void> {
  if (!(await green.fence.exists()) || !(await green.fence.read()).isWritable) return
  throw new CrossfadeError(
    'REFUSED',
    'green takes writes since an earlier migration, of which this journal knows nothing; give its --journal, or another green',
  )
}

function eventOutcome(outcome: MachineOutcome): Extract<MigrationEvent, { type: 'outcome' }>['outcome'] {
  if (outcome === 'refused' || outcome === 'taken-over') return 'failed'
  return outcome === 'until-reached' ? 'waiting' : outcome
}
