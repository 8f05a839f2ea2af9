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
 * Writes all of `work` in one transaction on the destination, and of that only the rows that are not equal already: a change that
 * is routed to ten projections seldom alters more than two.
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
        const rows = await clear(writer, projection, scopes.slice(start, start + SCOPES_PER_READ))
        rowCount += rows.length
        if (rows.length > 0)
          inserts.push(() =>
            tools.bulk.insert(destination, projection.destination, writtenColumns(writer, projection), rows),
          )
      }
    for (const insert of inserts) await insert()
    return rowCount
  })
}

/** Deletes what is not as it should be. @returns the rows to be inserted in its place, with what they carry over. */
async function clear(writer: Writer, projection: Projection, scopes: readonly Scope[]): Promise<RawRow[]> {
  const { origin, destination, compiler } = writer
  const owning = projection.deletes === 'owned' ? scopes : await goneScopes(writer, projection, scopes)
  const [wanted, owned] = await Promise.all([
    origin.query(compiler.select(projection, { type: 'scopes', scopes })),
    owning.length > 0 ? destination.query(compiler.ownedValues(projection, owning)) : [],
  ])
  const keyPlaces = projection.key.map((name) => projection.columns.indexOf(name))
  const keyOf = (row: RawRow): Scope => keyPlaces.map((place) => asText(row[place]!))
  const idOf = (row: RawRow): string => JSON.stringify(keyOf(row))
  const there = new Map<string, RawRow>()
  const remember = (rows: readonly RawRow[]): void => {
    for (const row of rows) there.set(idOf(row), row)
  }
  const values = owned.map((row) => row.map(asText))
  if (values.length > 0) remember(await destination.query(compiler.selectOwned(projection, values)))
  // A row may sit under another owner still (it moved): its key decides.
  const elsewhere = wanted.filter((row) => !there.has(idOf(row))).map(keyOf)
  for (const keys of slices(elsewhere)) remember(await destination.query(compiler.selectByKey(projection, keys)))

  const times = new Map<string, number>()
  for (const row of wanted) times.set(idOf(row), (times.get(idOf(row)) ?? 0) + 1)
  // Two rows with one key are written as they are: the server refuses them, and that is what the operator must see.
  const isDone = (row: RawRow): boolean => times.get(idOf(row)) === 1 && isEqual(row, there.get(idOf(row)))
  const changed = wanted.filter((row) => !isDone(row))
  const replaced = new Set(changed.map(idOf))
  const outdated = [...there].filter(([id]) => replaced.has(id) || !times.has(id)).map(([, row]) => keyOf(row))
  for (const keys of slices(outdated)) await destination.execute(compiler.deleteKeys(projection, keys))
  return changed.map((row) => [...row, ...carriedBy(compiler, projection, there.get(idOf(row)))])
}

function* slices<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += SCOPES_PER_READ) yield list.slice(start, start + SCOPES_PER_READ)
}

/** By the server's own text of each written value. Values that are equal but written in two ways are only written once more. */
function isEqual(wanted: RawRow, there: RawRow | undefined): boolean {
  return there !== undefined && wanted.every((value, index) => isSameValue(value, there[index]!))
}

function isSameValue(left: RawValue, right: RawValue): boolean {
  if (Buffer.isBuffer(left) && Buffer.isBuffer(right)) return left.equals(right)
  return left === right
}

function writtenColumns({ compiler }: Writer, projection: Projection): { name: string; type: ColumnType }[] {
  const table = compiler.schema(destinationSide(projection))[projection.destination]!
  return [
    ...compiler.columns(projection),
    ...projection.carried.map((name) => ({ name, type: table.columns[name]!.type })),
  ]
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

/** Rows that were there keep their carried columns; new ones take the columns' defaults. */
function carriedBy(compiler: Compiler, projection: Projection, there: RawRow | undefined): RawValue[] {
  if (there) return there.slice(projection.columns.length)
  const table = compiler.schema(destinationSide(projection))[projection.destination]!
  return projection.carried.map((name) => defaultOf(table.columns[name]!))
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

/** A value as it is bound again; bytes in hex, as capture logs them. */
export function asText(value: RawValue): string | null {
  return value === null ? null : typeof value === 'string' ? value : value.toString('hex')
}
