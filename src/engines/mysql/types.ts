/** Column types on MySQL and MariaDB: values cast to them, their text, their canonical text. */
import { parseType, type ColumnType, type ParsedType } from '../../plan/schema.js'
import { raw, sql, Sql, type SqlValue } from '../sql.js'
import { BYTE_ORDER } from './byte-order.js'
import { numberText, quoteText } from './quote.js'

/** Most digits after the point that a DECIMAL of 65 digits may have on both engines. */
export const MAX_SCALE = 30

/** Longer bytes are compared by their hash. */
const LONGEST_HEX = 65_536

export type Family =
  | 'integer'
  | 'decimal'
  | 'double'
  | 'boolean'
  | 'text'
  | 'json'
  | 'date'
  | 'time'
  | 'moment'
  | 'blob'
  /** Four digits: a YEAR takes 0 as text for 2000. */
  | 'year'
  /** Text for everybody but the column that holds it. */
  | 'native'

export function familyOf(type: ColumnType): Family {
  const { kind } = parseType(type)
  switch (kind) {
    case 'bigint':
    case 'int':
    case 'smallint':
      return 'integer'
    case 'char':
    case 'varchar':
    case 'enum':
    case 'text':
      return 'text'
    case 'timestamp':
    case 'datetime':
      return 'moment'
    case 'real':
      return 'double'
    case 'bit':
      return 'integer'
    case 'set':
      return 'text'
    case 'inet':
    case 'cidr':
    case 'macaddr':
    case 'macaddr8':
    case 'interval':
    case 'timetz':
    case 'varbit':
    case 'array':
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return 'native'
    default:
      return kind
  }
}

export function isTextType(type: ColumnType | undefined): boolean {
  return type !== undefined && familyOf(type) === 'text'
}

export function isNumberType(type: ColumnType | undefined): boolean {
  return type !== undefined && ['integer', 'decimal', 'double', 'boolean', 'year'].includes(familyOf(type))
}

/** The name of a type in CAST(.. AS ..). JSON is the flavor's business. */
export function castName(type: ColumnType): string {
  const parsed = parseType(type)
  switch (familyOf(type)) {
    case 'integer':
      return parsed.isUnsigned || parsed.kind === 'bit' ? 'UNSIGNED' : 'SIGNED'
    case 'boolean':
      return 'SIGNED'
    case 'decimal':
      return decimalName(parsed)
    case 'double':
      return 'DOUBLE'
    case 'date':
      return 'DATE'
    case 'time':
      return 'TIME(6)'
    case 'moment':
      return 'DATETIME(6)'
    case 'blob':
      return 'BINARY'
    case 'text':
    case 'json':
    case 'year':
    case 'native':
      return 'CHAR'
  }
}

/** A column as it is read: a BIT is bytes on its way, and a FLOAT six digits. */
export function readColumn(column: Sql, type: ColumnType): Sql {
  const { kind } = parseType(type)
  if (kind === 'bit') return sql`(${column} + 0)`
  return kind === 'real' ? sql`(${column} + 0e0)` : column
}

/** As wide as it goes: a value that is too big must not be cut silently; the column that takes it checks. */
function decimalName({ scale }: ParsedType): string {
  return `DECIMAL(65,${Math.min(scale!, MAX_SCALE)})`
}

/**
 * A value bound as text becomes a literal of its type: a quoted string beside a BIGINT column would be compared as a double.
 * @throws {TypeError} when a bound value is none of the type.
 */
export function castTo(value: Sql, type: ColumnType): Sql {
  if (value.values.length !== 1 || value.texts.some((text) => text.trim() !== '')) return castExpression(value, type)
  const bound = value.values[0]!
  return bound === null ? raw('NULL') : literalOf(bound, type)
}

function castExpression(value: Sql, type: ColumnType): Sql {
  // CAST to SIGNED turns what is too big into a negative number, without an error; the column that takes it refuses it.
  if (familyOf(type) === 'integer') return sql`CAST(${value} AS DECIMAL(65,0))`
  if (familyOf(type) === 'year') return sql`LPAD(CAST(${value} AS CHAR), 4, '0')`
  return sql`CAST(${value} AS ${raw(castName(type))})`
}

const INTEGER = /^-?\d{1,20}$/
const DECIMAL = /^-?\d{1,65}(\.\d{1,65})?$/
const DOUBLE = /^-?\d+(\.\d+)?([eE][-+]?\d{1,3})?$/
const YEAR = /^\d{1,4}$/
const TIME_ZONE_OF_UTC = /(?:Z|\+00(?::?00)?)$/

function literalOf(value: Exclude<SqlValue, null>, type: ColumnType): Sql {
  const family = familyOf(type)
  if (Buffer.isBuffer(value)) return family === 'blob' ? sql`${value}` : literalOf(value.toString('utf8'), type)
  const text = typeof value === 'boolean' ? (value ? '1' : '0') : typeof value === 'number' ? numberText(value) : value
  switch (family) {
    case 'integer':
      return raw(checked(text, INTEGER, type))
    case 'boolean':
      return raw(booleanDigit(text, type))
    case 'decimal':
      return raw(checked(text, DECIMAL, type))
    case 'double':
      return raw(/[eE]/.test(checked(text, DOUBLE, type)) ? text : `${text}e0`)
    case 'moment':
      return castExpression(raw(quoteText(text.replace('T', ' ').replace(TIME_ZONE_OF_UTC, ''))), type)
    case 'date':
    case 'time':
      return castExpression(raw(quoteText(text)), type)
    case 'blob':
      return raw(`X'${checked(text.replace(/^\\x/, ''), /^([0-9a-fA-F]{2})*$/, type)}'`)
    case 'year':
      return raw(quoteText(checked(text, YEAR, type).padStart(4, '0')))
    case 'text':
    case 'json':
    case 'native':
      return sql`${text}`
  }
}

function checked(text: string, pattern: RegExp, type: ColumnType): string {
  if (!pattern.test(text)) throw new TypeError(`a bound value is no ${type}`)
  return text
}

/** PostgreSQL sends booleans as t and f. */
export function booleanDigit(text: string, type: ColumnType): string {
  if (text === '1' || text === 't' || text === 'true') return '1'
  if (text === '0' || text === 'f' || text === 'false') return '0'
  throw new TypeError(`a bound value is no ${type}`)
}

/** A value as text for people and JSON: what PostgreSQL writes for it too. JSON values are text already. */
export function textOf(value: Sql, type: ColumnType | undefined): Sql {
  if (type === undefined) return sql`CAST(${value} AS CHAR)`
  switch (familyOf(type)) {
    case 'boolean':
      return sql`CAST(${value} <> 0 AS CHAR)`
    case 'blob':
      return sql`LOWER(HEX(${value}))`
    case 'text':
      return sql`CONVERT(${value} USING utf8mb4)`
    case 'json':
      return value
    case 'double':
      // A FLOAT by itself is written with six digits.
      return sql`CAST(${value} * 1e0 AS CHAR)`
    default:
      return sql`CAST(${value} AS CHAR)`
  }
}

/** See `Dialect.canonical`. */
export function canonical(column: Sql, type: ColumnType): Sql {
  switch (familyOf(type)) {
    case 'boolean':
      // Whatever a TINYINT holds.
      return sql`CAST(${column} AS CHAR)`
    case 'blob':
      // HEX of more than half of max_allowed_packet is NULL.
      return sql`CASE WHEN LENGTH(${column}) > ${raw(String(LONGEST_HEX))} THEN CONCAT(LENGTH(${column}), ' bytes ', SHA2(${column}, 512)) ELSE LOWER(HEX(${column})) END`
    case 'decimal':
      return sql`CAST(CAST(${column} AS ${raw(castName(type))}) AS CHAR)`
    case 'double':
      // Adding 0 makes -0 and 0 one value, as they compare. The bytes are those of the X of a point.
      return sql`LOWER(HEX(REVERSE(SUBSTR(ST_AsWKB(POINT(${column} + 0e0, 0)), 6, 8))))`
    case 'moment':
      return sql`DATE_FORMAT(${column}, '%Y-%m-%d %H:%i:%s.%f')`
    case 'integer':
      return sql`CAST(${readColumn(column, type)} AS CHAR)`
    case 'date':
      return sql`DATE_FORMAT(${column}, '%Y-%m-%d')`
    case 'time':
      return sql`TIME_FORMAT(${column}, '%H:%i:%s.%f')`
    case 'json':
      return sql`CAST(${column} AS CHAR)`
    default:
      return textOf(column, type)
  }
}

/** Text compared by code point, whatever the collations of the columns it came from. */
export function exactText(text: Sql, engine: 'mysql' | 'mariadb'): Sql {
  return sql`CONVERT(${text} USING utf8mb4) COLLATE ${raw(BYTE_ORDER[engine])}`
}
