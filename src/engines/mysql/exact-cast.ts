/**
 * The `cast` of expressions: exact, or NULL. CASE branches are evaluated only when they are taken, so that a bad text never
 * reaches a CAST: in strict mode its warning would be an error of INSERT .. SELECT.
 */
import { parseType, type ColumnType, type ParsedType } from '../../plan/schema.js'
import { raw, sql, type Sql } from '../sql.js'
import type { ExpressionSyntax } from './expression.js'
import { quoteText } from './quote.js'
import { castName, exactText, familyOf, MAX_SCALE, textOf, type Family } from './types.js'

// `\z` and not `$`, which also matches before a line break at the end.
const pattern = (text: string) => raw(quoteText(`^(${text})\\z`))
const INTEGER = pattern('0|-?[1-9][0-9]{0,19}')
/** Digits behind `1.` of the greatest double with the exponent 308. */
const GREATEST = '7976931348623157'
const belowGreatest = [...GREATEST].flatMap((digit, index) =>
  digit === '0' ? [] : [`${GREATEST.slice(0, index)}[0-${Number(digit) - 1}][0-9]{0,20}`],
)
const startOfGreatest = [...GREATEST].map((_, index) => GREATEST.slice(0, index + 1))
// Small enough for a double in each form, as one that is too big would be an error.
const DOUBLE = pattern(
  '-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?|-?[0-9]{1,8}(\\.[0-9]{1,40})?[eE][-+]?[12][0-9]{2}' +
    '|-?[0-9](\\.[0-9]{1,40})?[eE]([+]?30[0-7]|-3[0-2][0-9])' +
    `|-?1(\\.(${[...belowGreatest, ...startOfGreatest].join('|')}))?[eE][+]?308`,
)
/** Days that exist: months of 31 and 30 days, February, and 29 February of leap years. Year 0000 is none. */
const DAY =
  '(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))' +
  '|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)'
/** What lenient modes let in: no day, no month, or no date at all. Sessions of Crossfade take them as they are. */
const ZERO_DAY = '[0-9]{4}-(00-(0[0-9]|[12][0-9]|3[01])|(0[1-9]|1[0-2])-00)'
const CLOCK = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'
/** A TIME is a span of up to 838 hours, either way. */
const SPAN = '-?([0-9]{2}|[0-7][0-9]{2}|8[0-2][0-9]|83[0-8]):[0-5][0-9]:[0-5][0-9]'
const MAX_DIGITS = 65
const YEAR = pattern('0{1,4}|19(0[1-9]|[1-9][0-9])|20[0-9]{2}|21([0-4][0-9]|5[0-5])')
const UUID = pattern('[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}')
/** All that a boolean column holds here. */
const TINYINT = pattern('0|-?[1-9][0-9]?|-?1[01][0-9]|-?12[0-7]|-128')
/** Doubles hold every integer up to here. */
const MAX_EXACT = raw('9007199254740992')

export function exactCast(value: Sql, from: ColumnType | undefined, to: ColumnType, syntax: ExpressionSyntax): Sql {
  const { json, engine } = syntax
  if (from === to) return value
  const target = parseType(to)
  const source: Family = from === undefined ? 'text' : familyOf(from)
  const text =
    source === 'json'
      ? json.unquote(value)
      : source === 'year' && familyOf(to) !== 'text'
        ? sql`CAST(${value} + 0 AS CHAR)`
        : textOf(value, from)
  const wanted = familyOf(to)
  switch (wanted) {
    case 'text':
      return textWithin(text, target, from, engine)
    case 'integer':
      return toInteger(value, text, source, to)
    case 'boolean':
      return source === 'boolean' ? value : toBoolean(text, engine)
    case 'decimal':
      return toDecimal(value, text, source, target)
    case 'double':
      return target.kind === 'real' && from !== 'real'
        ? toFloat(toDouble(value, text, source), source)
        : toDouble(value, text, source)
    case 'json':
      return source === 'text'
        ? sql`CASE WHEN JSON_VALID(${text}) THEN ${json.parse(text)} END`
        : json.member(value, from!)
    case 'date':
      return matching(source === 'moment' ? dayOf(text) : text, `${DAY}|${ZERO_DAY}`, 'DATE')
    case 'time':
      return matching(text, `${SPAN}(\\.[0-9]{1,6})?`, 'TIME(6)')
    case 'moment':
      return toMoment(text, source, target)
    case 'blob':
      return source === 'blob' ? value : sql`CAST(${text} AS BINARY)`
    case 'year':
      return sql`CASE WHEN ${text} REGEXP ${YEAR} THEN LPAD(${text}, 4, '0') END`
    case 'native':
      return sql`CASE WHEN ${exactText(addressOrUuid(text, to), engine)} = ${text} THEN ${text} END`
  }
}

/** As the server writes it, NULL where it is none of the type. */
export function addressOrUuid(text: Sql, type: ColumnType): Sql {
  switch (parseType(type).kind) {
    case 'uuid':
      return sql`CASE WHEN ${text} REGEXP ${UUID} THEN LOWER(${text}) END`
    case 'inet4':
      return sql`CASE WHEN IS_IPV4(${text}) THEN INET_NTOA(INET_ATON(${text})) END`
    default:
      return sql`CASE WHEN IS_IPV6(${text}) THEN INET6_NTOA(INET6_ATON(${text})) END`
  }
}

/** What is too fine for a FLOAT is NULL; of text, which is decimal, it is the nearest one. */
function toFloat(double: Sql, source: Family): Sql {
  const float = sql`CAST(${double} AS FLOAT)`
  const near = sql`ABS(${double}) < 3.4028235e38`
  return source === 'text' || source === 'json'
    ? sql`CASE WHEN ${near} THEN ${float} + 0e0 END`
    : sql`CASE WHEN ${near} THEN CASE WHEN ${float} = ${double} THEN ${double} END END`
}

function textWithin(
  text: Sql,
  target: ParsedType,
  from: ColumnType | undefined,
  engine: ExpressionSyntax['engine'],
): Sql {
  if (target.length !== undefined) {
    const source = from === undefined ? undefined : parseType(from)
    if (source?.length !== undefined && source.length <= target.length) return text
    return sql`CASE WHEN CHAR_LENGTH(${text}) <= ${raw(String(target.length))} THEN ${text} END`
  }
  if (target.kind === 'set') return setOf(text, target.values, engine)
  if (target.kind !== 'enum') return text
  return sql`CASE WHEN ${exactText(text, engine)} IN (${raw(target.values.map(quoteText).join(', '))}) THEN ${text} END`
}

/** Words of the list, each once and in its order: any other text would not come back as it was. */
function setOf(text: Sql, words: readonly string[], engine: ExpressionSyntax['engine']): Sql {
  const inOrder = words.map((word) => `(${word.replace(/[\\^$.*+?()[\]{}|#\s-]/g, '\\$&')}(,(?!\\z)|\\z))?`).join('')
  return sql`CASE WHEN ${exactText(text, engine)} REGEXP ${pattern(inOrder)} THEN ${text} END`
}

function toBoolean(text: Sql, engine: ExpressionSyntax['engine']): Sql {
  const word = exactText(text, engine)
  return sql`CASE WHEN ${word} = 'true' THEN 1 WHEN ${word} = 'false' THEN 0 WHEN ${text} REGEXP ${TINYINT} THEN CAST(${text} AS SIGNED) END`
}

function toInteger(value: Sql, text: Sql, source: Family, to: ColumnType): Sql {
  const type = raw(castName(to))
  const [low, high] = rangeOf(to)
  const within = (number: Sql) => sql`${number} BETWEEN ${low} AND ${high}`
  switch (source) {
    case 'boolean':
      return sql`(${value} <> 0)`
    case 'integer':
      return sql`CASE WHEN ${within(value)} THEN CAST(${value} AS ${type}) END`
    case 'decimal':
      return sql`CASE WHEN ${value} = TRUNCATE(${value}, 0) AND ${within(value)} THEN CAST(${value} AS ${type}) END`
    case 'double': {
      const isExact = sql`ABS(${value}) <= ${MAX_EXACT} AND ${value} = TRUNCATE(${value}, 0)`
      return sql`CASE WHEN ${isExact} AND ${within(value)} THEN CAST(${value} AS ${type}) END`
    }
    default: {
      const isInRange = within(sql`CAST(${text} AS DECIMAL(20,0))`)
      return sql`CASE WHEN ${text} REGEXP ${INTEGER} THEN CASE WHEN ${isInRange} THEN CAST(${text} AS ${type}) END END`
    }
  }
}

function rangeOf(type: ColumnType): [low: Sql, high: Sql] {
  const { kind, isUnsigned, length } = parseType(type)
  if (kind === 'bit') return [raw('0'), raw(String(2n ** BigInt(length!) - 1n))]
  if (kind === 'smallint') return [raw('-32768'), raw('32767')]
  if (kind === 'int') return isUnsigned ? [raw('0'), raw('4294967295')] : [raw('-2147483648'), raw('2147483647')]
  return isUnsigned
    ? [raw('0'), raw('18446744073709551615')]
    : [raw('-9223372036854775808'), raw('9223372036854775807')]
}

function toDecimal(value: Sql, text: Sql, source: Family, target: ParsedType): Sql {
  const isNumber = source === 'integer' || source === 'decimal'
  const digits = target.precision! - target.scale!
  const fraction = Math.min(MAX_SCALE, MAX_DIGITS - digits)
  const number = isNumber ? value : sql`CAST(${text} AS ${raw(`DECIMAL(${MAX_DIGITS},${fraction})`)})`
  const limit = raw(`1${'0'.repeat(digits)}`)
  const fits = sql`ABS(${number}) < ${limit} AND ${number} = TRUNCATE(${number}, ${raw(String(target.scale))})`
  const exact = sql`CASE WHEN ${fits} THEN CAST(${number} AS DECIMAL(${raw(`${target.precision},${target.scale}`)})) END`
  return isNumber ? exact : sql`CASE WHEN ${text} REGEXP ${decimalPattern(digits, fraction)} THEN ${exact} END`
}

/** No more digits than the cast bears: before the point as many as the type has, behind it with zeros as many as fit. */
function decimalPattern(digits: number, fraction: number): Sql {
  const behind = fraction === 0 ? '(\\.0+)?' : `(\\.[0-9]{1,${fraction}})?`
  return pattern(`-?0*[0-9]{1,${Math.max(1, digits)}}${behind}|-?[0-9](\\.[0-9]{1,17})?[eE][-+]?[0-9]{1,1}`)
}

function toDouble(value: Sql, text: Sql, source: Family): Sql {
  switch (source) {
    case 'double':
      return value
    case 'integer':
      return sql`CASE WHEN CAST(${value} AS DECIMAL(20,0)) BETWEEN -${MAX_EXACT} AND ${MAX_EXACT} THEN CAST(${value} AS DOUBLE) END`
    case 'decimal': {
      // Exact where the shortest text of the double gives the decimal back.
      const double = sql`CAST(${value} AS DOUBLE)`
      return sql`CASE WHEN ABS(${value}) < 1e34 AND CAST(${double} AS DECIMAL(65,30)) = ${value} THEN ${double} END`
    }
    default:
      return sql`CASE WHEN ${text} REGEXP ${DOUBLE} THEN CAST(${text} AS DOUBLE) END`
  }
}

function toMoment(text: Sql, source: Family, target: ParsedType): Sql {
  const fraction = target.scale === 6 ? '(\\.[0-9]{1,6})?' : '(\\.0{1,6})?'
  const day = target.kind === 'datetime' ? `(${DAY}|${ZERO_DAY})` : DAY
  const shape = source === 'date' ? day : `${day}[ T]${CLOCK}${fraction}`
  const moment = matching(text, shape, 'DATETIME(6)')
  if (target.kind === 'datetime') return moment
  // A TIMESTAMP outside of its range would be refused.
  return sql`CASE WHEN ${moment} BETWEEN '1970-01-01 00:00:01' AND '2038-01-19 03:14:07.999999' THEN ${moment} END`
}

/** The day of a moment at midnight; any other text is left as it is and matches no date. */
function dayOf(text: Sql): Sql {
  return sql`REGEXP_REPLACE(${text}, ' 00:00:00(\\.0+)?', '')`
}

function matching(text: Sql, shape: string, type: string): Sql {
  return sql`CASE WHEN ${text} REGEXP ${pattern(shape)} THEN CAST(${text} AS ${raw(type)}) END`
}
