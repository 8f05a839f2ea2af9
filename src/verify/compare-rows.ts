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
  const arrived = byKey(destination, keyCount)
  const sent = byKey(origin, keyCount)
  for (const [id, rows] of sent) {
    const [row] = rows
    const key = keyOf(row!, keyCount)
    const others = arrived.get(id)
    if (!others) differences.push({ key, kind: 'missing', columns: [], fingerprint: `missing ${JSON.stringify(rows)}` })
    else if (rows.length > 1 || others.length > 1)
      differences.push({ key, kind: 'different', columns: ['(two rows, one key)'], fingerprint: `double ${id}` })
    else {
      const [other] = others
      const unequal = columns
        .filter(({ type }, index) => !isEqual(row![index] ?? null, other![index] ?? null, type))
        .map(({ name }) => name)
      if (unequal.length > 0)
        differences.push({ key, kind: 'different', columns: unequal, fingerprint: JSON.stringify([row, other]) })
    }
  }
  for (const [id, rows] of arrived)
    if (!sent.has(id)) {
      const fingerprint = `extra ${JSON.stringify(rows)}`
      differences.push({ key: keyOf(rows[0]!, keyCount), kind: 'extra', columns: [], fingerprint })
    }
  return differences
}

function keyOf(row: RawRow, keyCount: number): (string | null)[] {
  return row.slice(0, keyCount).map((value) => (value === null ? null : String(value)))
}

/** Nearly always one row each. */
function byKey(rows: readonly RawRow[], keyCount: number): ReadonlyMap<string, readonly RawRow[]> {
  const found = new Map<string, RawRow[]>()
  for (const row of rows) {
    const id = JSON.stringify(keyOf(row, keyCount))
    const same = found.get(id)
    if (same) same.push(row)
    else found.set(id, [row])
  }
  return found
}

function isEqual(left: RawRow[number], right: RawRow[number], type: ColumnType): boolean {
  if (left === null || right === null) return left === right
  const [a, b] = [String(left), String(right)]
  if (a === b) return true
  if (type !== 'json') return false
  const meaning = meaningOf(a)
  return meaning !== undefined && meaning === meaningOf(b)
}
