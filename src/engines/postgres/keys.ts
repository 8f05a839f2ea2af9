/** Key functions and their inverses. */
import type { KeyFunction } from '../../plan/expression.js'
import { raw, sql, type Sql } from '../sql.js'
import { quoteLiteral } from './literals.js'
import { once } from './once.js'

const bigint = (digits: string) => raw(`CAST(${quoteLiteral(digits)} AS bigint)`)

/** `input` is a bigint, for `keep` anything. */
export function keyOf(key: KeyFunction, input: Sql): Sql {
  if (key.type === 'keep') return input
  if (key.type === 'interleave') {
    const banded = (id: Sql) => sql`${bigint(key.base)} + ${id} * ${raw(String(key.slots))} + ${raw(String(key.slot))}`
    return once(input, (id) => sql`CASE WHEN ${id} >= ${bigint(key.birthLine)} THEN ${id} ELSE ${banded(id)} END`)
  }
  const born = raw(quoteLiteral(`${key.space}-0001-8000-8000-`))
  const kept = raw(quoteLiteral(`${key.space}-0000-8000-8000-`))
  const birthLine = bigint(key.birthLine)
  return once(
    input,
    (id) =>
      sql`CASE WHEN ${id} >= ${birthLine} THEN ${born} || ${hex12(sql`${id} - ${birthLine}`)} ELSE ${kept} || ${hex12(id)} END`,
  )
}

/** The key before the key function. */
export function unkeyOf(key: KeyFunction, input: Sql): Sql {
  if (key.type === 'keep') return input
  const birthLine = bigint(key.birthLine)
  if (key.type === 'interleave') {
    const id = (value: Sql) => sql`(${value} - ${bigint(key.base)}) / ${raw(String(key.slots))}`
    return once(input, (value) => sql`CASE WHEN ${value} >= ${birthLine} THEN ${value} ELSE ${id(value)} END`)
  }
  const kept = raw(quoteLiteral(`${key.space}-0000-8000-8000-`))
  return once(sql`CAST(${input} AS text)`, (value) => {
    const number = sql`CAST(CAST('x0000' || right(${value}, 12) AS bit(64)) AS bigint)`
    const isUuid = sql`${value} ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'`
    const isKept = sql`left(lower(${value}), 24) = ${kept}`
    return sql`CASE WHEN ${isUuid} THEN CASE WHEN ${isKept} THEN ${number} ELSE ${birthLine} + ${number} END END`
  })
}

/** Not lpad: it would cut a number of more than 12 digits, and two keys would become one. */
function hex12(value: Sql): Sql {
  return sql`repeat('0', 12 - length(to_hex(${value}))) || to_hex(${value})`
}
