/** What a run is given, and what it gives back. */
import type { Logger } from 'pino'
import type { CommandName, MigrationEvent, Phase } from '../journal/events.js'
import type { Plan } from '../plan/plan.js'
import type { MachineOutcome } from './machine.js'

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

/** Of a run that a signal ended. */
export const STOPPED = 'stopped by a signal; `crossfade run` continues from here'

export const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error))
