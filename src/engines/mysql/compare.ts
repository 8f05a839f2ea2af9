/** Comparisons that mean the same on every engine: no text compared as a double, no two texts equal but for their case. */
import type { Expr } from '../../plan/expression.js'
import type { ColumnType } from '../../plan/schema.js'
import type { ExprContext } from '../engine.js'
import { raw, sql, type Sql } from '../sql.js'
import { inferType } from './infer.js'
import { exactText, isNumberType, isTextType, textOf } from './types.js'

type Comparison = Extract<Expr, { op: 'compare' | 'same' }>
type Render = (inner: Expr, type?: ColumnType) => Sql

export function renderComparison(
  expr: Comparison,
  context: ExprContext,
  render: Render,
  engine: 'mysql' | 'mariadb',
): Sql {
  const operator = expr.op === 'same' ? '<=>' : expr.operator
  const [left, right] = operands(expr, context, render, engine)
  return sql`(${left} ${raw(operator)} ${right})`
}

/** Both sides in one type: a literal takes the type of the other side, a number beside a text is compared as text. */
function operands(
  expr: Comparison,
  context: ExprContext,
  render: Render,
  engine: 'mysql' | 'mariadb',
): [left: Sql, right: Sql] {
  const [leftType, rightType] = [inferType(expr.left, context), inferType(expr.right, context)]
  const left = renderSide(expr.left, rightType, render)
  const right = renderSide(expr.right, leftType, render)
  const isText =
    isTextType(leftType) ||
    isTextType(rightType) ||
    (leftType === undefined && rightType === undefined && isTextLiteral(expr))
  if (!isText) return [left, right]
  // Two columns compare by their own collation, so that a join finds its index. Crossfade's keys are in byte order.
  if (expr.left.op === 'column' && expr.right.op === 'column' && isTextType(leftType) && isTextType(rightType))
    return [left, right]
  const asText = (side: Expr, value: Sql, type: ColumnType | undefined) => {
    const text = type === undefined || isTextType(type) ? value : textOf(value, type)
    // One side with an explicit collation is enough; a plain column stays one.
    return side.op === 'column' && isTextType(type) ? text : exactText(text, engine)
  }
  return [asText(expr.left, left, leftType), asText(expr.right, right, rightType)]
}

/** A text literal that is no number, beside a number, stays text: the comparison is then one of texts and false. */
function renderSide(side: Expr, otherType: ColumnType | undefined, render: Render): Sql {
  if (side.op !== 'literal' || typeof side.value !== 'string' || !isNumberType(otherType))
    return render(side, otherType)
  const isNumber = /^-?\d+(\.\d+)?$/.test(side.value)
  return isNumber ? raw(side.value.startsWith('-') ? `(${side.value})` : side.value) : render(side, otherType)
}

function isTextLiteral(expr: Comparison): boolean {
  return [expr.left, expr.right].some((side) => side.op === 'literal' && typeof side.value === 'string')
}
