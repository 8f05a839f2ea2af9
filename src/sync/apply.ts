/**
 * Makes the destination equal to the origin for some scopes of one projection: reads the projected rows as they are now and
 * writes them in one transaction. Applying twice, late or out of order is harmless.
 */
import type { Session, SideTools } from '../engines/engine.js'
import type { RawRow, RawValue } from '../engines/sql.js'
import type { Compiler, Scope } from '../plan/compile.js'
import { destinationSide, type Projection } from '../plan/projection.js'
import type { ColumnType } from '../plan/schema.js'

export interface Work {
  readonly projection: Projection
  readonly scopes: readonly Scope[]
}

/** One writer: its own connection to each side, used by one task at a time. */
export interface Writer {
  readonly origin: Session
  readonly destination: Session
  readonly tools: SideTools
  readonly compiler: Compiler
  readonly runEpoch: number
}

/** Scopes per statement: bound values are limited (65,535 on PostgreSQL), and lists this long still plan fast. */
const SCOPES_PER_READ = 500

/**
 * Writes all of `work` in one transaction on the destination.
 * @throws {CrossfadeError} LEASE_LOST, CONTENTION (nothing was written), UNIQUE_VIOLATION (the batch must grow).
 * @returns rows written.
 */
export async function apply(writer: Writer, work: readonly Work[]): Promise<number> {
  const { destination, tools, runEpoch } = writer
  return destination.transaction(async () => {
    await tools.lease.hold(destination, runEpoch)
    // All deletes before all inserts, so that a unique value may move from one row of the batch to another.
    const inserts: (() => Promise<void>)[] = []
    let rowCount = 0
    for (const { projection, scopes } of work)
      for (let start = 0; start < scopes.length; start += SCOPES_PER_READ) {
        const prepared = await clear(writer, projection, scopes.slice(start, start + SCOPES_PER_READ))
        rowCount += prepared.rows.length
        if (prepared.rows.length > 0)
          inserts.push(() => tools.bulk.insert(destination, projection.destination, prepared.columns, prepared.rows))
      }
    for (const insert of inserts) await insert()
    return rowCount
  })
}

interface Prepared {
  readonly columns: { name: string; type: ColumnType }[]
  readonly rows: readonly RawRow[]
}

/** Reads the rows, remembers what is carried over, and deletes what the scopes own. */
async function clear(writer: Writer, projection: Projection, scopes: readonly Scope[]): Promise<Prepared> {
  const { origin, destination, compiler } = writer
  const rows = await origin.query(compiler.select(projection, { type: 'scopes', scopes }))
  const columns = compiler.columns(projection)
  const keyPlaces = projection.key.map((name) => projection.columns.indexOf(name))
  const keys = rows.map((row) => keyPlaces.map((place) => asText(row[place]!)))
  const owning = projection.deletes === 'owned' ? scopes : await goneScopes(writer, projection, scopes)
  const owned =
    owning.length > 0
      ? (await destination.query(compiler.ownedValues(projection, owning))).map((row) => row.map(asText))
      : []
  const carried = await readCarried(writer, projection, owned, keys)
  if (owned.length > 0) await destination.execute(compiler.deleteOwned(projection, owned))
  // A row may sit under another owner still (it moved): its key decides.
  for (let start = 0; start < keys.length; start += SCOPES_PER_READ)
    await destination.execute(compiler.deleteKeys(projection, keys.slice(start, start + SCOPES_PER_READ)))
  return withCarried(compiler, projection, columns, rows, keys, carried)
}

/** Scopes whose driving row is gone from the origin. */
async function goneScopes(
  { origin, compiler }: Writer,
  projection: Projection,
  scopes: readonly Scope[],
): Promise<Scope[]> {
  const found = await origin.query(compiler.existingScopes(projection, scopes))
  const alive = new Set(found.map((row) => JSON.stringify(row.map(asText))))
  return scopes.filter((scope) => !alive.has(JSON.stringify(scope)))
}

async function readCarried(
  writer: Writer,
  projection: Projection,
  owned: readonly Scope[],
  keys: readonly Scope[],
): Promise<Map<string, RawValue[]>> {
  const kept = new Map<string, RawValue[]>()
  if (projection.carried.length === 0) return kept
  const { destination, compiler } = writer
  const remember = (rows: readonly RawRow[]): void => {
    for (const row of rows)
      kept.set(JSON.stringify(row.slice(0, projection.key.length).map(asText)), row.slice(projection.key.length))
  }
  if (owned.length > 0) remember(await destination.query(compiler.selectCarried(projection, owned)))
  for (let start = 0; start < keys.length; start += SCOPES_PER_READ)
    remember(
      await destination.query(compiler.selectCarriedByKey(projection, keys.slice(start, start + SCOPES_PER_READ))),
    )
  return kept
}

/** Rows that were there keep their carried columns; new ones take the columns' defaults, so they are written without them. */
function withCarried(
  compiler: Compiler,
  projection: Projection,
  columns: Prepared['columns'],
  rows: readonly RawRow[],
  keys: readonly Scope[],
  carried: ReadonlyMap<string, RawValue[]>,
): Prepared {
  if (projection.carried.length === 0) return { columns, rows }
  const table = compiler.schema(destinationSide(projection))[projection.destination]!
  const extra = projection.carried.map((name) => ({ name, type: table.columns[name]!.type }))
  const defaults = projection.carried.map((name) => defaultOf(table.columns[name]!))
  return {
    columns: [...columns, ...extra],
    rows: rows.map((row, index) => [...row, ...(carried.get(JSON.stringify(keys[index])) ?? defaults)]),
  }
}

/** What a carried column holds in a row that is new on this side: its literal default, the zero of a NOT NULL type, or NULL. */
function defaultOf(spec: {
  readonly type: ColumnType
  readonly notNull?: boolean
  readonly default?: unknown
}): RawValue {
  if (typeof spec.default === 'string' || typeof spec.default === 'number') return String(spec.default)
  if (typeof spec.default === 'boolean') return spec.default ? '1' : '0'
  if (!spec.notNull) return null
  if (spec.type === 'json') return '{}'
  if (/^(big|small)?int|^decimal|^double|^boolean/.test(spec.type)) return '0'
  if (/^(timestamp|datetime)/.test(spec.type)) return '1970-01-01 00:00:01'
  if (spec.type === 'date') return '1970-01-01'
  if (spec.type === 'time') return '00:00:00'
  return /^enum\(([^,)]*)/.exec(spec.type)?.[1] ?? ''
}

export function asText(value: RawValue): string | null {
  return value === null ? null : typeof value === 'string' ? value : value.toString('utf8')
}
