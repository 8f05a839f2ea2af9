/** Words that several tables of this plan share. */
import { and, cast, compare, jsonGet, object, rawSql, same, when } from 'crossfade'
import type { ColumnType, Expr, TableTools } from 'crossfade'
import type { blue } from './blue.js'
import type { green } from './green.js'

export type Tools = TableTools<typeof blue, typeof green>

type Column = Extract<Expr, { op: 'column' }>

/**
 * The old system has ids above 2^53, which the default bands do not hold. Keys run: kept < base <= interleaved < birthLine <= born
 * in green; with ten slots the interleaved band holds ids up to 8 * 10^16.
 */
export const bands = { base: '100000000000000000', birthLine: '900000000000000000' } as const

/** `calcom_event_types` takes in two tables, each with its slot. */
export const EVENT_TYPE_SLOTS = { services: 0, unified: 1, count: 2 } as const

/** A JSON object with one member per named column, under its old name. */
export function pick<R extends Readonly<Record<string, Column>>>(row: R, ...names: (keyof R & string)[]): Expr {
  return object(Object.fromEntries(names.map((name) => [name, row[name]!])))
}

/** The member `name` of a JSON column. */
export const member = (json: Expr, name: string, type: ColumnType): Expr => jsonGet(json, [name], type)

/** Where a chosen value is still what was chosen at the copy, the old value; else what the new one means. */
export const unlessChanged = (current: Expr, chosen: Expr, old: Expr, changed: Expr | null): Expr =>
  when([[same(current, chosen), old]], changed)

/**
 * The way back of two flags that became one: where the flag is as it was, the old `active`; else both follow the flag.
 * @param memo the JSON column that holds `active` and `is_active` as they were.
 */
export const activeBack = (isActive: Expr, memo: Expr): Expr =>
  unlessChanged(isActive, member(memo, 'is_active', 'boolean'), member(memo, 'active', 'boolean'), isActive)

const integer = (digits: string): Expr => cast({ op: 'literal', value: digits }, 'bigint')

const isInterleaved = (key: Expr): Expr =>
  and(compare(key, '>=', integer(bands.base)), compare(key, '<', integer(bands.birthLine)))

/** The id in kunden of a key of green's customers; NULL for every other customer, whom no row of kunden stands for. */
export const kundeOf = (customerKey: Expr): Expr =>
  when(
    [
      [
        isInterleaved(customerKey),
        { op: 'unkey', key: { type: 'interleave', ...bands, slots: 1, slot: 0 }, input: customerKey },
      ],
    ],
    null,
  )

/** The id in services of a key of green's event types; NULL for every other event type. */
export const serviceOf = (eventTypeKey: Expr): Expr => {
  const { services: slot, count: slots } = EVENT_TYPE_SLOTS
  const isService = rawSql(
    sameEverywhere(`((({k}) - ${bands.base}) % ${slots} = ${slot})`),
    { k: eventTypeKey },
    'boolean',
  )
  return when(
    [
      [
        and(isInterleaved(eventTypeKey), isService),
        { op: 'unkey', key: { type: 'interleave', ...bands, slots, slot }, input: eventTypeKey },
      ],
    ],
    null,
  )
}

/** The key itself where it is an event type's of the old table or born in green; NULL where it came from elsewhere. */
export const ownEventType = (eventTypeKey: Expr): Expr => when([[isInterleaved(eventTypeKey), null]], eventTypeKey)

/** For rows that have a creation time at most, where green asks for one: the epoch, which no real row has. */
export const EPOCH = cast({ op: 'literal', value: '1970-01-01 00:00:01' }, 'timestamp')

/** A condition that never holds. */
export const never = compare(1, '=', 0)

function sameEverywhere(text: string): { postgres: string; mysql: string } {
  return { postgres: text, mysql: text }
}
