import type { Expr } from './expression.js'
import type { ColumnType } from './schema.js'

/** The type of an expression's value. Columns carry theirs; a column without one counts as text. */
export function typeOfExpr(expr: Expr): ColumnType {
  switch (expr.op) {
    case 'column':
      return expr.type ?? 'text'
    case 'literal':
      if (typeof expr.value === 'number') return Number.isInteger(expr.value) ? 'bigint' : 'double'
      return typeof expr.value === 'boolean' ? 'boolean' : 'text'
    case 'coalesce':
      return typeOfFirst(expr.args)
    case 'case':
      return typeOfFirst([...expr.branches.map((branch) => branch.then), expr.otherwise])
    case 'valueTable':
    case 'concat':
    case 'jsonToText':
      return 'text'
    case 'cast':
      return expr.to
    case 'jsonObject':
    case 'jsonFromText':
    case 'fold':
      return 'json'
    case 'jsonGet':
    case 'arithmetic':
    case 'raw':
      return expr.type
    case 'key':
      return expr.key.type === 'uuid' ? 'char(36)' : typeOfExpr(expr.input)
    case 'unkey':
      return expr.key.type === 'uuid' ? 'bigint' : typeOfExpr(expr.input)
    case 'compare':
    case 'same':
    case 'isNull':
    case 'and':
    case 'or':
    case 'not':
      return 'boolean'
  }
}

/** A NULL literal says nothing about the type; the first of the others does. */
function typeOfFirst(args: readonly Expr[]): ColumnType {
  const telling = args.find((arg) => !(arg.op === 'literal' && arg.value === null))
  return telling ? typeOfExpr(telling) : 'text'
}
