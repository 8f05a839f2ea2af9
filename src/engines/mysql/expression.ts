/** Column expressions as SQL of MySQL and MariaDB. */
import type { Expr, FoldExpr } from '../../plan/expression.js'
import { parseType, type ColumnType } from '../../plan/schema.js'
import type { ExprContext } from '../engine.js'
import { join, raw, sql, type Sql } from '../sql.js'
import { renderComparison } from './compare.js'
import { addressOrUuid, exactCast } from './exact-cast.js'
import { childContext, firstType, inferType, literal } from './infer.js'
import { joinedItems, type JsonMember, type JsonSyntax } from './json-syntax.js'
import { keyOf, unkeyOf } from './keys.js'
import { quoteIdentifier, quoteText } from './quote.js'
import { castName, exactText, familyOf, isNumberType, isTextType, readColumn, textOf } from './types.js'

export interface ExpressionSyntax {
  readonly engine: 'mysql' | 'mariadb'
  readonly json: JsonSyntax
}

type Render = (inner: Expr, type?: ColumnType) => Sql

export function renderExpression(expr: Expr, context: ExprContext, syntax: ExpressionSyntax, wanted?: ColumnType): Sql {
  const { json } = syntax
  const render: Render = (inner, type) => renderExpression(inner, context, syntax, type)
  const typeOf = (inner: Expr) => inferType(inner, context)
  const asText = (inner: Expr) => textIn(render(inner, 'text'), inner.op === 'literal' ? 'text' : typeOf(inner), json)
  switch (expr.op) {
    case 'column': {
      const column = raw(`${context.alias(expr.alias)}.${quoteIdentifier(expr.column)}`)
      const type = typeOf(expr)
      return type === undefined ? column : readColumn(column, type)
    }
    case 'literal':
      return wanted && familyOf(wanted) === 'json' && expr.value !== null
        ? json.parse(literal(expr.value, 'text'))
        : literal(expr.value, wanted)
    case 'coalesce': {
      const type = wanted ?? firstType(expr.args, context)
      return expr.args.length === 0 ? raw('NULL') : sql`COALESCE(${join(expr.args.map((arg) => render(arg, type)))})`
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
      const text = asText(expr.input)
      const lines = Object.entries(expr.table).map(([key, value]) => `WHEN ${quoteText(key)} THEN ${quoteText(value)}`)
      const otherwise = expr.otherwise === 'keep' ? text : literal(expr.otherwise.value, 'text')
      return lines.length === 0
        ? otherwise
        : sql`CASE ${exactText(text, syntax.engine)} ${raw(lines.join(' '))} ELSE ${otherwise} END`
    }
    case 'concat':
      if (expr.args.length === 0) return raw(`''`)
      return sql`CONCAT(${join(expr.args.map((arg) => sql`COALESCE(${asText(arg)}, '')`))})`
    case 'cast':
      return exactCast(render(expr.input), typeOf(expr.input), expr.to, syntax)
    case 'jsonObject':
      return json.object(membersOf(expr, render, context, syntax))
    case 'jsonFromText':
      return jsonFromText(asText(expr.input), json)
    case 'jsonToText':
      return json.unquote(render(expr.input))
    case 'jsonGet': {
      const { input } = expr
      const member = input.op === 'column' ? context.member?.(input.alias, input.column, expr.path) : undefined
      return jsonGet(member ? json.found(raw(member)) : json.extract(render(input), expr.path), expr.type, syntax)
    }
    case 'arithmetic':
      return arithmetic(expr, render, typeOf)
    case 'key':
      return sql`(${keyOf(expr.key, integerInput(expr.key.type === 'keep', render(expr.input), typeOf(expr.input)))})`
    case 'unkey':
      return sql`(${unkeyOf(expr.key, integerInput(expr.key.type !== 'interleave', render(expr.input), typeOf(expr.input)))})`
    case 'compare':
    case 'same':
      return renderComparison(expr, context, render, syntax.engine)
    case 'isNull':
      return sql`(${render(expr.input)} IS NULL)`
    case 'and':
    case 'or': {
      if (expr.args.length === 0) return raw(expr.op === 'and' ? 'TRUE' : 'FALSE')
      const parts = expr.args.map((arg) => render(arg, 'boolean'))
      return sql`(${join(parts, ` ${expr.op.toUpperCase()} `)})`
    }
    case 'not':
      return sql`((${render(expr.input, 'boolean')}) IS NOT TRUE)`
    case 'fold':
      return renderFold(expr.fold, context, syntax)
    case 'raw': {
      const text = syntax.engine === 'mariadb' ? (expr.sql.mariadb ?? expr.sql.mysql) : expr.sql.mysql
      const parts = text.split(/\{(\w+)\}/)
      const pieces = parts.map((part, index) =>
        index % 2 === 0 ? raw(part) : sql`(${render(inputOf(expr.inputs, part))})`,
      )
      return sql`(${join(pieces, '')})`
    }
  }
}

function inputOf(inputs: Readonly<Record<string, Expr>>, name: string): Expr {
  const input = inputs[name]
  if (!input) throw new TypeError(`raw SQL names an unknown input {${name}}`)
  return input
}

function textIn(value: Sql, type: ColumnType | undefined, json: JsonSyntax): Sql {
  return type !== undefined && familyOf(type) === 'json' ? json.text(value) : textOf(value, type)
}

/** A key function works on integers; texts that hold a number are read as one. */
function integerInput(isAsItIs: boolean, input: Sql, type: ColumnType | undefined): Sql {
  return isAsItIs || (type !== undefined && familyOf(type) === 'integer') ? input : sql`CAST(${input} AS SIGNED)`
}

/** Members whose value has another type than they are written as are cast, exactly or to NULL. */
function membersOf(
  expr: Extract<Expr, { op: 'jsonObject' }>,
  render: Render,
  context: ExprContext,
  syntax: ExpressionSyntax,
): JsonMember[] {
  return Object.entries(expr.members).map(([name, { value, type }]) => {
    const source = inferType(value, context)
    const rendered = render(value, type)
    const isSame = source === undefined || familyOf(source) === familyOf(type)
    return { name, value: isSame ? rendered : exactCast(rendered, source, type, syntax), type }
  })
}

/**
 * An object or array is embedded only where its text comes back letter by letter; everything else becomes a string. So
 * `jsonToText` of the result is the input, always.
 */
function jsonFromText(text: Sql, json: JsonSyntax): Sql {
  const isJson = sql`LEFT(${text}, 1) IN ('{', '[') AND JSON_VALID(${text})`
  const embedded = sql`CASE WHEN ${isJson} THEN CASE WHEN ${json.keepsText(text)} THEN ${json.parse(text)} END END`
  return sql`COALESCE(${embedded}, ${json.parse(sql`JSON_QUOTE(${text})`)})`
}

/** NULL where the member is missing, JSON null, or no exact value of the type. */
function jsonGet(found: Sql, type: ColumnType, syntax: ExpressionSyntax): Sql {
  const family = familyOf(type)
  if (family === 'json') return found
  const text = syntax.json.unquote(found)
  if (type === 'text') return text
  // Whatever the application wrote, as long as it is such a value.
  if (family === 'native') return addressOrUuid(text, type)
  if (family !== 'blob') return exactCast(text, 'text', type, syntax)
  return sql`CASE WHEN ${text} REGEXP '^([0-9A-Fa-f]{2})*$' THEN UNHEX(${text}) END`
}

function arithmetic(
  expr: Extract<Expr, { op: 'arithmetic' }>,
  render: Render,
  typeOf: (inner: Expr) => ColumnType | undefined,
): Sql {
  const isDouble = familyOf(expr.type) === 'double'
  const number = (side: Expr) => {
    const type = typeOf(side)
    const value = render(side, side.op === 'literal' && typeof side.value === 'string' ? expr.type : undefined)
    if (isTextType(type)) throw new TypeError('arithmetic takes numbers: cast the text first')
    if (isDouble) return sql`(${value} + 0e0)`
    // Wide and signed: a difference of unsigned columns below 0 would be an error.
    return isNumberType(type) && familyOf(type!) === 'decimal'
      ? value
      : sql`CAST(${value} AS DECIMAL(65,${raw(scaleFor(type))}))`
  }
  // Division by zero is NULL on both engines.
  const result = sql`${number(expr.left)} ${raw(expr.operator)} ${number(expr.right)}`
  if (isDouble) return sql`(${result})`
  const { kind, precision, scale } = parseType(expr.type)
  const name = kind === 'decimal' ? `DECIMAL(${precision},${scale})` : castName(expr.type)
  return sql`CAST(${result} AS ${raw(name)})`
}

function scaleFor(type: ColumnType | undefined): string {
  return type !== undefined && familyOf(type) !== 'double' ? '0' : '20'
}

/** Child rows as one JSON value: `[]` and `{}` where there are none, NULL for the shape `object`. */
function renderFold(fold: FoldExpr, outer: ExprContext, syntax: ExpressionSyntax): Sql {
  const context = childContext(fold, outer)
  const { json } = syntax
  const render: Render = (expr, type) => renderExpression(expr, context, syntax, type)
  const conditions = fold.by.map(([left, right]) => render({ op: 'compare', operator: '=', left, right }))
  if (fold.where) conditions.push(render(fold.where, 'boolean'))
  const element = json.object(membersOf(fold.element, render, context, syntax))
  const source = raw(`${outer.table(fold.from)} AS ${context.alias('c')}`)
  const order = fold.orderBy.map((expr) => {
    const value = render(expr)
    return isTextType(inferType(expr, context)) ? exactText(value, syntax.engine) : value
  })
  if (fold.shape === 'object') {
    const last = order.length === 0 ? raw('') : sql` ORDER BY ${join(order.map((part) => sql`${part} DESC`))}`
    return sql`(SELECT ${element} FROM ${source}${where(conditions)}${last} LIMIT 1)`
  }
  if (fold.shape === 'array') {
    const items = joinedItems(json.text(element), order, '[]')
    return sql`(SELECT ${json.parse(items)} FROM ${source}${where(conditions)})`
  }
  if (!fold.mapKey) throw new TypeError('a fold of the shape "map" needs mapKey')
  const key = textIn(render(fold.mapKey), inferType(fold.mapKey, context), json)
  conditions.push(sql`${render(fold.mapKey)} IS NOT NULL`)
  const items = joinedItems(sql`CONCAT(JSON_QUOTE(${key}), ':', ${json.text(element)})`, order, '{}')
  return sql`(SELECT ${json.parse(items)} FROM ${source}${where(conditions)})`
}

function where(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? raw('') : sql` WHERE ${join(conditions, ' AND ')}`
}
