/**
 * The journal: all state of a migration, in tables of the meta namespace of the journal's server. The truth; everything else is
 * rebuilt from it. Each call is one short transaction of its own and safe to repeat.
 */
import type { Side } from '../engines/engine.js'
import type { CommandName, MigrationEvent, Phase, StoredEvent } from './events.js'

/** The one row of a migration. */
export interface MigrationState {
  readonly plan: string
  /** SHA-256 of the parsed plan: a plan edited in the middle of a migration is refused. */
  readonly planHash: string
  /** The phase whose work is to be done or going on. `ended` after complete, rollback or abort. */
  readonly phase: Phase | 'ended'
  readonly outcome: 'running' | 'completed' | 'rolled-back' | 'aborted'
  readonly authority: Side
  readonly epoch: number
  /** An operator's standing word. */
  readonly isPaused: boolean
  /** Set when `cutover` (or --yes) was given; cleared by a missed switch. */
  readonly isSwitchApproved: boolean
  readonly isCompletionApproved: boolean
  /** Why the rollback was begun, when it was. */
  readonly rollbackReason: string | null
  readonly startedAt: string
}

/** Progress of one piece of work, e.g. `copy:kunden`, `verify:forward:calls`. JSON of the owner's own shape. */
export interface Progress {
  readonly name: string
  readonly value: unknown
}

export interface PostedCommand {
  readonly id: number
  readonly command: CommandName
  readonly actor: string
}

export interface Journal {
  /** Makes the tables. @throws {CrossfadeError} JOURNAL_INVALID when a newer Crossfade wrote it. */
  prepare(): Promise<void>
  /** The migration of this plan, or undefined. Needs no tables to exist. */
  read(): Promise<MigrationState | undefined>
  /**
   * The same behind every write that was sent before, also one whose answer was lost: it waits for those that are not decided.
   * @throws {CrossfadeError} LEASE_LOST unless `runEpoch` holds the lease.
   */
  readSettled(runEpoch: number): Promise<MigrationState>
  /**
   * Begins a migration. An ended one of the same plan is kept as history and a new one begun.
   * @throws {CrossfadeError} LEASE_LOST when a run epoch is given that does not hold the lease.
   */
  begin(planHash: string, runEpoch?: number): Promise<MigrationState>
  /** Changes fields, only while `runEpoch` holds the lease. @throws {CrossfadeError} LEASE_LOST */
  update(
    runEpoch: number,
    fields: Partial<
      Pick<
        MigrationState,
        'phase' | 'outcome' | 'isPaused' | 'isSwitchApproved' | 'isCompletionApproved' | 'rollbackReason'
      >
    >,
  ): Promise<void>
  /**
   * The switch's commit point: authority and epoch change by compare-and-set, in one transaction with the check of the lease.
   * @returns false when the epoch was not `fromEpoch`.
   */
  switchAuthority(runEpoch: number, change: { fromEpoch: number; to: Side }): Promise<boolean>
  /** With a run epoch only while it holds the lease. @throws {CrossfadeError} LEASE_LOST */
  append(actor: string, event: MigrationEvent, runEpoch?: number): Promise<void>
  events(options?: {
    after?: number
    limit?: number
    types?: readonly MigrationEvent['type'][]
  }): Promise<StoredEvent[]>
  readProgress(name: string): Promise<unknown>
  writeProgress(runEpoch: number, name: string, value: unknown): Promise<void>
  listProgress(prefix: string): Promise<Progress[]>
  /** @returns the run's epoch, greater than all before. @throws {CrossfadeError} LEASE_HELD naming holder and expiry. */
  acquireLease(holder: string, ttlMs: number): Promise<number>
  /** @throws {CrossfadeError} LEASE_LOST */
  renewLease(runEpoch: number, ttlMs: number): Promise<void>
  releaseLease(runEpoch: number): Promise<void>
  leaseHolder(): Promise<{ holder: string; expiresInMs: number } | undefined>
  post(command: CommandName, actor: string): Promise<number>
  /** Commands not yet answered, oldest first. */
  pending(): Promise<PostedCommand[]>
  /** With a run epoch only while it holds the lease: a command is answered by whoever can carry it out. @throws {CrossfadeError} LEASE_LOST */
  answer(id: number, answer: { accepted: boolean; message: string }, runEpoch?: number): Promise<void>
  readAnswer(id: number): Promise<{ accepted: boolean; message: string } | undefined>
  /**
   * Removes this migration's rows, and the tables when no other migration is left. With a run epoch only while it holds the lease.
   * @throws {CrossfadeError} LEASE_LOST
   */
  remove(runEpoch?: number): Promise<void>
  close(): Promise<void>
}
