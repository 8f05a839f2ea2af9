/** JSON is text on MariaDB and a type of its own on MySQL: what expressions need of either. */
import { parseType, type ColumnType } from '../../plan/schema.js'
import { join, raw, sql, type Sql } from '../sql.js'
import { quoteIdentifier, quoteText } from './quote.js'
import { familyOf, textOf } from './types.js'

export interface JsonMember {
  readonly name: string
  readonly value: Sql
  readonly type: ColumnType
}

/** "A JSON value" is LONGTEXT that holds JSON on MariaDB and JSON on MySQL. */
export interface JsonSyntax {
  /** Text that is known to be valid JSON as a JSON value. */
  parse(text: Sql): Sql
  /** A JSON value as its text. */
  text(json: Sql): Sql
  /** One value by its type as a JSON value; NULL becomes JSON null. */
  member(value: Sql, type: ColumnType): Sql
  object(members: readonly JsonMember[]): Sql
  /** The member at a path as a JSON value; NULL where it is missing or JSON null. */
  extract(json: Sql, path: readonly string[]): Sql
  /** The same of a member that JSON_TABLE has taken out as JSON. */
  found(member: Sql): Sql
  /** A JSON value as text: strings without their quotes, all else as JSON text; NULL for JSON null. */
  unquote(json: Sql): Sql
  /** True where a text comes back letter by letter after it was embedded. */
  keepsText(text: Sql): Sql
  unnest(json: Sql, shape: 'array' | 'object' | 'map', alias: string): Sql
}

/** The path of a member as a literal, with each name quoted. */
export function pathLiteral(path: readonly string[]): Sql {
  const steps = path.map((name) => `."${name.replace(/["\\]/g, '\\$&')}"`)
  return raw(quoteText(`$${steps.join('')}`))
}

/** See `Dialect.members`. */
export function jsonMembers(json: Sql, paths: readonly (readonly string[])[], alias: string): Sql {
  const columns = paths.map((path, index) => sql`${raw(`m${index}`)} JSON PATH ${pathLiteral(path)}`)
  return sql` LEFT JOIN JSON_TABLE(${json}, '$' COLUMNS (${join(columns)})) AS ${raw(quoteIdentifier(alias))} ON 1 = 1`
}

/** JSON text of a value by its type, NULL as `null`. `embed` gives the text of a JSON value. */
export function jsonText(value: Sql, type: ColumnType, embed: (json: Sql) => Sql): Sql {
  return sql`COALESCE(${nullableText(value, type, embed)}, 'null')`
}

function nullableText(value: Sql, type: ColumnType, embed: (json: Sql) => Sql): Sql {
  switch (familyOf(type)) {
    case 'integer':
    case 'decimal':
    case 'double':
      return textOf(value, type)
    case 'year':
      return sql`CAST(${value} + 0 AS CHAR)`
    case 'boolean':
      // A TINYINT(1) that holds more than a boolean stays the number it is.
      return sql`CASE ${value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE CAST(${value} AS CHAR) END`
    case 'json':
      return embed(value)
    case 'moment':
      return sql`JSON_QUOTE(${momentText(value, type)})`
    default:
      return sql`JSON_QUOTE(${textOf(value, type)})`
  }
}

/** Six digits where the type has them; else as many as there are, so that a finer column loses nothing. */
function momentText(value: Sql, type: ColumnType): Sql {
  return parseType(type).scale === 6 ? sql`DATE_FORMAT(${value}, '%Y-%m-%d %H:%i:%s.%f')` : textOf(value, type)
}

/** Values joined in order between brackets, empty brackets for no rows. `items` are JSON texts or, for a map, members. */
export function joinedItems(items: Sql, orderBy: readonly Sql[], brackets: '[]' | '{}'): Sql {
  const order = orderBy.length === 0 ? raw('') : sql` ORDER BY ${joinWithCommas(orderBy)}`
  const joined = sql`GROUP_CONCAT(${items}${order} SEPARATOR ',')`
  return sql`CONCAT(${raw(`'${brackets[0]}'`)}, COALESCE(${joined}, ''), ${raw(`'${brackets[1]}'`)})`
}

function joinWithCommas(parts: readonly Sql[]): Sql {
  return parts.reduce((left, right) => sql`${left}, ${right}`)
}
