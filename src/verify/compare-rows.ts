/** Compares canonical rows of one chunk, key by key and column by column. */
import type { RawRow } from '../engines/sql.js'
import type { ColumnType } from '../plan/schema.js'
import { meaningOf } from './json-meaning.js'

export interface Difference {
  readonly key: readonly (string | null)[]
  readonly kind: 'missing' | 'extra' | 'different'
  /** Names of the columns that differ; values never leave this module. */
  readonly columns: readonly string[]
  /** Equal when nothing changed between two looks: tells a standing difference from a row in flight. */
  readonly fingerprint: string
}

/**
 * @param columns key columns first, in the order of the rows' values.
 * @param keyCount how many of them are the key.
 */
export function compareRows(
  origin: readonly RawRow[],
  destination: readonly RawRow[],
  columns: readonly { name: string; type: ColumnType }[],
  keyCount: number,
): Difference[] {
  const differences: Difference[] = []
  const keyOf = (row: RawRow): string => JSON.stringify(row.slice(0, keyCount).map(String))
  const arrived = new Map(destination.map((row) => [keyOf(row), row]))
  const seen = new Set<string>()
  for (const row of origin) {
    const key = keyOf(row)
    const other = arrived.get(key)
    const names = row.slice(0, keyCount).map((value) => (value === null ? null : String(value)))
    if (seen.has(key))
      differences.push({
        key: names,
        kind: 'different',
        columns: ['(two rows, one key)'],
        fingerprint: `double ${key}`,
      })
    seen.add(key)
    if (!other) {
      differences.push({ key: names, kind: 'missing', columns: [], fingerprint: `missing ${JSON.stringify(row)}` })
      continue
    }
    const unequal = columns
      .filter(({ type }, index) => !isEqual(row[index] ?? null, other[index] ?? null, type))
      .map(({ name }) => name)
    if (unequal.length > 0)
      differences.push({ key: names, kind: 'different', columns: unequal, fingerprint: JSON.stringify([row, other]) })
  }
  for (const [key, row] of arrived)
    if (!seen.has(key))
      differences.push({
        key: row.slice(0, keyCount).map((value) => (value === null ? null : String(value))),
        kind: 'extra',
        columns: [],
        fingerprint: `extra ${JSON.stringify(row)}`,
      })
  return differences
}

function isEqual(left: RawRow[number], right: RawRow[number], type: ColumnType): boolean {
  if (left === null || right === null) return left === right
  const [a, b] = [String(left), String(right)]
  if (a === b) return true
  if (type !== 'json') return false
  const meaning = meaningOf(a)
  return meaning !== undefined && meaning === meaningOf(b)
}
