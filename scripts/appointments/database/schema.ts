/** Makes the tables of a side by Crossfade's own schema tools. */
import type { Side } from '../../../src/engines/engine.js'
import { openSide } from '../../../src/engines/open-side.js'
import type { Sql } from '../../../src/engines/sql.js'
import type { SchemaSpec } from '../../../src/plan/schema.js'
import type { Place } from './loader.js'

/** Only the location asks for it; nothing is put there. */
const UNUSED_META = 'crossfade'

/** The URL of a place with its namespace in it, as Crossfade and its pool read it. */
export function urlOf({ engine, url, namespace }: Place): string {
  const result = new URL(url)
  if (engine === 'postgres') result.searchParams.set('schema', namespace)
  else result.pathname = `/${namespace}`
  return result.href
}

export interface SchemaOptions {
  readonly place: Place
  readonly side: Side
  readonly schema: SchemaSpec
}

/** Tables without indexes and foreign keys. Repeating it changes nothing. */
export async function createTables(options: SchemaOptions): Promise<void> {
  await run(options, (tools) => tools.createTables(options.schema))
}

/** Indexes, then foreign keys: this fails where the rows do not satisfy them. Repeating it changes nothing. */
export async function createIndexes(options: SchemaOptions): Promise<void> {
  await run(options, (tools) => tools.createIndexes(options.schema))
}

interface Tools {
  createTables(schema: SchemaSpec): readonly Sql[]
  createIndexes(schema: SchemaSpec): readonly Sql[]
}

async function run({ place, side }: SchemaOptions, statements: (tools: Tools) => readonly Sql[]): Promise<void> {
  await using tools = await openSide(urlOf(place), side, UNUSED_META)
  await using session = await tools.connect('appointments schema')
  for (const statement of statements(tools.schema)) await session.execute(statement)
}
