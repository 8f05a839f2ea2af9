/** A parsed plan: everything resolved, nothing left to check but the databases. */
import type { Hook, Invariant, LimitsInput, Probe, Bands } from './define.js'
import type { Projection } from './projection.js'
import type { SchemaSpec } from './schema.js'

export type Limits = Required<LimitsInput>

/** How a blue column comes back after the switch. */
export type WayBack = 'derived' | 'declared' | 'frozen' | 'dropped'

/** What becomes of one blue table, for the coverage table and the archive. */
export interface TableCoverage {
  readonly table: string
  readonly kind: 'map' | 'fold' | 'retire'
  /** `customers`, `companies.pricing` or `archive`. */
  readonly into: string
  /** The weakest way back of its columns; `archive` for retired tables. */
  readonly wayBack: 'derived' | 'declared' | 'frozen' | 'archive'
  /** By column; empty for retired tables. */
  readonly columns: Readonly<Record<string, WayBack>>
  /** Reasons for what does not come back, by column; of the table itself under `*`. */
  readonly reasons: Readonly<Record<string, string>>
  /** True where a filter may leave rows out; they go to the archive and the report. */
  readonly hasLeftover: boolean
}

export interface Plan {
  readonly name: string
  readonly blue: SchemaSpec
  readonly green: SchemaSpec
  readonly bands: Required<Bands>
  readonly limits: Limits
  readonly invariants: readonly Invariant[]
  readonly probes: readonly Probe[]
  readonly hooks: readonly Hook[]
  /** Blue to green, owners before what refers to them where that is possible. */
  readonly forward: readonly Projection[]
  /** Green to blue, likewise. */
  readonly reverse: readonly Projection[]
  /** One entry per blue table, in the order of the schema. */
  readonly coverage: readonly TableCoverage[]
}

export const DEFAULT_BANDS: Required<Bands> = { base: '1000000000000000', birthLine: '5000000000000000' }

export const DEFAULT_LIMITS: Limits = {
  holdBudgetMs: 1000,
  switchAttempts: 10,
  switchPauseMs: 1000,
  maxLagMs: 1000,
  maxVerificationAgeMs: 600_000,
  soakMs: 60_000,
  chunkTargetMs: 500,
  maxRunningQueries: 0,
  maxReplicaLagMs: 5000,
  leaseMs: 10_000,
  onFailedValidation: 'rollback',
}

/** One problem of a plan: where, what, and what to do. */
export interface PlanProblem {
  /** Path in the plan, such as `tables.kunden.columns.name`. */
  readonly path: string
  readonly message: string
  readonly hint: string
}
