/**
 * A projection: how the rows of one destination table arise. Plain data, the same shape for both directions; `compile.ts`
 * turns it into the one SELECT that backfill, sync and verification share.
 *
 * Aliases in its expressions: `d` the driving row, `l1`, `l2`… lookups, `c` a folded child, `e` the element of an unnested
 * JSON value (`e.value`, `e.ordinal`, `e.name`), `t` the destination row.
 */
import type { Side } from '../engines/engine.js'
import type { Expr } from './expression.js'

/** A row that goes with the driving row: LEFT JOIN on a unique key. */
export interface Lookup {
  readonly alias: string
  readonly table: string
  /** Pairs [over the lookup, over the driving row and earlier lookups]. */
  readonly on: readonly (readonly [lookup: Expr, driving: Expr])[]
}

export interface Arm {
  readonly driving: string
  readonly lookups: readonly Lookup[]
  /** Each element of this JSON value gives a row. */
  readonly unnest?: { readonly json: Expr; readonly shape: 'array' | 'object' | 'map' }
  readonly filter?: Expr
  readonly columns: Readonly<Record<string, Expr>>
  /** Plain columns of the driving table that say which destination rows belong together. */
  readonly scope: readonly string[]
  /** Of a merge: the lowest rank, then the lowest key, gives the row. */
  readonly rank: number
  /** Of a merge: the contributor as JSON. */
  readonly source?: Expr
}

export interface Projection {
  /** Names it in the journal: `<blue table>` or `<green table>` for merges; the way back has `~` in front. */
  readonly name: string
  readonly origin: Side
  readonly destination: string
  /** Written columns, in order. The others of the destination are carried over or take their default. */
  readonly columns: readonly string[]
  /** The destination's primary key. */
  readonly key: readonly string[]
  readonly arms: readonly Arm[]
  /**
   * Which destination rows a scope owns: pairs [over `t`, over `d` restricted to scope columns], all equal. Each is monotone
   * in the scope, so that a range of scopes owns a range of rows.
   */
  readonly owned: readonly (readonly [destination: Expr, scope: Expr])[]
  /** Scopes for which this is false own nothing (a key of another band). Over `d`, scope columns only. */
  readonly ownedWhen?: Expr
  /** Of the rows so found, only these are owned. Over `t`. */
  readonly ownedWhere?: Expr
  /** Destination rows that this projection accounts for, for verification: over `t` and `destinationLookups`. */
  readonly member?: { readonly lookups: readonly Lookup[]; readonly filter: Expr | undefined }
  /** `owned`: owned rows that the SELECT does not return are deleted; `orphans`: only when the driving row is gone. */
  readonly deletes: 'owned' | 'orphans'
  /** Destination columns that keep their value when a row is written again. */
  readonly carried: readonly string[]
  /** Rows of all arms with the same key become one; this column holds all contributors. */
  readonly merge?: { readonly sources: string }
}

/** The side on which a projection's rows arrive. */
export function destinationSide(projection: Projection): Side {
  return projection.origin === 'blue' ? 'green' : 'blue'
}

export const column = (
  alias: string,
  name: string,
  type?: Extract<Expr, { op: 'column' }>['type'],
): Extract<Expr, { op: 'column' }> =>
  type ? { op: 'column', alias, column: name, type } : { op: 'column', alias, column: name }

export const literal = (value: string | number | boolean | null): Expr => ({ op: 'literal', value })

/** AND of the conditions that are there; undefined when none is. */
export function allOf(...conditions: readonly (Expr | undefined)[]): Expr | undefined {
  const present = conditions.filter((condition) => condition !== undefined)
  return present.length <= 1 ? present[0] : { op: 'and', args: present }
}

/** The expression with every column reference replaced. */
export function mapColumns(expr: Expr, replace: (ref: Extract<Expr, { op: 'column' }>) => Expr): Expr {
  const recur = (inner: Expr): Expr => mapColumns(inner, replace)
  switch (expr.op) {
    case 'column':
      return replace(expr)
    case 'literal':
      return expr
    case 'coalesce':
    case 'concat':
    case 'and':
    case 'or':
      return { ...expr, args: expr.args.map(recur) }
    case 'case':
      return {
        ...expr,
        branches: expr.branches.map((branch) => ({ when: recur(branch.when), then: recur(branch.then) })),
        otherwise: recur(expr.otherwise),
      }
    case 'valueTable':
    case 'cast':
    case 'jsonFromText':
    case 'jsonToText':
    case 'jsonGet':
    case 'key':
    case 'unkey':
    case 'isNull':
    case 'not':
      return { ...expr, input: recur(expr.input) }
    case 'jsonObject':
      return {
        ...expr,
        members: Object.fromEntries(
          Object.entries(expr.members).map(([name, member]) => [name, { ...member, value: recur(member.value) }]),
        ),
      }
    case 'arithmetic':
    case 'compare':
    case 'same':
      return { ...expr, left: recur(expr.left), right: recur(expr.right) }
    case 'fold':
      return {
        ...expr,
        fold: {
          ...expr.fold,
          by: expr.fold.by.map(([child, owner]) => [recur(child), recur(owner)] as const),
          ...(expr.fold.where ? { where: recur(expr.fold.where) } : {}),
          orderBy: expr.fold.orderBy.map(recur),
          ...(expr.fold.mapKey ? { mapKey: recur(expr.fold.mapKey) } : {}),
          element: recur(expr.fold.element) as Extract<Expr, { op: 'jsonObject' }>,
        },
      }
    case 'raw':
      return {
        ...expr,
        inputs: Object.fromEntries(Object.entries(expr.inputs).map(([name, input]) => [name, recur(input)])),
      }
  }
}

/** The expression with one alias renamed. */
export function renameAlias(expr: Expr, from: string, to: string): Expr {
  return mapColumns(expr, (ref) => (ref.alias === from ? { ...ref, alias: to } : ref))
}
