/** Key functions and their inverses. */
import type { KeyFunction } from '../../plan/expression.js'
import { raw, sql, type Sql } from '../sql.js'
import { quoteText } from './quote.js'

/** Below this, 12 hexadecimal digits hold a number. */
const HEX12_LIMIT = raw(String(2 ** 48))
const UUID = raw(quoteText('^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\\z'))

/** Digits from the plan go into the SQL as they are, so they must be digits. */
const integer = (digits: string): Sql => {
  if (!/^\d+$/.test(digits)) throw new TypeError(`"${digits}" is no key`)
  return raw(digits)
}

/** `input` is an integer, for `keep` anything. */
export function keyOf(key: KeyFunction, input: Sql): Sql {
  if (key.type === 'keep') return input
  const birthLine = integer(key.birthLine)
  if (key.type === 'interleave') {
    const banded = sql`${integer(key.base)} + ${input} * ${raw(String(key.slots))} + ${raw(String(key.slot))}`
    return sql`CASE WHEN ${input} >= ${birthLine} THEN ${input} ELSE ${banded} END`
  }
  const kept = raw(quoteText(`${key.space}-0000-8000-8000-`))
  const born = raw(quoteText(`${key.space}-0001-8000-8000-`))
  const bornId = sql`${input} - ${birthLine}`
  const inBand = (id: Sql, space: Sql) =>
    sql`CASE WHEN ${id} BETWEEN 0 AND ${HEX12_LIMIT} - 1 THEN CONCAT(${space}, ${hex12(id)}) END`
  return sql`CASE WHEN ${input} >= ${birthLine} THEN ${inBand(bornId, born)} ELSE ${inBand(input, kept)} END`
}

/** The key before the key function. */
export function unkeyOf(key: KeyFunction, input: Sql): Sql {
  if (key.type === 'keep') return input
  const birthLine = integer(key.birthLine)
  if (key.type === 'interleave') {
    // Signed: an unsigned key below the base would be an error of the subtraction.
    const id = sql`(CAST(${input} AS SIGNED) - ${integer(key.base)}) DIV ${raw(String(key.slots))}`
    return sql`CASE WHEN ${input} >= ${birthLine} THEN ${input} ELSE ${id} END`
  }
  const text = sql`CONVERT(${input} USING utf8mb4) COLLATE utf8mb4_bin`
  const number = sql`CAST(CONV(RIGHT(${text}, 12), 16, 10) AS SIGNED)`
  const isKept = sql`LOWER(LEFT(${text}, 24)) = ${raw(quoteText(`${key.space}-0000-8000-8000-`))}`
  return sql`CASE WHEN ${text} REGEXP ${UUID} THEN CASE WHEN ${isKept} THEN ${number} ELSE ${birthLine} + ${number} END END`
}

/** CAST: HEX of a number in another type would be the hex of its text. */
function hex12(value: Sql): Sql {
  return sql`LPAD(LOWER(HEX(CAST(${value} AS UNSIGNED))), 12, '0')`
}
