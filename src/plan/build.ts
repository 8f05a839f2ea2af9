/** The words of column expressions, as an author of a plan writes them. Each returns plain data. */
import type { Expr, RawSql } from './expression.js'
import { typeOfExpr } from './expression-type.js'
import type { ColumnType } from './schema.js'

/** A value: an expression, or a literal. */
export type Value = Expr | string | number | boolean | null

const isExpr = (value: Value): value is Expr => typeof value === 'object' && value !== null

/** A literal or an expression as an expression. */
export function toExpr(value: Value): Expr {
  return isExpr(value) ? value : { op: 'literal', value }
}

/** The first value that is not NULL. Not invertible: declare the way back. */
export const coalesce = (...args: Value[]): Expr => ({ op: 'coalesce', args: args.map(toExpr) })

/** The value of the first condition that holds, else `otherwise`. Not invertible. */
export const when = (branches: readonly (readonly [condition: Expr, value: Value])[], otherwise: Value): Expr => ({
  op: 'case',
  branches: branches.map(([condition, value]) => ({ when: condition, then: toExpr(value) })),
  otherwise: toExpr(otherwise),
})

/** Text by a value table. Invertible when no two keys share a value and `otherwise` is `keep` or never used. */
export const valueTable = (
  input: Expr,
  table: Readonly<Record<string, string>>,
  otherwise: 'keep' | { readonly value: string | null } = 'keep',
): Expr => ({ op: 'valueTable', input, table, otherwise })

/** Texts joined; NULL counts as the empty text. Not invertible. */
export const concat = (...args: Value[]): Expr => ({ op: 'concat', args: args.map(toExpr) })

/** To another type where that is exact, else NULL. Invertible (rows that do not cast are filtered out and archived). */
export const cast = (input: Expr, to: ColumnType): Expr => ({ op: 'cast', input, to })

/** A JSON object with one member per entry, typed by what it holds. Invertible member by member. */
export const object = (members: Readonly<Record<string, Value>>): Expr & { op: 'jsonObject' } => ({
  op: 'jsonObject',
  members: Object.fromEntries(
    Object.entries(members).map(([name, value]) => [name, { value: toExpr(value), type: typeOfExpr(toExpr(value)) }]),
  ),
})

/** Text that is JSON as JSON, other text as a JSON string. Invertible. */
export const jsonFromText = (input: Expr): Expr => ({ op: 'jsonFromText', input })

/** A member of a JSON value, as `type`. */
export const jsonGet = (input: Expr, path: readonly string[], type: ColumnType): Expr => ({
  op: 'jsonGet',
  input,
  path,
  type,
})

/** Arithmetic with the result cast to `type`. Not invertible. */
export const arithmetic = (left: Value, operator: '+' | '-' | '*' | '/', right: Value, type: ColumnType): Expr => ({
  op: 'arithmetic',
  operator,
  left: toExpr(left),
  right: toExpr(right),
  type,
})

export const compare = (left: Value, operator: '=' | '<>' | '<' | '<=' | '>' | '>=', right: Value): Expr => ({
  op: 'compare',
  operator,
  left: toExpr(left),
  right: toExpr(right),
})

/** NULL-safe equality. */
export const same = (left: Value, right: Value): Expr => ({ op: 'same', left: toExpr(left), right: toExpr(right) })
export const isNull = (input: Expr): Expr => ({ op: 'isNull', input })
export const isNotNull = (input: Expr): Expr => not(isNull(input))
export const not = (input: Expr): Expr => ({ op: 'not', input })
export const and = (...args: Expr[]): Expr => ({ op: 'and', args })
export const or = (...args: Expr[]): Expr => ({ op: 'or', args })

/** SQL of one engine with `{name}` for each input. Not invertible. The text is trusted: never build it from data. */
export const rawSql = (sql: RawSql, inputs: Readonly<Record<string, Expr>>, type: ColumnType): Expr => ({
  op: 'raw',
  sql,
  inputs,
  type,
})
