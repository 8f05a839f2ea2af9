/** The lens of a column expression: which columns it holds, and how each is read back from the value. */
import type { Expr } from './expression.js'
import { typeOfExpr } from './expression-type.js'

/**
 * The columns of alias `d` that can be read back from the value of `expr`, with the expression that does it.
 * @param value an expression that yields the value of `expr` on the other side.
 */
export function invert(expr: Expr, value: Expr): ReadonlyMap<string, Expr> {
  switch (expr.op) {
    case 'column':
      return expr.alias === 'd' ? new Map([[expr.column, value]]) : new Map()
    case 'cast':
      return invert(expr.input, { op: 'cast', input: value, to: typeOfExpr(expr.input) })
    case 'key':
      return invert(expr.input, { op: 'unkey', key: expr.key, input: value })
    case 'jsonFromText':
      return invert(expr.input, { op: 'jsonToText', input: value })
    case 'valueTable': {
      const back = inverseTable(expr.table)
      return back ? invert(expr.input, { op: 'valueTable', input: value, table: back, otherwise: 'keep' }) : new Map()
    }
    case 'jsonObject': {
      const found = new Map<string, Expr>()
      for (const [name, member] of Object.entries(expr.members)) {
        const read: Expr = { op: 'jsonGet', input: value, path: [name], type: member.type }
        // A nested object is read from the outside in, so that one path serves.
        for (const [column, back] of invert(member.value, read)) if (!found.has(column)) found.set(column, back)
      }
      return found
    }
    default:
      return new Map()
  }
}

/** The value table read backwards; undefined when two keys share a value or a value is also an unlisted text's own. */
export function inverseTable(table: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const back: Record<string, string> = {}
  for (const [key, value] of Object.entries(table)) {
    if (value in back) return undefined
    back[value] = key
  }
  // `keep` lets any other text through: a value that is not itself a key would meet that text and come back as the key.
  return back
}
