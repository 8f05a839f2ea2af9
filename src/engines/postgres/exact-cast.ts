/** The `cast` of expressions: exact, or NULL. No input makes the server raise an error. */
import { parseType, type ColumnType, type ParsedType } from '../../plan/schema.js'
import { raw, sql, type Sql } from '../sql.js'
import { quoteLiteral } from './literals.js'
import { once } from './once.js'
import { ddlType, isTextType, textOf, valueType } from './types.js'

/** Functions of the meta namespace, for what plain SQL cannot do without an error before PostgreSQL 16. */
export interface MetaFunctions {
  /** Text to jsonb, NULL where it is no JSON. */
  tryJsonb(text: Sql): Sql
  /** bytea to text, NULL where it is no UTF-8. */
  tryText(bytes: Sql): Sql
}

const INTEGER = raw(`'^(0|-?[1-9][0-9]{0,18})$'`)
const DECIMAL = raw(`'^-?[0-9]{1,65}(\\.[0-9]{1,65})?$'`)
const DOUBLE = raw(`'^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$'`)
/** Days that exist: months of 31 and 30 days, February, and 29 February of leap years. Year 0000 is none. */
const DATE_PATTERN =
  '(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))' +
  '|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)'
const CLOCK_PATTERN = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'
/** Doubles hold every integer up to here. */
const MAX_EXACT = raw('9007199254740992')

type Family = 'integer' | 'decimal' | 'double' | 'boolean' | 'text' | 'json' | 'date' | 'time' | 'moment' | 'blob'

export function exactCast(input: Sql, from: ColumnType | undefined, to: ColumnType, meta: MetaFunctions): Sql {
  if (from !== undefined && valueType(from) === valueType(to) && fitsWithin(from, to)) return input
  const target = parseType(to)
  return once(input, (value) => cast(value, from, to, target, meta))
}

/** True where every value of `from` is one of `to`, for types that the server stores alike. */
function fitsWithin(from: ColumnType, to: ColumnType): boolean {
  if (from === to || to === 'text') return true
  const [source, target] = [parseType(from), parseType(to)]
  if (source.isUnsigned !== target.isUnsigned) return false
  if (isTextType(to)) return target.kind !== 'enum' && (source.length ?? Infinity) <= (target.length ?? Infinity)
  return target.kind !== 'decimal' && (source.scale ?? 0) <= (target.scale ?? 0)
}

function cast(value: Sql, from: ColumnType | undefined, to: ColumnType, target: ParsedType, meta: MetaFunctions): Sql {
  const source = from === undefined ? 'text' : familyOf(parseType(from).kind)
  const text = from === undefined ? sql`CAST(${value} AS text)` : asText(value, from, source, meta)
  switch (familyOf(target.kind)) {
    case 'text':
      return textWithin(text, target)
    case 'integer':
      return toInteger(value, text, source, to)
    case 'decimal':
      return toDecimal(value, text, source, target)
    case 'double':
      return toDouble(value, text, source)
    case 'boolean':
      return source === 'boolean'
        ? value
        : sql`CASE WHEN ${text} IN ('1', 'true') THEN TRUE WHEN ${text} IN ('0', 'false') THEN FALSE END`
    case 'json':
      return source === 'text' ? meta.tryJsonb(text) : sql`to_jsonb(${value})`
    case 'date':
      return matching(source === 'moment' ? dayOf(text) : text, `^${DATE_PATTERN}$`, 'date')
    case 'time':
      return matching(text, `^${CLOCK_PATTERN}(\\.[0-9]{1,6})?$`, 'time')
    case 'moment':
      return toMoment(text, source, to)
    case 'blob':
      return sql`convert_to(${text}, 'UTF8')`
  }
}

/** Bytes are read as UTF-8 and a JSON string gives its text; all else as {@link textOf} writes it. */
function asText(value: Sql, from: ColumnType, source: Family, meta: MetaFunctions): Sql {
  if (source === 'blob') return meta.tryText(value)
  if (source === 'json') return sql`(${value} #>> '{}')`
  return source === 'text' ? sql`CAST(${value} AS text)` : textOf(value, from)
}

function textWithin(text: Sql, target: ParsedType): Sql {
  if (target.length !== undefined) {
    return sql`CASE WHEN char_length(${text}) <= ${raw(String(target.length))} THEN ${text} END`
  }
  if (target.kind !== 'enum') return text
  return sql`CASE WHEN ${text} IN (${raw(target.values.map(quoteLiteral).join(', '))}) THEN ${text} END`
}

function toInteger(value: Sql, text: Sql, source: Family, to: ColumnType): Sql {
  const type = raw(valueType(to))
  const [low, high] = rangeOf(to)
  const within = (number: Sql) => sql`${number} BETWEEN ${low} AND ${high}`
  if (source === 'boolean') return sql`CAST(CAST(${value} AS integer) AS ${type})`
  if (source === 'integer') return sql`CASE WHEN ${within(value)} THEN CAST(${value} AS ${type}) END`
  if (source === 'decimal') {
    return sql`CASE WHEN ${value} = trunc(${value}) AND ${within(value)} THEN CAST(${value} AS ${type}) END`
  }
  if (source === 'double') {
    const isExact = sql`abs(${value}) <= ${MAX_EXACT} AND ${value} = trunc(${value})`
    return sql`CASE WHEN ${isExact} AND ${within(value)} THEN CAST(${value} AS ${type}) END`
  }
  const isInRange = within(sql`CAST(${text} AS numeric)`)
  return sql`CASE WHEN ${text} ~ ${INTEGER} THEN CASE WHEN ${isInRange} THEN CAST(${text} AS ${type}) END END`
}

function rangeOf(type: ColumnType): [low: Sql, high: Sql] {
  const { kind, isUnsigned } = parseType(type)
  if (kind === 'smallint') return [raw('-32768'), raw('32767')]
  if (kind === 'int') return isUnsigned ? [raw('0'), raw('4294967295')] : [raw('-2147483648'), raw('2147483647')]
  return [raw(isUnsigned ? '0' : '-9223372036854775808'), raw('9223372036854775807')]
}

function toDecimal(value: Sql, text: Sql, source: Family, target: ParsedType): Sql {
  const isNumber = source === 'integer' || source === 'decimal'
  const number = isNumber ? sql`CAST(${value} AS numeric)` : sql`CAST(${text} AS numeric)`
  const limit = raw(`1${'0'.repeat(target.precision! - target.scale!)}`)
  const scale = raw(String(target.scale))
  const size = raw(`numeric(${target.precision},${target.scale})`)
  const fits = sql`round(${number}, ${scale}) = ${number} AND abs(${number}) < ${limit}`
  const exact = sql`CASE WHEN ${fits} THEN CAST(${number} AS ${size}) END`
  return isNumber ? exact : sql`CASE WHEN ${text} ~ ${DECIMAL} THEN ${exact} END`
}

function toDouble(value: Sql, text: Sql, source: Family): Sql {
  if (source === 'integer') {
    return sql`CASE WHEN abs(CAST(${value} AS numeric)) <= ${MAX_EXACT} THEN CAST(${value} AS double precision) END`
  }
  const number = sql`abs(CAST(${text} AS numeric))`
  // Within these bounds no text overflows or becomes 0, which the server would refuse.
  const isInRange = sql`${number} = 0 OR ${number} BETWEEN 5e-324 AND 1.7976931348623157e308`
  const double = sql`CAST(${text} AS double precision)`
  // A decimal counts as exact where the shortest text of the double gives it back.
  const isExact = source === 'decimal' ? sql`CAST(CAST(${double} AS text) AS numeric) = ${value}` : raw('TRUE')
  const exact = sql`CASE WHEN ${isInRange} THEN CASE WHEN ${isExact} THEN ${double} END END`
  // JSON has doubles without an exponent: hundreds of digits are normal, numeric bears thousands.
  return sql`CASE WHEN length(${text}) <= 2000 AND ${text} ~ ${DOUBLE} THEN ${exact} END`
}

/** A moment keeps microseconds on PostgreSQL whatever the plan's type says: its columns are made without a precision. */
function toMoment(text: Sql, source: Family, to: ColumnType): Sql {
  const pattern = source === 'date' ? `^${DATE_PATTERN}$` : `^${DATE_PATTERN}[ T]${CLOCK_PATTERN}(\\.[0-9]{1,6})?$`
  return matching(text, pattern, ddlType(to))
}

/** The day of a moment at midnight; any other text is left as it is and matches no date. */
function dayOf(text: Sql): Sql {
  return sql`regexp_replace(${text}, ' 00:00:00(\\.0+)?$', '')`
}

function matching(text: Sql, pattern: string, type: string): Sql {
  return sql`CASE WHEN ${text} ~ ${raw(`'${pattern}'`)} THEN CAST(${text} AS ${raw(type)}) END`
}

function familyOf(kind: ParsedType['kind']): Family {
  switch (kind) {
    case 'bigint':
    case 'int':
    case 'smallint':
      return 'integer'
    case 'char':
    case 'varchar':
    case 'enum':
      return 'text'
    case 'timestamp':
    case 'datetime':
      return 'moment'
    default:
      return kind
  }
}
