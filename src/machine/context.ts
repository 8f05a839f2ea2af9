/** What every phase works with. */
import type { GateBoard } from '../engines/gate-board.js'
import type { Side, SideTools } from '../engines/engine.js'
import type { MigrationEvent, Phase } from '../journal/events.js'
import type { Journal, MigrationState } from '../journal/journal.js'
import type { Compiler } from '../plan/compile.js'
import type { Plan } from '../plan/plan.js'
import { SyncLoop } from '../sync/sync-loop.js'
import type { TableLocks } from '../sync/table-locks.js'

/** How a phase ends. */
export type PhaseResult =
  | { readonly type: 'done' }
  /** Back to the steady state before the switch: it was missed or refused. */
  | { readonly type: 'back'; readonly reason: string }
  | { readonly type: 'rollback'; readonly reason: string }
  | { readonly type: 'abort'; readonly reason: string }
  | { readonly type: 'stopped'; readonly outcome: StoppedOutcome; readonly reason: string }

/** `taken-over`: another run has the migration now. */
export type StoppedOutcome = 'failed' | 'refused' | 'waiting' | 'interrupted' | 'until-reached' | 'taken-over'

/** Why a phase's signal was aborted. */
export type Interruption = {
  readonly type: 'rollback' | 'abort' | 'interrupt' | 'failure'
  readonly reason: string
  readonly error?: unknown
}

export class PhaseInterrupted extends Error {
  override readonly name = 'PhaseInterrupted'
  constructor(readonly interruption: Interruption) {
    super(interruption.reason)
  }
}

export interface MigrationContext {
  readonly plan: Plan
  readonly compiler: Compiler
  readonly blue: SideTools
  readonly green: SideTools
  readonly journal: Journal
  readonly board: GateBoard
  readonly runEpoch: number
  readonly isPushedDown: boolean
  readonly locks: TableLocks
  readonly backupDirectory: string
  readonly until: Phase | undefined
  readonly approve: boolean
  /** Why the switch of this run was missed or refused, if it was. */
  readonly refusal: string | undefined
  readonly exitWhenWaiting: boolean
  /** Writes the event to the journal and shows it. */
  readonly emit: (event: MigrationEvent) => Promise<void>
  /** Shows the event without storing it: progress that the journal has in another form. */
  readonly show: (event: MigrationEvent) => void
  /** Aborted with {@link PhaseInterrupted} when an operator, a signal or a failure ends the phase. */
  readonly signal: AbortSignal
  readonly interrupt: (interruption: Interruption) => void
  /** The migration's row as last read. */
  state(): Promise<MigrationState>
  readonly loops: Loops
  /** Removes the journal and the meta namespaces; the last thing a migration does. */
  dropMeta(): Promise<void>
}

/** The sync of each direction; made when first asked for. */
export class Loops {
  readonly #loops = new Map<Side, SyncLoop>()
  readonly #make: (origin: Side) => SyncLoop
  constructor(make: (origin: Side) => SyncLoop) {
    this.#make = make
  }
  from(origin: Side): SyncLoop {
    const known = this.#loops.get(origin)
    if (known) return known
    const made = this.#make(origin)
    this.#loops.set(origin, made)
    return made
  }
  async close(): Promise<void> {
    await Promise.all([...this.#loops.values()].map((loop) => loop.close()))
    this.#loops.clear()
  }
}

export function sideOf(context: Pick<MigrationContext, 'blue' | 'green'>, side: Side): SideTools {
  return side === 'blue' ? context.blue : context.green
}

export const otherSide = (side: Side): Side => (side === 'blue' ? 'green' : 'blue')

/** Tables of a side that applications write: all of them. */
export function tablesOf(plan: Plan, side: Side): string[] {
  return Object.keys(side === 'blue' ? plan.blue : plan.green)
}
