/** Types of expressions, as far as they show: literals and casts are written to suit them. */
import type { Expr, FoldExpr } from '../../plan/expression.js'
import { parseType, type ColumnType } from '../../plan/schema.js'
import type { ExprContext } from '../engine.js'
import { raw, type Sql } from '../sql.js'
import { nullOf } from './json.js'
import { quoteIdentifier, quoteLiteral } from './literals.js'
import { isNumberType, isTextType } from './types.js'

const CHILD = 'c'

/** `undefined`: unknown, or a literal that takes any type. */
export function inferType(expr: Expr, context: ExprContext): ColumnType | undefined {
  switch (expr.op) {
    case 'column':
      return expr.type ?? context.typeOf(expr.alias, expr.column)
    case 'literal':
      return undefined
    case 'coalesce':
      return firstType(expr.args, context)
    case 'case':
      return firstType([...expr.branches.map((branch) => branch.then), expr.otherwise], context)
    case 'valueTable':
    case 'concat':
    case 'jsonToText':
      return 'text'
    case 'cast':
      return expr.to
    case 'jsonGet':
    case 'arithmetic':
    case 'raw':
      return expr.type
    case 'jsonObject':
    case 'jsonFromText':
    case 'fold':
      return 'json'
    case 'key':
      if (expr.key.type === 'keep') return inferType(expr.input, context)
      return expr.key.type === 'uuid' ? 'char(36)' : 'bigint'
    case 'unkey':
      return expr.key.type === 'keep' ? inferType(expr.input, context) : 'bigint'
    case 'compare':
    case 'same':
    case 'isNull':
    case 'and':
    case 'or':
    case 'not':
      return 'boolean'
  }
}

export function firstType(exprs: readonly Expr[], context: ExprContext): ColumnType | undefined {
  for (const expr of exprs) {
    const type = inferType(expr, context)
    if (type !== undefined) return type
  }
  return undefined
}

/** A literal in a place that wants `type`, or by itself where nothing says what it should be. */
export function literal(value: string | number | boolean | null, type: ColumnType | undefined): Sql {
  if (value === null) return type === undefined ? raw('NULL') : nullOf(type)
  const kind = type === undefined ? undefined : parseType(type).kind
  if (kind === 'boolean') return booleanLiteral(value)
  if (kind === 'json') return raw(`CAST(${quoteLiteral(String(value))} AS jsonb)`)
  if (typeof value === 'boolean') {
    if (isNumberType(type)) return raw(value ? '1' : '0')
    return isTextType(type) ? raw(value ? `'1'` : `'0'`) : raw(value ? 'TRUE' : 'FALSE')
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('a literal must be a finite number')
    const digits = String(value)
    return isTextType(type) ? raw(quoteLiteral(digits)) : raw(value < 0 ? `(${digits})` : digits)
  }
  return raw(type === undefined ? `CAST(${quoteLiteral(value)} AS text)` : quoteLiteral(value))
}

function booleanLiteral(value: string | number | boolean): Sql {
  if (value === true || value === 1 || value === '1' || value === 'true') return raw('TRUE')
  if (value === false || value === 0 || value === '0' || value === 'false') return raw('FALSE')
  throw new TypeError(`${JSON.stringify(value)} is no boolean`)
}

/** Inside a fold the alias `c` is the child table; everything else is what it was outside. */
export function childContext(fold: FoldExpr, context: ExprContext): ExprContext {
  return {
    ...context,
    alias: (alias) => (alias === CHILD ? quoteIdentifier(CHILD) : context.alias(alias)),
    typeOf: (alias, column) =>
      alias === CHILD ? context.typeOfTable(fold.from, column) : context.typeOf(alias, column),
  }
}
