/** Rows of the driver, which come as bytes, as raw text; bytes stay bytes where the column is binary. */
import type { FieldPacket } from 'mysql2'
import type { RawRow } from '../sql.js'

const BINARY_CHARSET = 63
/** Column types of the protocol that hold bytes when their character set is `binary`; numbers and JSON use that set as well. */
const BYTE_TYPES: ReadonlySet<number> = new Set([15, 16, 249, 250, 251, 252, 253, 254, 255])

export type Cell = Buffer | null

/** What is made of a row while it is in the driver's hands. */
export type RowReader<R = RawRow> = (row: readonly Cell[]) => R

export function createRowReader(fields: readonly FieldPacket[]): RowReader {
  const isBinary = fields.map((field) => {
    const { columnType, characterSet } = field as FieldPacket & { columnType?: number; characterSet?: number }
    return characterSet === BINARY_CHARSET && BYTE_TYPES.has(columnType ?? -1)
  })
  return (row) => {
    const result: RawRow = new Array<RawRow[number]>(row.length)
    for (let index = 0; index < row.length; index += 1) {
      const cell = row[index]!
      // The driver reuses the memory of its packets.
      result[index] = cell === null ? null : isBinary[index] ? Buffer.from(cell) : cell.toString('utf8')
    }
    return result
  }
}
