/**
 * The plan language. A plan file has a default export from {@link definePlan}; everything in it is plain data after the
 * call, and {@link parsePlan} turns it into a {@link Plan} with every problem reported at once.
 */
import type { Expr, KeyFunction } from './expression.js'
import type { ColumnsOf, SchemaSpec } from './schema.js'

type Name<S> = Extract<keyof S, string>

/** References to the columns of one row: `d.company_id`. A wrong name does not compile. */
export type Refs<S extends SchemaSpec, T extends Name<S>> = {
  readonly [C in ColumnsOf<S, T>]: Extract<Expr, { op: 'column' }>
}

/** Key functions as a plan names them; base, birth line come from `bands`. */
export type KeySpec =
  | { readonly type: 'keep' }
  /** This table's share of the band: `base + key * slots + slot`. Slots of one green table are disjoint. */
  | { readonly type: 'interleave'; readonly slots: number; readonly slot: number }
  /** A UUID holding the integer key; `space` are its first 8 hexadecimal digits. */
  | { readonly type: 'uuid'; readonly space: string }

export interface Bands {
  /** Kept keys are below it. Default 1000000000000000. */
  readonly base?: string
  /** Keys born in green start here. Default 5000000000000000 (all bands stay exact in a JavaScript number). */
  readonly birthLine?: string
}

export interface MapTools<B extends SchemaSpec, F extends Name<B>> {
  /** The driving row. */
  readonly d: Refs<B, F>
  /**
   * A row of another blue table that goes with the driving row (LEFT JOIN; all columns NULL where there is none). `on` pairs
   * an expression over that table with one over the driving row or an earlier lookup, and must name a unique key of it.
   */
  lookup<L extends Name<B>>(
    table: L,
    on: (l: Refs<B, L>) => readonly (readonly [lookup: Expr, driving: Expr])[],
  ): Refs<B, L>
  /** This table's key function applied to a key, for the primary key and for foreign keys to rows of this table. */
  key(input: Expr): Expr
  /** The key function of another mapped blue table, for foreign keys that point to it. */
  keyOf(table: Name<B>, input: Expr): Expr
}

export interface BackTools<G extends SchemaSpec, T extends Name<G>> {
  /** The green row. */
  readonly g: Refs<G, T>
}

export interface MapSpec<B extends SchemaSpec, F extends Name<B>, G extends SchemaSpec, T extends Name<G>> {
  /** Default `keep`. */
  readonly key?: KeySpec
  /** One expression per green column. Columns that folds fill are left out here. */
  readonly columns: { readonly [C in ColumnsOf<G, T>]?: Expr | string | number | boolean | null }
  /** Only these rows are mapped; the others go to the archive and the report. */
  readonly where?: Expr
  /** Blue columns that stay behind: in the archive, and on blue as they were at the cutover. Each with its reason. */
  readonly dropped?: { readonly [C in ColumnsOf<B, F>]?: string }
  /** Blue columns whose information reaches green but cannot come back: they keep the cutover's value. Each with its reason. */
  readonly frozen?: { readonly [C in ColumnsOf<B, F>]?: string }
  /** The way back of blue columns where it cannot be derived, over the green row. Declared wins over derived. */
  readonly back?: (tools: BackTools<G, T>) => {
    readonly [C in ColumnsOf<B, F>]?: Expr | string | number | boolean | null
  }
  /**
   * Which rows born in green come back to this table, over the green row. Default: all, for the only table with key `keep` that maps to
   * that green table (or the table whose column is a constant discriminator: rows with that constant).
   */
  readonly bornHere?: (tools: BackTools<G, T>) => Expr
  /**
   * Merge by natural key: among the tables mapped with `merge` into one green table, rows with the same green primary key
   * become one; the lowest `rank` gives the columns (then the lowest primary key), and `sources` of that green table holds every contributor as JSON array.
   */
  readonly merge?: {
    readonly rank: number
    /** The green JSON column for all contributors, winner first. */
    readonly sources: ColumnsOf<G, T>
    /** The part of the natural key that is a plain column of this table, with its green column: recomputed together. */
    readonly scope: readonly [blue: ColumnsOf<B, F>, green: ColumnsOf<G, T>]
  }
}

export interface FoldTools<B extends SchemaSpec, F extends Name<B>, O extends Name<B>> {
  /** The child row, which is folded. */
  readonly c: Refs<B, F>
  /** The owning row, of the table that is mapped. */
  readonly d: Refs<B, O>
}

export interface FoldSpec<B extends SchemaSpec, F extends Name<B>> {
  /** Pairs [over the child, primary key column of the owner]; all must be equal. */
  readonly by: readonly (readonly [child: Expr, owner: Expr])[]
  /** Only these children are folded; the others go to the archive and the report (or are mapped: see `alsoMapped`). */
  readonly where?: Expr
  /** `array` in `orderBy`; `latest`: the last by `orderBy` as one object, older rows stay frozen; `one`: at most one row; `map`: an object by the text of `mapKey`. */
  readonly shape: 'array' | 'latest' | 'one' | 'map'
  readonly orderBy: readonly Expr[]
  /** Unique per owner. */
  readonly mapKey?: Expr
  /** Blue columns left out of the elements: in the archive and frozen on blue. Each with its reason. */
  readonly dropped?: { readonly [C in ColumnsOf<B, F>]?: string }
}

/** What becomes of one blue table. */
export interface Disposition {
  readonly kind: 'map' | 'fold' | 'retire'
}

export interface MapDisposition extends Disposition {
  readonly kind: 'map'
  readonly from: string
  readonly into: string
  readonly define: (tools: MapTools<SchemaSpec, string>) => MapSpec<SchemaSpec, string, SchemaSpec, string>
  /** Rows that this map's filter leaves out are folded instead. */
  readonly fold?: FoldDisposition
}

export interface FoldDisposition extends Disposition {
  readonly kind: 'fold'
  readonly from: string
  readonly owner: string
  readonly column: string
  readonly define: (tools: FoldTools<SchemaSpec, string, string>) => FoldSpec<SchemaSpec, string>
}

export interface RetireDisposition extends Disposition {
  readonly kind: 'retire'
  readonly from: string
  readonly reason: string
}

export interface TableTools<B extends SchemaSpec, G extends SchemaSpec> {
  /** Rows become rows of `into`. `alsoFold`: rows that the filter leaves out are folded into another row (a merge by reference). */
  map<F extends Name<B>, T extends Name<G>>(
    from: F,
    into: T,
    define: (tools: MapTools<B, F>) => MapSpec<B, F, G, T>,
    alsoFold?: FoldDisposition,
  ): MapDisposition
  /** Rows become the JSON column `into.column` of the green rows that blue table `into.owner` is mapped to. */
  fold<F extends Name<B>, O extends Name<B>>(
    from: F,
    into: { readonly owner: O; readonly column: string },
    define: (tools: FoldTools<B, F, O>) => FoldSpec<B, F>,
  ): FoldDisposition
  /** Rows go to the archive only. */
  retire(from: Name<B>, reason: string): RetireDisposition
}

/** SQL by engine; `mysql` serves MariaDB too unless `mariadb` is given. Tables are named without schema. */
export interface EngineSql {
  readonly postgres: string
  readonly mysql: string
  readonly mariadb?: string
}

/** The same question asked of both sides by hand-written SQL; the answers (all rows, in order) must be equal. */
export interface Invariant {
  readonly name: string
  readonly blue: EngineSql
  readonly green: EngineSql
}

/** How blue answers a question, how green does, and what is expected of green. Parameters `:name` come from `parameters` queries. */
export interface Probe {
  readonly name: string
  /** One or more statements; their result rows, joined, are the answer. */
  readonly blue: EngineSql
  readonly green: EngineSql
  /** Values for `:name`, each the first value of a query on blue. */
  readonly parameters?: Readonly<Record<string, EngineSql>>
  /** Expected median on blue, ms. */
  readonly beforeMs?: number
  /** Limit for green's median, ms. */
  readonly afterMs: number
  /** False where the answers differ by design (sizes). Default true. */
  readonly isCompared?: boolean
}

/** A program run without a shell at a point of the migration; a failing `before` hook stops what it precedes. */
export interface Hook {
  readonly at: 'before-switch' | 'after-switch' | 'before-rollback' | 'after-rollback' | 'complete'
  readonly command: string
  readonly args?: readonly string[]
  /** Default 30000. */
  readonly timeoutMs?: number
}

export interface LimitsInput {
  /** Longest time the application may be held in one attempt. Default 1000. */
  readonly holdBudgetMs?: number
  /** Attempts of one switch. Default 10. */
  readonly switchAttempts?: number
  /** Pause between attempts, before jitter. Default 1000. */
  readonly switchPauseMs?: number
  /** Lag allowed before the switch. Default 1000. */
  readonly maxLagMs?: number
  /** Oldest verification allowed at the switch. Default 600000. */
  readonly maxVerificationAgeMs?: number
  /** Soak on green before it counts as validated. Default 60000. */
  readonly soakMs?: number
  /** Time one backfill chunk should take. Default 500. */
  readonly chunkTargetMs?: number
  /** Running queries on a server above which the backfill waits. Default 0: twice the connections of the application at the start. */
  readonly maxRunningQueries?: number
  /** Replica lag above which the backfill waits. Default 5000. */
  readonly maxReplicaLagMs?: number
  /** An orchestrator that is not heard of for this long has lost the migration. Default 10000. */
  readonly leaseMs?: number
  /** What follows a failed validation. Default `rollback`. */
  readonly onFailedValidation?: 'rollback' | 'ask'
}

export interface PlanInput<B extends SchemaSpec = SchemaSpec, G extends SchemaSpec = SchemaSpec> {
  /** Lower-case letters, digits and dashes. Names the migration in the journal. */
  readonly name: string
  readonly blue: B
  readonly green: G
  readonly bands?: Bands
  readonly tables: (
    tools: TableTools<B, G>,
  ) => Readonly<Record<Name<B>, MapDisposition | FoldDisposition | RetireDisposition>>
  readonly invariants?: readonly Invariant[]
  readonly probes?: readonly Probe[]
  readonly hooks?: readonly Hook[]
  readonly limits?: LimitsInput
}

/** A plan as its author wrote it, its types forgotten. {@link parsePlan} reads it. */
export interface PlanDefinition {
  readonly isCrossfadePlan: true
  readonly input: PlanInput
}

/** Declares a plan. Nothing is checked here but types; `crossfade check` and every command parse it. */
export function definePlan<const B extends SchemaSpec, const G extends SchemaSpec>(
  input: PlanInput<B, G>,
): PlanDefinition {
  // The callbacks are called with untyped tools built from the same schemas; the cast forgets only names.
  return { isCrossfadePlan: true, input: input as unknown as PlanInput }
}

export const keep = (): KeySpec => ({ type: 'keep' })
export const interleave = (slot: number, slots: number): KeySpec => ({ type: 'interleave', slot, slots })
export const uuidOf = (space: string): KeySpec => ({ type: 'uuid', space })

/** A key function with the plan's bands filled in. */
export function resolveKey(spec: KeySpec, bands: Required<Bands>): KeyFunction {
  switch (spec.type) {
    case 'keep':
      return { type: 'keep' }
    case 'interleave':
      return { type: 'interleave', base: bands.base, birthLine: bands.birthLine, slots: spec.slots, slot: spec.slot }
    case 'uuid':
      return { type: 'uuid', space: spec.space.toLowerCase(), birthLine: bands.birthLine }
  }
}
