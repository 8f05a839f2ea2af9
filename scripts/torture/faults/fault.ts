/** What every kind of fault is. */
import type { Child } from '../../bench/child.js'
import type { Command } from '../command.js'
import type { Draw } from '../draw.js'
import type { Stage } from '../stage.js'
import type { TrafficCommand, TrafficCounts } from '../traffic/main.js'

export interface FaultContext {
  readonly draw: Draw
  readonly stage: Stage
  readonly folder: string
  readonly traffic: Child<TrafficCommand, TrafficCounts>
  /** The run that is struck. */
  readonly orchestrator: Command
  /** Lease of the plan. */
  readonly leaseMs: number
  /** Gives the same command again, beside the one that is struck. */
  startAgain(): Command
  /** For the log of the round. */
  note(text: string): void
}

/** How the command that will be struck is started. */
export interface Preparation {
  readonly env?: NodeJS.ProcessEnv
  readonly nodeOptions?: readonly string[]
  readonly wrapper?: readonly string[]
  /** Takes away what the preparation made, also after a failure. Safe to repeat. */
  undo?(): Promise<void>
}

export interface Fault {
  prepare?(draw: Draw, folder: string): Promise<Preparation>
  /** Returns when the fault is over. Throws when what it strikes does something that it must not. */
  strike(context: FaultContext, preparation: Preparation): Promise<void>
}
