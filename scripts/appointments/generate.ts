/** Fills the old schema with data: deterministic by seed, streamed, in bulk. */
import { openLoader, type Place } from './database/loader.js'
import { createIndexes, createTables } from './database/schema.js'
import { blue } from '../../plans/appointments/blue.js'
import type { TableSpec } from '../../src/plan/schema.js'
import { saltOf } from './generator/random.js'
import { recipes } from './generator/recipes.js'
import type { BlueTable } from './generator/recipe.js'
import { tableRows } from './generator/rows.js'
import { countRows, World } from './generator/world.js'

export interface GenerateOptions extends Place {
  readonly seed: number
  /** About as many rows over all tables. 2,600 is the size of the pilot. */
  readonly rows: number
  /** Length of the three longest transcripts. Default 1 MB. */
  readonly maxBlobBytes?: number
  /** Told after each table. */
  readonly onTable?: (table: string, rows: number) => void
}

const MEGABYTE = 1024 * 1024

/**
 * Fills the tables of blue, which are there and empty. Foreign keys and triggers are not asked: they hold anyway, and indexes made
 * afterwards are much faster than indexes filled row by row.
 * @returns rows by table.
 */
export async function generateBlue(options: GenerateOptions): Promise<Record<BlueTable, number>> {
  const { engine, seed, rows, maxBlobBytes = MEGABYTE } = options
  const world = new World(saltOf(`seed ${seed}`), countRows(recipes, rows), engine === 'postgres', maxBlobBytes)
  await using loader = await openLoader(options)
  const tables = Object.keys(blue) as BlueTable[]
  const written = {} as Record<BlueTable, number>
  for (const table of tables) {
    const { columns, rows: generated } = tableRows(table, blue[table], recipes[table], world)
    written[table] = await loader.load(table, columns, generated)
    options.onTable?.(table, written[table])
  }
  await loader.continueKeys(tables.flatMap((table) => identityOf(table)))
  await loader.analyze(tables)
  return written
}

function identityOf(table: BlueTable): { table: string; column: string }[] {
  return Object.entries((blue[table] as TableSpec).columns)
    .filter(([, spec]) => spec.autoIncrement)
    .map(([column]) => ({ table, column }))
}

/** The tables of blue without indexes and foreign keys, for {@link generateBlue}. Repeating it changes nothing. */
export async function createBlue(place: Place): Promise<void> {
  await createTables({ place, side: 'blue', schema: blue })
}

/** Indexes and foreign keys of blue, after its rows. Repeating it changes nothing. */
export async function indexBlue(place: Place): Promise<void> {
  await createIndexes({ place, side: 'blue', schema: blue })
}

/** The whole of blue: tables, rows, indexes, foreign keys. */
export async function buildBlue(options: GenerateOptions): Promise<Record<BlueTable, number>> {
  await createBlue(options)
  const written = await generateBlue(options)
  await indexBlue(options)
  return written
}
