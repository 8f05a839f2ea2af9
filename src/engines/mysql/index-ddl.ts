/** The column list of an index. */
import { parseType, type ColumnType, type IndexSpec, type TableSpec } from '../../plan/schema.js'
import { quoteIdentifier } from './quote.js'

/** InnoDB's limit for an index of one table row. */
const MAX_KEY_BYTES = 3072
/** Characters of a long text that an index holds: as many as fit several times below the limit. */
const PREFIX_LENGTH = 191
const BYTES_PER_CHARACTER = 4

/**
 * @returns undefined for indexes that only PostgreSQL can have.
 * @throws {TypeError} for a unique key that is too long: one over prefixes would refuse values that differ.
 */
export function indexColumns(spec: IndexSpec, table: TableSpec, isUnique: boolean): string | undefined {
  const typeOf = (column: string) => table.columns[column]!.type
  if (spec.method === 'gin' || spec.columns.some((column) => typeOf(column) === 'json')) return undefined
  const bytes = spec.columns.reduce((sum, column) => sum + keyBytes(typeOf(column)), 0)
  const isTooLong = bytes > MAX_KEY_BYTES
  if (isUnique && isTooLong) throw new TypeError(`a unique key over ${spec.columns.join(', ')} is too long for MySQL`)
  return spec.columns
    .map(
      (column) =>
        quoteIdentifier(column) +
        (isTooLong && keyBytes(typeOf(column)) > PREFIX_LENGTH * BYTES_PER_CHARACTER ? `(${PREFIX_LENGTH})` : ''),
    )
    .join(', ')
}

function keyBytes(type: ColumnType): number {
  const { kind, length } = parseType(type)
  if (kind === 'text' || kind === 'blob') return MAX_KEY_BYTES + 1
  return length === undefined ? 10 : length * BYTES_PER_CHARACTER + 2
}
