/** Which rows of a green table belong to which of the blue tables that share it. */
import { toExpr } from './build.js'
import type { Bands, PlanInput } from './define.js'
import type { Resolved, ResolvedMap } from './resolved.js'
import type { Expr } from './expression.js'
import { inBand, isBorn, type Siblings } from './keys.js'
import type { Problems } from './problems.js'
import { allOf, column, literal } from './projection.js'
import { refs } from './references.js'
import type { TableSpec } from './schema.js'

/** What the builders of both directions read. */
export interface PlanContext {
  readonly resolved: Resolved
  readonly input: PlanInput
  readonly bands: Required<Bands>
  readonly problems: Problems
}

export function siblingsOf(map: ResolvedMap, maps: readonly ResolvedMap[]): Siblings {
  const others = maps.filter((other) => other.into === map.into && other !== map && !other.spec.merge)
  return {
    hasInterleaved: others.some((other) => other.key.type === 'interleave'),
    uuidSpaces: others.flatMap((other) => (other.key.type === 'uuid' ? [other.key.space] : [])),
  }
}

/** The condition over the green row (alias `alias`) that it belongs to this map, rows born in green included. */
export function belongsTo(
  map: ResolvedMap,
  keyColumn: string,
  alias: string,
  { resolved, input, bands }: PlanContext,
): Expr | undefined {
  const table = input.green[map.into]!
  const siblings = siblingsOf(map, resolved.maps)
  const key = column(alias, keyColumn, table.columns[keyColumn]!.type)
  const band = inBand(map.key, key, siblings, bands)
  if (!band) return undefined
  const born = bornHere(map, resolved.maps, input, alias)
  if (!born) return band
  const isBornKey = isBorn(map.key, key, siblings, bands)
  const here = isBornKey ? allOf(isBornKey, born)! : born
  // A text key does not tell a kept row from a born one: the word that tells the tables apart decides for both.
  return map.key.type === 'keep' && !isBornKey ? allOf(band, born) : { op: 'or', args: [band, here] }
}

/** Which rows born in green come back to this table; undefined for none. */
function bornHere(map: ResolvedMap, maps: readonly ResolvedMap[], input: PlanInput, alias: string): Expr | undefined {
  const green = input.green[map.into]!
  const declared = map.spec.bornHere?.({ g: refs(map.into, green, alias) })
  if (declared) return declared
  const siblings = maps.filter((other) => other.into === map.into)
  const discriminator = discriminatorOf(siblings, green)
  if (discriminator) {
    const value = (map.spec.columns as Record<string, Expr | string>)[discriminator]
    return {
      op: 'same',
      left: column(alias, discriminator, green.columns[discriminator]!.type),
      right: toExpr(value ?? null),
    }
  }
  return map.key.type === 'keep' ? literal(true) : undefined
}

/** A green column to which each of the tables gives its own constant. */
function discriminatorOf(maps: readonly ResolvedMap[], table: TableSpec): string | undefined {
  if (maps.length < 2) return undefined
  return Object.keys(table.columns).find((name) => {
    const values = maps.map((map) => (map.spec.columns as Record<string, unknown>)[name]).map(constantOf)
    return values.every((value) => value !== undefined) && new Set(values).size === maps.length
  })
}

function constantOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'op' in value && value.op === 'literal' && 'value' in value)
    return typeof value.value === 'string' ? value.value : undefined
  return undefined
}
