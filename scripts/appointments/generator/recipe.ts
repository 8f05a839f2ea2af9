/** What an area says about its tables; columns it does not mention get values by their type and name. */
import type { ColumnsOf } from 'crossfade'
import type { blue } from '../../../plans/appointments/blue.js'
import { Random, saltOf } from './random.js'
import type { Growth, World } from './world.js'

export type Blue = typeof blue
export type BlueTable = Extract<keyof Blue, string>

/** A value on its way to the database. Booleans are written as 1 and 0, which every engine takes. */
export type Cell = string | number | boolean | null

export interface RowContext {
  /** 1 to the count of the table. */
  readonly index: number
  /** The sequence of this row; columns draw from it in their order. */
  readonly random: Random
  readonly world: World
  /** When the row was made, in ms. */
  readonly createdMs: number
  readonly id: number
}

/** Size and facts of a table. */
export interface Shape<Facts> extends Growth {
  /** What several columns of a row depend on. Undefined: this row is left out. */
  readonly facts: (row: RowContext) => Facts | undefined
  /** How often a column that nobody mentions is NULL where it may be. Default 0.35. */
  readonly nulls?: number
}

export type Columns<Table extends BlueTable, Facts> = Partial<
  Record<ColumnsOf<Blue, Table>, (facts: Facts, row: RowContext) => Cell>
>

/** A recipe whose facts are known only to itself. */
export interface AnyRecipe extends Growth {
  readonly facts: (row: RowContext) => unknown
  readonly columns: Readonly<Record<string, ((facts: never, row: RowContext) => Cell) | undefined>>
  readonly nulls?: number
}

export type Recipes<Table extends BlueTable = BlueTable> = { readonly [T in Table]: AnyRecipe }

/** Checks the names of the columns against the schema. */
export function recipe<Table extends BlueTable, Facts>(
  _table: Table,
  shape: Shape<Facts>,
  columns: Columns<Table, Facts>,
): AnyRecipe {
  return { ...shape, columns: columns as AnyRecipe['columns'] }
}

/** A table without anything to say about it but its size and some columns. */
export function plain<Table extends BlueTable>(
  _table: Table,
  pilot: number,
  columns: Partial<Record<ColumnsOf<Blue, Table>, (row: RowContext) => Cell>> = {},
  power?: number,
): AnyRecipe {
  const wrapped: Record<string, (facts: never, row: RowContext) => Cell> = {}
  for (const [name, value] of Object.entries<((row: RowContext) => Cell) | undefined>(columns)) {
    if (value) wrapped[name] = (_facts, row) => value(row)
  }
  return { pilot, ...(power === undefined ? {} : { power }), facts: () => true, columns: wrapped }
}

/** `value`, or NULL in this share of the rows. */
export function sometimes<T>(random: Random, share: number, value: T): T | null {
  return random.chance(share) ? value : null
}

const AMOUNTS = saltOf('amounts')

/** Amounts in cents that two tables must agree on: an invoice and its lines. */
export function saltedAmounts(seed: number, index: number, count: number): number[] {
  const random = new Random(seed).reseed(AMOUNTS, index)
  return Array.from({ length: count }, () => random.int(50_000))
}
