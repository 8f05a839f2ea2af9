/** One run of a migration: takes the lease, mends what a crash left, and walks the phases from where the journal stands. */
import { createActor, waitFor } from 'xstate'
import type { Logger } from 'pino'
import { openSide, requireOneEngine } from '../engines/open-side.js'
import { openGateBoard } from '../engines/gate-board.js'
import { CrossfadeError } from '../engines/errors.js'
import type { Side, SideTools } from '../engines/engine.js'
import { PHASES, type CommandName, type MigrationEvent, type Phase } from '../journal/events.js'
import type { Journal, MigrationState } from '../journal/journal.js'
import { openJournal } from '../journal/open-journal.js'
import { Compiler } from '../plan/compile.js'
import type { Plan } from '../plan/plan.js'
import { SyncLoop } from '../sync/sync-loop.js'
import { TableLocks } from '../sync/table-locks.js'
import {
  Loops,
  PhaseInterrupted,
  otherSide,
  sideOf,
  type Interruption,
  type MigrationContext,
  type PhaseResult,
} from './context.js'
import { createMigrationMachine, type MachineOutcome } from './machine.js'
import { crashPoint } from './crash-point.js'
import { judge } from './operator.js'
import { WAY_BACK_ENDED } from './phases/complete.js'
import { runPhaseWork } from './phases/index.js'
import { removeFromSides } from './removal.js'
import { takeOver } from './take-over.js'
import { reconcileAll } from './switching.js'

export interface RunOptions {
  readonly plan: Plan
  readonly planHash: string
  readonly blueUrl: string
  readonly greenUrl: string
  readonly journalUrl: string
  readonly metaNamespace: string
  readonly backupDirectory: string
  /** Ends the run when this phase is done. */
  readonly until?: Phase | undefined
  /** `--yes`: the switch and the completion need no further word. */
  readonly approve: boolean
  /** A command carried out first, as if it had been posted. */
  readonly first?: CommandName | undefined
  /** Without a terminal nobody is there to approve: the run ends with outcome `waiting`. */
  readonly exitWhenWaiting: boolean
  readonly onEvent: (event: MigrationEvent) => void
  readonly log: Logger
  /** SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  readonly actor: string
}

export interface RunResult {
  readonly outcome: MachineOutcome
  readonly reason: string
}

/** Renewals per lease: three missed ones lose it. */
const RENEWALS = 3.3
const COMMAND_POLL_MS = 250
const STOPPED = 'stopped by a signal; `crossfade run` continues from here'
/** In the journal from the moment an abort has begun: half of a migration is nothing that a run could go on with. */
const ABORT_PROGRESS = 'abort'
/** Transactions of an earlier run get this long before their connections are ended. */
const TAKEOVER_GRACE_MS = 5000

/**
 * @throws {CrossfadeError} LEASE_HELD when another run holds the migration; CONNECT_FAILED, JOURNAL_INVALID, PLAN_INVALID when nothing
 * could be begun.
 */
export async function runMigration(options: RunOptions): Promise<RunResult> {
  const { plan, metaNamespace, log } = options
  const opened: AsyncDisposable[] = []
  const journal = await openJournal({ url: options.journalUrl, metaNamespace, plan: plan.name })
  try {
    const blue = await openSide(options.blueUrl, 'blue', metaNamespace)
    opened.push(blue)
    const green = await openSide(options.greenUrl, 'green', metaNamespace)
    opened.push(green)
    requireOneEngine(blue, green)
    await journal.prepare()
    const runEpoch = await takeOver({
      journal,
      actor: options.actor,
      ttlMs: plan.limits.leaseMs,
      signal: options.signal,
      onWait: (holder, expiresInMs) =>
        options.onEvent({
          type: 'waiting',
          for: 'lease',
          why: `"${holder}" has the migration; if it is dead, its lease runs out in ${Math.ceil(expiresInMs / 1000)} s`,
          next: 'wait',
        }),
    })
    if (runEpoch === undefined) return { outcome: 'interrupted', reason: STOPPED }
    try {
      return await new Run(options, journal, blue, green, runEpoch).run()
    } finally {
      await journal
        .releaseLease(runEpoch)
        .catch((error: unknown) => log.warn({ err: error }, 'the lease could not be given back; it runs out by itself'))
    }
  } finally {
    for (const side of opened.reverse()) await side[Symbol.asyncDispose]()
    await journal.close()
  }
}

class Run {
  readonly #options: RunOptions
  readonly #journal: Journal
  readonly #blue: SideTools
  readonly #green: SideTools
  readonly #runEpoch: number
  readonly #compiler: Compiler
  readonly #locks = new TableLocks()
  readonly #loops: Loops
  readonly #timers: NodeJS.Timeout[] = []
  #interruption: Interruption | undefined
  #phase = new AbortController()
  #isCommandBusy = false
  /** `--yes` counts once: a switch that was refused or missed needs another word. */
  #approve: boolean
  #refusal: string | undefined

  constructor(options: RunOptions, journal: Journal, blue: SideTools, green: SideTools, runEpoch: number) {
    this.#options = options
    this.#journal = journal
    this.#blue = blue
    this.#green = green
    this.#runEpoch = runEpoch
    this.#approve = options.approve
    this.#compiler = new Compiler(options.plan, {
      blue: { dialect: blue.dialect, namespace: blue.location.namespace },
      green: { dialect: green.dialect, namespace: green.location.namespace },
    })
    this.#loops = new Loops((origin) => this.#makeLoop(origin))
  }

  async run(): Promise<RunResult> {
    const { options } = { options: this.#options }
    const board = await openGateBoard(options.journalUrl, { meta: options.metaNamespace })
    const onSignal = (): void => this.#interrupt({ type: 'interrupt', reason: STOPPED })
    options.signal.addEventListener('abort', onSignal, { once: true })
    try {
      let state = await this.#begin()
      // Before anything is made on a side: where everything was removed meanwhile, nobody else would tell.
      await this.#journal.readSettled(this.#runEpoch)
      await this.#blue.lease.take(this.#runEpoch, TAKEOVER_GRACE_MS)
      await this.#green.lease.take(this.#runEpoch, TAKEOVER_GRACE_MS)
      await board.prepare({ side: state.authority, epoch: state.epoch })
      this.#watchLease()
      this.#watchCommands()
      const context = (signal: AbortSignal): MigrationContext => this.#context(board, signal)
      await reconcileAll(context(this.#phase.signal))
      if (options.first) await this.#carryOut(options.first, options.actor)
      state = await this.#read()
      if (options.signal.aborted) onSignal()
      const result = await this.#goOn(context, state)
      await this.#emit({ type: 'outcome', outcome: eventOutcome(result.outcome), reason: result.reason }).catch(
        () => undefined,
      )
      return result
    } finally {
      for (const timer of this.#timers) clearInterval(timer)
      options.signal.removeEventListener('abort', onSignal)
      await this.#loops.close().catch(() => undefined)
      await board.close().catch(() => undefined)
    }
  }

  async #begin(): Promise<MigrationState> {
    const known = await this.#journal.read()
    // What was completed stays so: beginning again would give the authority back to a blue that is out of date.
    const isOver = known?.phase === 'ended' && known.outcome !== 'completed'
    if (!known || (isOver && this.#options.first === undefined)) {
      await refuseOpenGreen(this.#green)
      return this.#journal.begin(this.#options.planHash, this.#runEpoch)
    }
    if (known.planHash !== this.#options.planHash && known.phase !== 'ended')
      throw new CrossfadeError(
        'PLAN_INVALID',
        `plan "${known.plan}" has changed since this migration began; go on with the old plan, or abort and start again`,
      )
    return known
  }

  async #goOn(context: (signal: AbortSignal) => MigrationContext, state: MigrationState): Promise<RunResult> {
    if (state.phase === 'ended') return this.#afterEnd(context(new AbortController().signal), state)
    if (await this.#journal.readProgress(ABORT_PROGRESS)) return this.#walk(context, 'aborting')
    const { until } = this.#options
    // Given again after it was reached, `--until` must not let the run go on to what nobody asked for.
    if (until && !this.#interruption && isBehind(until, state.phase))
      return { outcome: 'until-reached', reason: `${until} is done` }
    return this.#walk(context, state.phase)
  }

  async #walk(context: (signal: AbortSignal) => MigrationContext, start: Phase | 'aborting'): Promise<RunResult> {
    const machine = createMigrationMachine((phase) => this.#runPhase(phase, context), start)
    const actor = createActor(machine)
    actor.start()
    const snapshot = await waitFor(actor, (current) => current.status === 'done', { timeout: Number.POSITIVE_INFINITY })
    return { outcome: snapshot.context.outcome, reason: snapshot.context.reason }
  }

  async #runPhase(
    phase: Phase | 'aborting',
    makeContext: (signal: AbortSignal) => MigrationContext,
  ): Promise<PhaseResult> {
    const startedAt = performance.now()
    // An interruption that led here was answered by coming here.
    if (phase === 'rollback' || phase === 'aborting') this.#interruption = undefined
    this.#phase = new AbortController()
    if (this.#interruption) this.#phase.abort(new PhaseInterrupted(this.#interruption))
    const context = makeContext(this.#phase.signal)
    let result: PhaseResult
    try {
      if (phase === 'aborting') {
        await this.#journal.writeProgress(this.#runEpoch, ABORT_PROGRESS, {})
        crashPoint('abort-begun')
      } else await this.#journal.update(this.#runEpoch, { phase })
      if (phase !== 'aborting') await this.#emit({ type: 'phase-started', phase })
      this.#phase.signal.throwIfAborted()
      result = await runPhaseWork(phase, context)
      if (phase !== 'aborting' && result.type === 'done') crashPoint(phase)
    } catch (error) {
      result = await this.#explain(error)
    }
    if (result.type === 'back') {
      this.#approve = false
      this.#refusal = result.reason
    }
    if (phase === 'aborting') return result
    const durationMs = Math.round(performance.now() - startedAt)
    const isDone =
      result.type === 'done' ||
      (result.type === 'stopped' && (result.outcome === 'until-reached' || result.outcome === 'waiting'))
    await this.#emit({
      type: 'phase-done',
      phase,
      result: isDone ? 'done' : result.type === 'abort' ? 'aborted' : 'failed',
      durationMs,
      ...('reason' in result && !isDone ? { reason: result.reason } : {}),
    }).catch((error: unknown) => this.#options.log.error({ err: error }, 'the journal did not take an event'))
    if (result.type === 'done') {
      if (phase === 'complete') await this.#journal.update(this.#runEpoch, { phase: 'ended', outcome: 'completed' })
      else if (phase === 'rollback')
        await this.#journal.update(this.#runEpoch, { phase: 'ended', outcome: 'rolled-back' })
      else if (phase === this.#options.until) {
        await this.#journal.update(this.#runEpoch, { phase: nextPhase(phase) })
        return { type: 'stopped', outcome: 'until-reached', reason: `${phase} is done` }
      }
    }
    return result
  }

  /** An error of a phase as its result. */
  async #explain(error: unknown): Promise<PhaseResult> {
    const lost = await this.#lostLease(error)
    if (lost) {
      this.#options.log.warn({ err: error }, lost)
      return { type: 'stopped', outcome: 'taken-over', reason: lost }
    }
    const interruption = error instanceof PhaseInterrupted ? error.interruption : this.#interruption
    if (interruption)
      switch (interruption.type) {
        case 'rollback':
          return { type: 'rollback', reason: interruption.reason }
        case 'abort':
          return { type: 'abort', reason: interruption.reason }
        case 'interrupt':
          return { type: 'stopped', outcome: 'interrupted', reason: interruption.reason }
        case 'failure':
          this.#options.log.error({ err: interruption.error }, interruption.reason)
          return { type: 'stopped', outcome: 'failed', reason: interruption.reason }
      }
    this.#options.log.error({ err: error }, 'a phase failed')
    return {
      type: 'stopped',
      outcome: error instanceof CrossfadeError && error.code === 'REFUSED' ? 'refused' : 'failed',
      reason: describe(error),
    }
  }

  /**
   * Why this run has the migration no more. One that was stopped or cut off meets sessions that were ended, fences that it may not
   * touch, rows that are gone: of all that this is the cause.
   */
  async #lostLease(cause: unknown): Promise<string | undefined> {
    try {
      await this.#journal.renewLease(this.#runEpoch, this.#options.plan.limits.leaseMs)
      return undefined
    } catch (error) {
      // The journal may be gone with the migration; then a side has told it.
      return [error, cause, this.#interruption?.error].find(isLeaseLost)?.message
    }
  }

  /** `complete` after a rollback, or `abort` of what has ended: takes away what was kept for a look. */
  async #afterEnd(context: MigrationContext, state: MigrationState): Promise<RunResult> {
    if (state.outcome === 'rolled-back' || this.#options.first === 'abort') {
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
    for (const timer of this.#timers) clearInterval(timer)
    await this.#journal.remove(this.#runEpoch)
    await this.#green.dropMeta()
    await this.#blue.dropMeta()
  }

  #context(board: MigrationContext['board'], signal: AbortSignal): MigrationContext {
    return {
      plan: this.#options.plan,
      compiler: this.#compiler,
      blue: this.#blue,
      green: this.#green,
      journal: this.#journal,
      board,
      runEpoch: this.#runEpoch,
      isPushedDown: this.#blue.facts.reach === this.#green.facts.reach,
      locks: this.#locks,
      backupDirectory: this.#options.backupDirectory,
      until: this.#options.until,
      approve: this.#approve,
      refusal: this.#refusal,
      exitWhenWaiting: this.#options.exitWhenWaiting,
      emit: (event) => {
        const written = this.#emit(event)
        // Whoever does not wait for it learns of a lost journal by the next thing that does.
        written.catch(() => undefined)
        return written
      },
      show: (event) => this.#options.onEvent(event),
      signal,
      interrupt: (interruption) => this.#interrupt(interruption),
      state: () => this.#read(),
      loops: this.#loops,
      dropMeta: () => this.#dropMeta(),
    }
  }

  #makeLoop(origin: Side): SyncLoop {
    const sides = { blue: this.#blue, green: this.#green }
    return new SyncLoop({
      plan: this.#options.plan,
      compiler: this.#compiler,
      origin: sideOf(sides, origin),
      destination: sideOf(sides, otherSide(origin)),
      runEpoch: this.#runEpoch,
      locks: this.#locks,
      isPushedDown: this.#blue.facts.reach === this.#green.facts.reach,
      onLag: (side, changes, ageMs, applied) =>
        this.#options.onEvent({ type: 'lag', side, changes, ageMs: Math.round(ageMs), applied }),
      onFailure: (error) =>
        this.#interrupt({ type: 'failure', reason: `sync from ${origin} stopped: ${describe(error)}`, error }),
    })
  }

  async #read(): Promise<MigrationState> {
    const state = await this.#journal.read()
    if (!state)
      throw new CrossfadeError('JOURNAL_INVALID', `the journal has lost migration "${this.#options.plan.name}"`)
    return state
  }

  async #emit(event: MigrationEvent): Promise<void> {
    this.#options.onEvent(event)
    // The story of a migration is told by the run that has it: an outcome of an older one would end the terminals that follow.
    await this.#journal.append(this.#options.actor, event, this.#runEpoch)
  }

  #interrupt(interruption: Interruption): void {
    // The first word counts, but a rollback or abort outranks a mere stop.
    if (this.#interruption && this.#interruption.type !== 'interrupt') return
    this.#interruption = interruption
    this.#phase.abort(new PhaseInterrupted(interruption))
  }

  #watchLease(): void {
    let missed = 0
    const { leaseMs } = this.#options.plan.limits
    this.#timers.push(
      setInterval(() => {
        this.#journal
          .renewLease(this.#runEpoch, leaseMs)
          .then(() => {
            missed = 0
          })
          .catch((error: unknown) => {
            missed += 1
            const isLost = isLeaseLost(error)
            this.#options.log.warn({ err: error, missed }, 'the lease was not renewed')
            if (isLost || missed >= Math.floor(RENEWALS))
              this.#interrupt({ type: 'failure', reason: `the lease is lost: ${describe(error)}`, error })
          })
      }, leaseMs / RENEWALS),
    )
  }

  #watchCommands(): void {
    this.#timers.push(
      setInterval(() => {
        if (this.#isCommandBusy) return
        this.#isCommandBusy = true
        this.#answerCommands()
          .catch((error: unknown) => this.#options.log.warn({ err: error }, 'commands could not be read'))
          .finally(() => {
            this.#isCommandBusy = false
          })
      }, COMMAND_POLL_MS),
    )
  }

  async #answerCommands(): Promise<void> {
    for (const posted of await this.#journal.pending()) {
      const answer = await this.#carryOut(posted.command, posted.actor)
      await this.#journal.answer(posted.id, answer, this.#runEpoch)
    }
  }

  async #carryOut(command: CommandName, actor: string): Promise<{ accepted: boolean; message: string }> {
    const isWayBackEnded = (await this.#journal.readProgress(WAY_BACK_ENDED)) !== undefined
    const verdict = judge(command, await this.#read(), actor, isWayBackEnded)
    if (verdict.accepted && verdict.set) await this.#journal.update(this.#runEpoch, verdict.set)
    await this.#emit({ type: 'command', command, accepted: verdict.accepted, answer: verdict.message })
    if (verdict.accepted && verdict.interrupt)
      this.#interrupt({ type: verdict.interrupt, reason: `${command} asked for by ${actor}` })
    if (!verdict.accepted && command === this.#options.first) throw new CrossfadeError('WRONG_PHASE', verdict.message)
    return { accepted: verdict.accepted, message: verdict.message }
  }
}

/** A journal that was lost, or another one, must not take the authority from a green that serves. */
async function refuseOpenGreen(green: SideTools): Promise<void> {
  if (!(await green.fence.exists()) || !(await green.fence.read()).isWritable) return
  throw new CrossfadeError(
    'REFUSED',
    'green takes writes since an earlier migration, of which this journal knows nothing; give its --journal, or another green',
  )
}

const FORWARD: readonly Phase[] = PHASES.filter((phase) => phase !== 'rollback')

const nextPhase = (phase: Phase): Phase => FORWARD[Math.min(FORWARD.indexOf(phase) + 1, FORWARD.length - 1)] ?? phase

/** True when the way to green has left this phase behind it. */
const isBehind = (phase: Phase, now: Phase): boolean =>
  FORWARD.includes(phase) && FORWARD.indexOf(phase) < FORWARD.indexOf(now)

function eventOutcome(outcome: MachineOutcome): Extract<MigrationEvent, { type: 'outcome' }>['outcome'] {
  if (outcome === 'refused' || outcome === 'taken-over') return 'failed'
  return outcome === 'until-reached' ? 'waiting' : outcome
}

const isLeaseLost = (error: unknown): error is CrossfadeError =>
  error instanceof CrossfadeError && error.code === 'LEASE_LOST'

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error))
