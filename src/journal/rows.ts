/** Rows of the journal as what the contract promises. */
import type { Knex } from 'knex'
import type { Side } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import type { CommandName, MigrationEvent, StoredEvent } from './events.js'
import type { MigrationState, PostedCommand } from './journal.js'
import type { PlanScope } from './lease.js'

/** A migration with what only the journal itself needs. */
export interface StoredMigration extends MigrationState {
  readonly id: number
  readonly switchToken: string | null
}

interface MigrationRow {
  id: string
  plan: string
  plan_hash: string
  phase: string
  outcome: string
  authority: string
  epoch: string
  is_paused: boolean | number
  is_switch_approved: boolean | number
  is_completion_approved: boolean | number
  rollback_reason: string | null
  started_at_ms: string
  switch_token: string | null
}

export type StateFields = Partial<
  Pick<
    MigrationState,
    'phase' | 'outcome' | 'isPaused' | 'isSwitchApproved' | 'isCompletionApproved' | 'rollbackReason'
  >
>

const COLUMN_OF = {
  phase: 'phase',
  outcome: 'outcome',
  isPaused: 'is_paused',
  isSwitchApproved: 'is_switch_approved',
  isCompletionApproved: 'is_completion_approved',
  rollbackReason: 'rollback_reason',
} as const satisfies Record<keyof StateFields, keyof MigrationRow>

/** The newest migration of the plan. */
export async function readMigration(db: Knex, { namespace, plan }: PlanScope): Promise<StoredMigration | undefined> {
  const row = (await db.withSchema(namespace).from('migrations').where({ plan }).orderBy('id', 'desc').first()) as
    MigrationRow | undefined
  return row && toMigration(row)
}

export function toState({ id: _id, switchToken: _token, ...state }: StoredMigration): MigrationState {
  return state
}

/** Column values of fields; a field that is undefined stays as it is. */
export function toColumns(fields: StateFields): Record<string, string | boolean | null> {
  const entries = Object.entries(fields) as [keyof StateFields, string | boolean | null | undefined][]
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[COLUMN_OF[name], value]])))
}

export interface EventRow {
  seq: string
  at_ms: string
  actor: string
  epoch: string
  event: string
}

export function toEvent(row: EventRow): StoredEvent {
  return {
    seq: Number(row.seq),
    at: toTime(row.at_ms),
    actor: row.actor,
    epoch: Number(row.epoch),
    event: parseEvent(row),
  }
}

/** @throws {CrossfadeError} JOURNAL_INVALID */
function parseEvent({ seq, event }: EventRow): MigrationEvent {
  try {
    return JSON.parse(event) as MigrationEvent
  } catch (cause) {
    throw new CrossfadeError('JOURNAL_INVALID', `the journal is damaged: its event ${seq} is no JSON`, { cause })
  }
}

export function toCommand(row: { id: string; command: string; actor: string }): PostedCommand {
  return { id: Number(row.id), command: row.command as CommandName, actor: row.actor }
}

function toMigration(row: MigrationRow): StoredMigration {
  return {
    id: Number(row.id),
    plan: row.plan,
    planHash: row.plan_hash,
    phase: row.phase as MigrationState['phase'],
    outcome: row.outcome as MigrationState['outcome'],
    authority: row.authority as Side,
    epoch: Number(row.epoch),
    isPaused: isTrue(row.is_paused),
    isSwitchApproved: isTrue(row.is_switch_approved),
    isCompletionApproved: isTrue(row.is_completion_approved),
    rollbackReason: row.rollback_reason,
    startedAt: toTime(row.started_at_ms),
    switchToken: row.switch_token,
  }
}

/** MySQL and MariaDB have no booleans. */
function isTrue(value: boolean | number): boolean {
  return Number(value) === 1
}

function toTime(ms: string): string {
  return new Date(Number(ms)).toISOString()
}
