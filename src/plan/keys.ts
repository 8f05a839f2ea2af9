/** Which keys of a green table come from which blue table: conditions over the key, for either direction. */
import type { Expr, KeyFunction } from './expression.js'
import type { Bands } from './define.js'

const integer = (text: string): Expr => ({ op: 'cast', input: { op: 'literal', value: text }, to: 'bigint' })
const isBelow = (key: Expr, limit: string): Expr => ({ op: 'compare', operator: '<', left: key, right: integer(limit) })
const isFrom = (key: Expr, limit: string): Expr => ({ op: 'compare', operator: '>=', left: key, right: integer(limit) })

/** What else maps into the same green table; decides which bands must be told apart. */
export interface Siblings {
  readonly hasInterleaved: boolean
  readonly uuidSpaces: readonly string[]
}

/** True for keys that this table's rows have in green, leaving out keys born there. Undefined: every key. */
export function inBand(key: KeyFunction, value: Expr, siblings: Siblings, bands: Required<Bands>): Expr | undefined {
  switch (key.type) {
    case 'keep':
      if (siblings.hasInterleaved) return isBelow(value, bands.base)
      if (siblings.uuidSpaces.length > 0)
        return {
          op: 'and',
          args: siblings.uuidSpaces.map((space) => ({ op: 'not', input: inSpace(value, space) }) as const),
        }
      return undefined
    case 'interleave':
      return {
        op: 'and',
        args: [
          isFrom(value, key.base),
          isBelow(value, key.birthLine),
          {
            op: 'raw',
            // The numbers were checked to be digits; both engines read this the same way.
            sql: sameSql(`((({k}) - ${key.base}) % ${key.slots} = ${key.slot})`),
            inputs: { k: value },
            type: 'boolean',
          },
        ],
      }
    case 'uuid':
      return inSpace(value, key.space)
  }
}

/** True for integer keys born in green; undefined where such keys cannot be told by the key alone (UUIDs). */
export function isBorn(key: KeyFunction, value: Expr, siblings: Siblings, bands: Required<Bands>): Expr | undefined {
  if (key.type === 'uuid') return undefined
  return key.type === 'interleave' || siblings.hasInterleaved ? isFrom(value, bands.birthLine) : undefined
}

function inSpace(value: Expr, space: string): Expr {
  return { op: 'raw', sql: sameSql(`({k} LIKE '${space}-000_-8000-8000-%')`), inputs: { k: value }, type: 'boolean' }
}

/** SQL that all engines read the same way. */
export function sameSql(text: string): { postgres: string; mysql: string } {
  return { postgres: text, mysql: text }
}

/**
 * A key for a row that is born in green without one of its own on blue: 48 bits of SHA-256 over what identifies it, above the
 * birth line; a version 8 UUID for text keys. The same row gets the same key each time.
 */
export function derivedKey(identity: Expr, isText: boolean, birthLine: string): Expr {
  const postgres = `encode(sha256(convert_to(({identity})::text, 'UTF8')), 'hex')`
  const mysql = `SHA2({identity}, 256)`
  const uuid = (hex: string): string =>
    `concat(substr(${hex}, 1, 8), '-', substr(${hex}, 9, 4), '-8', substr(${hex}, 14, 3), '-8', substr(${hex}, 18, 3), '-', substr(${hex}, 21, 12))`
  if (isText)
    return { op: 'raw', sql: { postgres: uuid(postgres), mysql: uuid(mysql) }, inputs: { identity }, type: 'char(36)' }
  return {
    op: 'raw',
    sql: {
      postgres: `((('x' || substr(${postgres}, 1, 12))::bit(48))::bigint + ${birthLine})`,
      mysql: `(CAST(CONV(LEFT(${mysql}, 12), 16, 10) AS UNSIGNED) + ${birthLine})`,
    },
    inputs: { identity },
    type: 'bigint',
  }
}
