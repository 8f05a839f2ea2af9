/** The `cast` of expressions: exact, or NULL. No input makes the server raise an error. */
import { parseType, type ColumnType, type ParsedType } from '../../plan/schema.js'
import { join, raw, sql, type Sql } from '../sql.js'
import { arrayFromJson, arrayToJson } from './array-json.js'
import { quoteLiteral } from './literals.js'
import { once } from './once.js'
import { ddlType, isTextType, textOf, valueType } from './types.js'

/** Functions of the meta namespace, for what plain SQL cannot do without an error before PostgreSQL 16. */
export interface MetaFunctions {
  /** Text to jsonb, NULL where it is no JSON. */
  tryJsonb(text: Sql): Sql
  /** bytea to text, NULL where it is no UTF-8. */
  tryText(bytes: Sql): Sql
  /** Text to a value of the type, NULL where it is none. */
  tryValue(text: Sql, type: ColumnType): Sql
}

const INTEGER = raw(`'^(0|-?[1-9][0-9]{0,18})$'`)
const DECIMAL = raw(`'^-?[0-9]{1,65}(\\.[0-9]{1,65})?$'`)
const DOUBLE = raw(`'^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$'`)
const MONTH_AND_DAY =
  '((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))'
/** The last years that the types have. */
const DATE_YEARS =
  '[0-9]{4,6}|[1-4][0-9]{6}|5[0-7][0-9]{5}|58[0-6][0-9]{4}|587[0-3][0-9]{3}|5874[0-7][0-9]{2}|58748[0-8][0-9]|587489[0-7]'
const MOMENT_YEARS = '[0-9]{4,5}|1[0-9]{5}|2[0-8][0-9]{4}|29[0-3][0-9]{3}|294[01][0-9]{2}|2942[0-6][0-9]|29427[0-6]'
/** Year 0000 is none, and a leap year before year 1 comes one later than its number says. */
const LEAP_YEAR = '([0-9]{2,5}(0[48]|[2468][048]|[13579][26])|[0-9]{0,3}(0[048]|[2468][048]|[13579][26])00)'
const LEAP_YEAR_BC = '([0-9]{2}(0[59]|[2468][159]|[13579][37])|(0[048]|[2468][048]|[13579][26])01)'
const YEARS_BC = '[0-3][0-9]{3}|4[0-6][0-9]{2}|470[0-9]|471[0-3]'
const daysOf = (years: string, leapYear: string) =>
  `(?!0000-)(?=(${years})-)([0-9]+-${MONTH_AND_DAY}|${leapYear}-02-29)`
/** Days that exist, each followed by `rest`, and the infinities. */
const daysWith = (years: string, rest: string) =>
  `^(${daysOf(years, LEAP_YEAR)}${rest}|${daysOf(YEARS_BC, LEAP_YEAR_BC)}${rest} BC|-?infinity)$`
const CLOCK_PATTERN = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'
const FRACTION = '(\\.[0-9]{1,6})?'
/** What nearly all values are. The whole calendar takes a regular expression that costs several times as much. */
const COMMON_DATE = `(?!0000)([0-9]{4}-${MONTH_AND_DAY}|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)`
const DATE_PATTERN = [`^${COMMON_DATE}$`, daysWith(DATE_YEARS, '')]
const DAY_OF_MOMENT_PATTERN = [`^${COMMON_DATE}$`, daysWith(MOMENT_YEARS, '')]
const MOMENT_PATTERN = [
  `^${COMMON_DATE}[ T]${CLOCK_PATTERN}${FRACTION}$`,
  daysWith(MOMENT_YEARS, `[ T]${CLOCK_PATTERN}${FRACTION}`),
]
const TIME_PATTERN = [`^(${CLOCK_PATTERN}${FRACTION}|24:00:00(\\.0{1,6})?)$`]
/** Doubles hold every integer up to here. */
const MAX_EXACT = raw('9007199254740992')

type Family =
  'integer' | 'decimal' | 'double' | 'boolean' | 'text' | 'json' | 'date' | 'time' | 'moment' | 'blob' | 'native'

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
  if (target.kind === 'bit' || target.kind === 'varbit' || target.kind === 'array') return ddlType(from) === ddlType(to)
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
      return target.kind === 'real' ? toReal(value, text, source) : toDouble(value, text, source, from)
    case 'boolean':
      return source === 'boolean'
        ? value
        : sql`CASE WHEN ${text} IN ('1', 'true') THEN TRUE WHEN ${text} IN ('0', 'false') THEN FALSE END`
    case 'json':
      if (from?.endsWith('[]')) return arrayToJson(value)
      return source === 'text' ? meta.tryJsonb(text) : sql`to_jsonb(${value})`
    case 'date':
      return matching(source === 'moment' ? dayOf(text) : text, DATE_PATTERN, 'date')
    case 'time':
      return matching(text, TIME_PATTERN, 'time')
    case 'moment':
      return toMoment(text, source, to)
    case 'blob':
      return sql`convert_to(${text}, 'UTF8')`
    case 'native':
      if (target.kind === 'array' && source === 'json') return arrayFromJson(value, to, meta)
      return sameText(text, to, meta)
  }
}

/** Where the server writes the value as it was read: another way to write it would not come back. */
function sameText(text: Sql, to: ColumnType, meta: MetaFunctions): Sql {
  const value = meta.tryValue(text, to)
  return sql`CASE WHEN ${textOf(value, to)} = ${text} THEN ${value} END`
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
  return isNumber
    ? sql`CASE WHEN ${number} = 'NaN' THEN CAST(${number} AS ${size}) ELSE ${exact} END`
    : sql`CASE WHEN ${text} ~ ${DECIMAL} THEN ${exact} WHEN ${text} = 'NaN' THEN CAST(${text} AS ${size}) END`
}

function toDouble(value: Sql, text: Sql, source: Family, from: ColumnType | undefined): Sql {
  // Its text is shorter than the double that it is.
  if (from === 'real') return sql`CAST(${value} AS double precision)`
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
  const isNoNumber = sql`${text} IN ('NaN', 'Infinity', '-Infinity')`
  return sql`CASE WHEN length(${text}) <= 2000 AND ${text} ~ ${DOUBLE} THEN ${exact} WHEN ${isNoNumber} THEN ${double} END`
}

/** What a double holds may be too fine for it, and is NULL then; decimals as in {@link toDouble}. */
function toReal(value: Sql, text: Sql, source: Family): Sql {
  const number = sql`abs(CAST(${text} AS numeric))`
  // Beyond these bounds the server refuses the text, or makes 0 of it.
  const isInRange = sql`${number} = 0 OR ${number} BETWEEN 7.1e-46 AND 3.4028235e38`
  const real = sql`CAST(${text} AS real)`
  const isExact =
    source === 'double'
      ? sql`CAST(${real} AS double precision) = ${value}`
      : source === 'decimal' || source === 'integer'
        ? sql`CAST(CAST(${real} AS text) AS numeric) = ${value}`
        : raw('TRUE')
  const exact = sql`CASE WHEN ${isInRange} THEN CASE WHEN ${isExact} THEN ${real} END END`
  const isNoNumber = sql`${text} IN ('NaN', 'Infinity', '-Infinity')`
  return sql`CASE WHEN length(${text}) <= 2000 AND ${text} ~ ${DOUBLE} THEN ${exact} WHEN ${isNoNumber} THEN ${real} END`
}

/** A moment keeps microseconds on PostgreSQL whatever the plan's type says: its columns are made without a precision. */
function toMoment(text: Sql, source: Family, to: ColumnType): Sql {
  return matching(text, source === 'date' ? DAY_OF_MOMENT_PATTERN : MOMENT_PATTERN, ddlType(to))
}

/** The day of a moment at midnight; any other text is left as it is and matches no date. */
function dayOf(text: Sql): Sql {
  return sql`regexp_replace(${text}, ' 00:00:00(\\.0+)?( BC)?$', '\\2')`
}

/** The patterns are tried in turn. */
function matching(text: Sql, patterns: readonly string[], type: string): Sql {
  const lines = patterns.map((pattern) => sql`WHEN ${text} ~ ${raw(`'${pattern}'`)} THEN CAST(${text} AS ${raw(type)})`)
  return sql`CASE ${join(lines, ' ')} END`
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
    case 'real':
      return 'double'
    case 'timetz':
    case 'interval':
    case 'uuid':
    case 'inet':
    case 'cidr':
    case 'macaddr':
    case 'macaddr8':
    case 'bit':
    case 'varbit':
    case 'array':
    case 'year':
    case 'set':
    case 'inet4':
    case 'inet6':
      return 'native'
    default:
      return kind
  }
}
