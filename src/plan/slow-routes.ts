/** Lookups, folds and routes that have to read a whole table for want of an index. */
import type { Side } from '../engines/engine.js'
import { foldsOf } from './compile.js'
import type { Expr } from './expression.js'
import type { LiveFinding } from './live-check.js'
import type { Plan } from './plan.js'
import type { Arm, Projection } from './projection.js'
import type { SchemaSpec, TableSpec } from './schema.js'

/** Reading fewer rows than this takes no time that matters. */
const SMALL_TABLE_ROWS = 1_000

/** A table that is searched by some columns, and why. */
interface Search {
  readonly side: Side
  readonly table: string
  readonly columns: readonly string[]
  readonly why: string
}

/**
 * @param indexes tables with their indexes, by side: blue's as the server has them, green's as the plan makes them.
 * @param rowCount rows of a table; undefined where nobody knows yet.
 */
export async function findSlowRoutes(
  plan: Plan,
  indexes: Readonly<Record<Side, SchemaSpec>>,
  rowCount: (side: Side, table: string) => Promise<number | undefined>,
): Promise<LiveFinding[]> {
  const missing = new Map<string, { search: Search; reasons: Set<string> }>()
  for (const search of [...plan.forward, ...plan.reverse].flatMap(searchesOf)) {
    const table = indexes[search.side][search.table]
    if (!table || isServed(table, search.columns)) continue
    const id = JSON.stringify([search.side, search.table, [...search.columns].sort()])
    const known = missing.get(id) ?? { search, reasons: new Set() }
    known.reasons.add(search.why)
    missing.set(id, known)
  }
  const findings: LiveFinding[] = []
  for (const { search, reasons } of missing.values()) {
    const { side, table, columns } = search
    const rows = await rowCount(side, table)
    if (rows !== undefined && rows < SMALL_TABLE_ROWS) continue
    findings.push({
      side,
      code: 'missing-index',
      severity: 'warning',
      message: `${side}.${table}${rows === undefined ? '' : ` (${rows} rows)`} has no index that begins with (${columns.join(', ')}): ${[...reasons].join('; ')}`,
      hint: `CREATE INDEX ON ${table} (${columns.join(', ')}), or copying and following changes read the whole table each time.`,
    })
  }
  return findings
}

/** One that begins with all of these columns, or a unique one within them. Pure. */
export function isServed(table: TableSpec, columns: readonly string[]): boolean {
  const partial = (index: { readonly whereNotNull?: string }): boolean =>
    index.whereNotNull === undefined || columns.includes(index.whereNotNull)
  const unique = [
    table.primaryKey,
    ...Object.values(table.unique ?? {})
      .filter(partial)
      .map((index) => index.columns),
  ].filter((key) => key.length > 0)
  const plain = Object.values(table.indexes ?? {})
    .filter((index) => index.method !== 'gin' && partial(index))
    .map((index) => index.columns)
  const beginsWithThem = (key: readonly string[]): boolean =>
    key.length >= columns.length && key.slice(0, columns.length).every((name) => columns.includes(name))
  return [...unique, ...plain].some(beginsWithThem) || unique.some((key) => key.every((name) => columns.includes(name)))
}

function searchesOf(projection: Projection): Search[] {
  return projection.arms.flatMap((arm) => [...lookupSearches(projection, arm), ...foldSearches(projection, arm)])
}

/** Each lookup searches its table; a change of the looked-up row searches the driving table. */
function lookupSearches({ origin: side, name }: Projection, arm: Arm): Search[] {
  return arm.lookups.flatMap(({ alias, table, on }) => [
    ...search(
      { side, table, why: `${name} looks rows up by them` },
      on.map(([over]) => over),
      alias,
    ),
    ...search(
      { side, table: arm.driving, why: `a change of ${table} searches ${arm.driving} by them` },
      on.map(([, over]) => over),
      'd',
    ),
  ])
}

function foldSearches({ origin: side, name }: Projection, arm: Arm): Search[] {
  return foldsOf(arm).flatMap(({ fold }) => [
    ...search(
      { side, table: fold.from, why: `${name} folds rows by them` },
      fold.by.map(([child]) => child),
      'c',
    ),
    ...search(
      { side, table: arm.driving, why: `a change of ${fold.from} searches ${arm.driving} by them` },
      fold.by.map(([, owner]) => owner),
      'd',
    ),
  ])
}

/** Only plain columns can use an index; a search by anything of another alias goes over that one's table. */
function search(about: Omit<Search, 'columns'>, exprs: readonly Expr[], alias: string): Search[] {
  const columns = exprs.flatMap((expr) => (expr.op === 'column' && expr.alias === alias ? [expr.column] : []))
  return columns.length === 0 ? [] : [{ ...about, columns }]
}
