/** What a migration tells: written to the journal, shown on the terminal, summed up in the report. JSON only. */
import type { Side } from '../engines/engine.js'

export const PHASES = [
  'backup',
  'parallel-schema',
  'dual-write-sync',
  'cutover',
  'validate',
  'complete',
  'rollback',
] as const
export type Phase = (typeof PHASES)[number]

/** Steps of a switch in order, for `holdMs` split by step. */
export const SWITCH_STEPS = ['arm', 'preconditions', 'hold', 'fence', 'drain', 'verify', 'switch', 'release'] as const
export type SwitchStep = (typeof SWITCH_STEPS)[number]

export type MigrationEvent =
  | { readonly type: 'phase-started'; readonly phase: Phase }
  | {
      readonly type: 'phase-done'
      readonly phase: Phase
      readonly result: 'done' | 'failed' | 'aborted'
      readonly durationMs: number
      readonly reason?: string
    }
  /** A finding of preflight or check. */
  | {
      readonly type: 'finding'
      readonly side: Side
      readonly code: string
      readonly severity: 'blocking' | 'warning'
      readonly message: string
      readonly hint: string
    }
  | {
      readonly type: 'backup'
      readonly tool: string
      readonly note: string
      readonly bytes: number
      readonly marker: string
      readonly isProven: boolean
      readonly archivedRows: number
    }
  /** Backfill of one projection. `estimatedRows` is the origin's row count when it began. */
  | {
      readonly type: 'copied'
      readonly projection: string
      readonly rows: number
      readonly estimatedRows: number
      readonly rowsPerSecond: number
      readonly isDone: boolean
    }
  | {
      readonly type: 'lag'
      readonly side: Side
      readonly changes: number
      readonly ageMs: number
      readonly applied: number
    }
  /** Backfill waits, and why. */
  | { readonly type: 'throttled'; readonly reason: string; readonly waitMs: number }
  /** One projection was compared. `skipped` chunks were not, and never read as verified. */
  | {
      readonly type: 'verified'
      readonly projection: string
      readonly chunks: number
      readonly rows: number
      readonly differences: number
      readonly skipped: number
    }
  | {
      readonly type: 'difference'
      readonly projection: string
      readonly key: readonly (string | null)[]
      readonly kind: 'missing' | 'extra' | 'different'
      readonly columns: readonly string[]
    }
  /** A whole pass: every projection of one direction. */
  | {
      readonly type: 'pass-done'
      readonly direction: 'forward' | 'reverse'
      readonly chunks: number
      readonly rows: number
      readonly differences: number
      readonly skipped: number
      readonly durationMs: number
    }
  | { readonly type: 'invariant'; readonly name: string; readonly isEqual: boolean; readonly detail?: string }
  | {
      readonly type: 'probe'
      readonly name: string
      readonly isEqual: boolean | null
      readonly blueMs: number
      readonly greenMs: number
      readonly limitMs: number
    }
  | {
      readonly type: 'switch-step'
      readonly from: Side
      readonly attempt: number
      readonly step: SwitchStep
      readonly durationMs: number
    }
  /** An attempt that backed out; the old side is open again. */
  | {
      readonly type: 'switch-missed'
      readonly from: Side
      readonly attempt: number
      readonly step: SwitchStep
      readonly reason: string
      readonly heldMs: number
      readonly blockers: readonly string[]
    }
  | {
      readonly type: 'switched'
      readonly from: Side
      readonly to: Side
      readonly epoch: number
      readonly holdMs: number
      readonly attempts: number
      readonly maxWaitMs: number
      readonly steps: Readonly<Partial<Record<SwitchStep, number>>>
    }
  /** The migration waits for somebody or something. `next` is the command that ends the wait. */
  | {
      readonly type: 'waiting'
      readonly for: 'approval' | 'resume' | 'lag' | 'verification' | 'sessions' | 'soak' | 'lease'
      readonly why: string
      readonly next: string
    }
  | { readonly type: 'command'; readonly command: CommandName; readonly accepted: boolean; readonly answer: string }
  | { readonly type: 'archived'; readonly table: string; readonly rows: number }
  | { readonly type: 'hook'; readonly command: string; readonly exitCode: number | null; readonly durationMs: number }
  | { readonly type: 'note'; readonly message: string }
  | {
      readonly type: 'outcome'
      readonly outcome: 'completed' | 'rolled-back' | 'failed' | 'waiting' | 'interrupted' | 'aborted'
      readonly reason: string
    }

/** What an operator can tell a running orchestrator from a second terminal. */
export const COMMANDS = ['cutover', 'rollback', 'pause', 'resume', 'complete', 'abort', 'verify'] as const
export type CommandName = (typeof COMMANDS)[number]

export interface StoredEvent {
  readonly seq: number
  /** ISO time of the journal's server. */
  readonly at: string
  /** `orchestrator@host:pid` or `operator:user@host`. */
  readonly actor: string
  /** Epoch of the authority when it happened. */
  readonly epoch: number
  readonly event: MigrationEvent
}
