/** How much of its band of the key space each mapped table uses. */
import type { Finding, Session } from '../engines/engine.js'
import { raw, sql } from '../engines/sql.js'
import type { Compiler } from './compile.js'
import type { Expr, KeyFunction } from './expression.js'
import type { Plan } from './plan.js'
import type { Projection } from './projection.js'
import { parseType, type ColumnType } from './schema.js'

/** The blue keys that a key function takes without leaving its band. */
export interface KeyBand {
  readonly table: string
  readonly column: string
  readonly into: string
  /** What it does with the key, for the message. */
  readonly key: string
  readonly min: bigint | undefined
  /** The greatest key that fits. */
  readonly max: bigint
}

/** Ids grow while the migration runs: from here on somebody should look. */
const WARN_PERCENT = 80
/** Twelve hexadecimal digits of a UUID hold an id. */
const UUID_IDS = 2n ** 48n

/** The band of every integer key that Crossfade computes or keeps. Merges by natural key have none. */
export function keyBands(plan: Plan): KeyBand[] {
  return plan.forward.flatMap((projection) => (projection.merge ? [] : bandsOf(projection, plan)))
}

export async function checkHeadroom(band: KeyBand, compiler: Compiler, session: Session): Promise<Finding[]> {
  const column = raw(compiler.dialect('blue').quote(band.column))
  const [row] = await session.query(
    sql`SELECT MIN(${column}), MAX(${column}) FROM ${compiler.table('blue', band.table)}`,
  )
  const [min, max] = row ?? []
  if (min === null || min === undefined || max === null || max === undefined) return []
  return judgeHeadroom(band, BigInt(String(min)), BigInt(String(max)))
}

/** Pure. */
export function judgeHeadroom(band: KeyBand, min: bigint, max: bigint): Finding[] {
  const { table, column, into, key } = band
  const place = `${table}.${column}, ${key} in ${into},`
  if (band.min !== undefined && min < band.min) {
    return [outOfBand(`${place} holds keys from ${min}; its band begins at ${band.min}`)]
  }
  if (max > band.max) return [outOfBand(`${place} holds keys up to ${max}; its band ends at ${band.max}`)]
  const percent = Number((max * 100n) / band.max)
  if (percent < WARN_PERCENT) return []
  return [
    {
      code: 'key-headroom',
      severity: 'warning',
      message: `${place} holds keys up to ${max}: ${percent} % of its band, which ends at ${band.max}`,
      hint: 'Raise `base` and `birthLine` of the plan if ids grow that fast during the migration.',
    },
  ]
}

function outOfBand(message: string): Finding {
  return {
    code: 'KEY_OUT_OF_BAND',
    severity: 'blocking',
    message,
    hint: 'Raise `base` and `birthLine` of the plan so that the band holds all keys.',
  }
}

function bandsOf(projection: Projection, plan: Plan): KeyBand[] {
  const isShared = plan.forward.some(
    (other) =>
      other.destination === projection.destination && keyColumns(other).some(({ key }) => key?.type === 'interleave'),
  )
  return keyColumns(projection).flatMap(({ table, column, key, isBornInGreen }): KeyBand[] => {
    if (!isInteger(plan.blue[table]!.columns[column]!.type)) return []
    const at = { table, column, into: projection.destination }
    switch (key?.type) {
      case 'interleave': {
        const max = (BigInt(key.birthLine) - 1n - BigInt(key.base) - BigInt(key.slot)) / BigInt(key.slots)
        return [{ ...at, key: `slot ${key.slot} of ${key.slots}`, min: 0n, max }]
      }
      case 'uuid':
        return [{ ...at, key: `in UUIDs of ${key.space}`, min: 0n, max: UUID_IDS - 1n }]
      default: {
        // Only where other keys follow above: those of other tables, or those that green makes itself.
        if (!isShared && !isBornInGreen(plan)) return []
        const limit = isShared ? plan.bands.base : plan.bands.birthLine
        return [{ ...at, key: 'kept', min: undefined, max: BigInt(limit) - 1n }]
      }
    }
  })
}

interface KeyColumn {
  readonly table: string
  readonly column: string
  /** Undefined for a key that stays as it is. */
  readonly key: KeyFunction | undefined
  readonly isBornInGreen: (plan: Plan) => boolean
}

/** Columns of the driving table that become a key column of the destination. */
function keyColumns(projection: Projection): KeyColumn[] {
  return projection.arms.flatMap((arm) =>
    projection.key.flatMap((name): KeyColumn[] => {
      const expr = arm.columns[name]
      const found = expr && keyOf(expr)
      if (!found || found.input.op !== 'column' || found.input.alias !== 'd') return []
      const isBornInGreen = (plan: Plan): boolean =>
        plan.green[projection.destination]!.columns[name]!.autoIncrement === true
      return [{ table: arm.driving, column: found.input.column, key: found.key, isBornInGreen }]
    }),
  )
}

function keyOf(expr: Expr): { key: KeyFunction | undefined; input: Expr } {
  if (expr.op === 'key') return { key: expr.key.type === 'keep' ? undefined : expr.key, input: expr.input }
  return expr.op === 'cast' ? keyOf(expr.input) : { key: undefined, input: expr }
}

function isInteger(type: ColumnType): boolean {
  return ['bigint', 'int', 'smallint'].includes(parseType(type).kind)
}
