/** Column expressions as PostgreSQL SQL. */
import type { Expr, FoldExpr } from '../../plan/expression.js'
import { parseType, type ColumnType } from '../../plan/schema.js'
import type { ExprContext } from '../engine.js'
import { join, raw, sql, type Sql } from '../sql.js'
import { exactCast, type MetaFunctions } from './exact-cast.js'
import { childContext, firstType, inferType, literal } from './infer.js'
import { jsonFromText, jsonGet, jsonObject, type JsonMember } from './json.js'
import { keyOf, unkeyOf } from './keys.js'
import { quoteIdentifier, quoteLiteral } from './literals.js'
import { castTo, isNativeEnum, isTextType, textOf, valueType } from './types.js'

const BYTE_ORDER = raw(' COLLATE "C"')

/** Renders expressions; `meta` gives the functions that live in the meta namespace. */
export function renderExpression(expr: Expr, context: ExprContext, meta: MetaFunctions, wanted?: ColumnType): Sql {
  const render = (inner: Expr, type?: ColumnType) => renderExpression(inner, context, meta, type)
  const typeOf = (inner: Expr) => inferType(inner, context)
  switch (expr.op) {
    case 'column': {
      const column = raw(`${context.alias(expr.alias)}.${quoteIdentifier(expr.column)}`)
      return isNativeEnum(typeOf(expr)) ? castTo(column, 'text') : column
    }
    case 'literal':
      return literal(expr.value, wanted)
    case 'coalesce': {
      const type = wanted ?? firstType(expr.args, context)
      if (expr.args.length === 0) return raw('NULL')
      return sql`COALESCE(${join(expr.args.map((arg) => render(arg, type)))})`
    }
    case 'case': {
      const type = wanted ?? typeOf(expr)
      const branches = expr.branches.map(
        ({ when, then }) => sql`WHEN ${render(when, 'boolean')} THEN ${render(then, type)}`,
      )
      if (branches.length === 0) return render(expr.otherwise, type)
      return sql`CASE ${join(branches, ' ')} ELSE ${render(expr.otherwise, type)} END`
    }
    case 'valueTable': {
      const text = textOf(render(expr.input, literalType(expr.input)), typeOf(expr.input))
      const lines = Object.entries(expr.table).map(
        ([key, value]) => `WHEN ${quoteLiteral(key)} THEN ${quoteLiteral(value)}`,
      )
      const otherwise = expr.otherwise === 'keep' ? text : literal(expr.otherwise.value, 'text')
      return lines.length === 0 ? otherwise : sql`CASE ${text} ${raw(lines.join(' '))} ELSE ${otherwise} END`
    }
    case 'concat': {
      const texts = expr.args.map((arg) => sql`COALESCE(${textOf(render(arg, literalType(arg)), typeOf(arg))}, '')`)
      return texts.length === 0 ? raw(`CAST('' AS text)`) : sql`(${join(texts, ' || ')})`
    }
    case 'cast':
      return exactCast(render(expr.input), typeOf(expr.input), expr.to, meta)
    case 'jsonObject':
      return jsonObject(membersOf(expr, context, render, meta))
    case 'jsonFromText':
      return jsonFromText(textOf(render(expr.input, literalType(expr.input)), typeOf(expr.input)), meta)
    case 'jsonToText':
      return sql`(CAST(${render(expr.input)} AS jsonb) #>> '{}')`
    case 'jsonGet': {
      const { input } = expr
      const member = input.op === 'column' ? context.member?.(input.alias, input.column, expr.path) : undefined
      return member ? jsonGet(raw(member), [], expr.type, meta) : jsonGet(render(input), expr.path, expr.type, meta)
    }
    case 'arithmetic':
      return arithmetic(expr, render, typeOf)
    case 'key':
      return sql`(${keyOf(expr.key, integerInput(expr.key.type === 'keep', render(expr.input), typeOf(expr.input)))})`
    case 'unkey': {
      const needsNoCast = expr.key.type !== 'interleave'
      return sql`(${unkeyOf(expr.key, integerInput(needsNoCast, render(expr.input), typeOf(expr.input)))})`
    }
    case 'compare': {
      const [left, right] = operands(expr, context, render)
      const isOrdered = expr.operator !== '=' && expr.operator !== '<>'
      // Order by bytes, as the key ranges of chunks have it; equality is the same in every collation.
      const collate = isOrdered && isTextType(operandType(expr, context)) ? BYTE_ORDER : raw('')
      return sql`(${left} ${raw(expr.operator)} ${right}${collate})`
    }
    case 'same': {
      const [left, right] = operands(expr, context, render)
      return sql`(${left} IS NOT DISTINCT FROM ${right})`
    }
    case 'isNull':
      return sql`(${render(expr.input)} IS NULL)`
    case 'and':
    case 'or':
      if (expr.args.length === 0) return raw(expr.op === 'and' ? 'TRUE' : 'FALSE')
      return sql`(${join(
        expr.args.map((arg) => render(arg, 'boolean')),
        ` ${expr.op.toUpperCase()} `,
      )})`
    case 'not':
      return sql`((${render(expr.input, 'boolean')}) IS NOT TRUE)`
    case 'fold':
      return renderFold(expr.fold, context, meta)
    case 'raw': {
      const parts = expr.sql.postgres.split(/\{(\w+)\}/)
      const pieces = parts.map((part, index) =>
        index % 2 === 0 ? raw(part) : sql`(${render(inputOf(expr.inputs, part))})`,
      )
      return sql`(${join(pieces, '')})`
    }
  }
}

type Render = (inner: Expr, type?: ColumnType) => Sql

function inputOf(inputs: Readonly<Record<string, Expr>>, name: string): Expr {
  const input = inputs[name]
  if (!input) throw new TypeError(`raw SQL names an unknown input {${name}}`)
  return input
}

function literalType(expr: Expr): ColumnType | undefined {
  return expr.op === 'literal' ? 'text' : undefined
}

/** A key function works on bigint; texts that hold a number are read as one. */
function integerInput(isAsItIs: boolean, input: Sql, type: ColumnType | undefined): Sql {
  return isAsItIs || type === 'bigint' || type === 'bigint unsigned' ? input : sql`CAST(${input} AS bigint)`
}

/** A member whose value has another type than it is written as is cast, exactly or to NULL. */
function membersOf(
  expr: Extract<Expr, { op: 'jsonObject' }>,
  context: ExprContext,
  render: Render,
  meta: MetaFunctions,
): JsonMember[] {
  return Object.entries(expr.members).map(([name, { value, type }]) => {
    const source = inferType(value, context)
    const rendered = render(value, type)
    const isSame = source === undefined || valueType(source) === valueType(type)
    return { name, value: isSame ? rendered : exactCast(rendered, source, type, meta), type }
  })
}

function operandType(expr: Extract<Expr, { op: 'compare' | 'same' }>, context: ExprContext): ColumnType | undefined {
  return inferType(expr.left, context) ?? inferType(expr.right, context)
}

/** Both sides in one type: a literal takes the type of the other side, a number beside a text is compared as text. */
function operands(
  expr: Extract<Expr, { op: 'compare' | 'same' }>,
  context: ExprContext,
  render: Render,
): [left: Sql, right: Sql] {
  const [leftType, rightType] = [inferType(expr.left, context), inferType(expr.right, context)]
  const left = render(expr.left, rightType)
  const right = render(expr.right, leftType)
  if (isTextType(leftType) && rightType !== undefined && !isTextType(rightType)) return [left, textOf(right, rightType)]
  if (isTextType(rightType) && leftType !== undefined && !isTextType(leftType)) return [textOf(left, leftType), right]
  return [left, right]
}

function arithmetic(
  expr: Extract<Expr, { op: 'arithmetic' }>,
  render: Render,
  typeOf: (inner: Expr) => ColumnType | undefined,
): Sql {
  const target = parseType(expr.type)
  const type = target.kind === 'double' ? raw('double precision') : raw('numeric')
  const number = (side: Expr) => {
    const sideType = typeOf(side)
    const value = render(side, side.op === 'literal' ? expr.type : undefined)
    if (isTextType(sideType)) throw new TypeError('arithmetic takes numbers: cast the text first')
    return sideType === 'boolean' ? sql`CAST(CAST(${value} AS integer) AS ${type})` : sql`CAST(${value} AS ${type})`
  }
  // Division by zero is NULL, as it is on MySQL and MariaDB.
  const right = expr.operator === '/' ? sql`NULLIF(${number(expr.right)}, 0)` : number(expr.right)
  const result = sql`${number(expr.left)} ${raw(expr.operator)} ${right}`
  if (target.kind !== 'decimal') return sql`CAST(${result} AS ${raw(valueType(expr.type))})`
  return sql`CAST(${result} AS numeric(${raw(String(target.precision))},${raw(String(target.scale))}))`
}

/** Child rows as one JSON value: `[]` and `{}` where there are none, NULL for the shape `object`. */
function renderFold(fold: FoldExpr, outer: ExprContext, meta: MetaFunctions): Sql {
  const context = childContext(fold, outer)
  const render: Render = (expr, type) => renderExpression(expr, context, meta, type)
  const conditions = fold.by.map(([child, owner]) =>
    render({ op: 'compare', operator: '=', left: child, right: owner }),
  )
  if (fold.where) conditions.push(render(fold.where, 'boolean'))
  const element = jsonObject(membersOf(fold.element, context, render, meta))
  const source = raw(`${outer.table(fold.from)} AS ${context.alias('c')}`)
  const order = (direction: string) =>
    fold.orderBy.map((expr) => {
      const collate = isTextType(inferType(expr, context)) ? BYTE_ORDER : raw('')
      return sql`${render(expr)}${collate} ${raw(direction)}`
    })
  const ordered = fold.orderBy.length === 0 ? raw('') : sql` ORDER BY ${join(order('ASC NULLS FIRST'))}`
  if (fold.shape === 'object') {
    const last = fold.orderBy.length === 0 ? raw('') : sql` ORDER BY ${join(order('DESC NULLS LAST'))}`
    return sql`(SELECT ${element} FROM ${source}${where(conditions)}${last} LIMIT 1)`
  }
  if (fold.shape === 'array') {
    return sql`(SELECT COALESCE(jsonb_agg(${element}${ordered}), CAST('[]' AS jsonb)) FROM ${source}${where(conditions)})`
  }
  if (!fold.mapKey) throw new TypeError('a fold of the shape "map" needs mapKey')
  const key = textOf(render(fold.mapKey), inferType(fold.mapKey, context))
  conditions.push(sql`${render(fold.mapKey)} IS NOT NULL`)
  const entries = sql`jsonb_object_agg(${key}, ${element}${ordered})`
  return sql`(SELECT COALESCE(${entries}, CAST('{}' AS jsonb)) FROM ${source}${where(conditions)})`
}

function where(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? raw('') : sql` WHERE ${join(conditions, ' AND ')}`
}

/** A value with the byte order of its type: see `Dialect.orderBy`. */
export function inByteOrder(column: Sql, type: ColumnType): Sql {
  return isTextType(type) ? sql`${column}${BYTE_ORDER}` : column
}
