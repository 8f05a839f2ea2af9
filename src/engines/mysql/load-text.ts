/** Values as INSERT takes them, and rows as lines of LOAD DATA. */
import type { ColumnType } from '../../plan/schema.js'
import type { RawValue } from '../sql.js'
import type { RowReader } from './row-reader.js'
import { booleanDigit, familyOf, type Family } from './types.js'

export interface LoadColumn {
  readonly name: string
  readonly type: ColumnType
}

// oxlint-disable-next-line no-control-regex -- NUL and SUB are what has to be escaped
const SPECIAL = /[\\\t\n\0]/
// oxlint-disable-next-line no-control-regex -- NUL and SUB are what has to be escaped
const SPECIALS = /[\\\t\n\0]/g
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\0': '\\0' }

/** A value as this engine takes it: PostgreSQL sends t and f, and a zone with its timestamps. Bytes as hex. */
export type ValueReader = (value: RawValue) => string | null

export function valueReader(type: ColumnType): ValueReader {
  const text = (value: Exclude<RawValue, null>) => (typeof value === 'string' ? value : value.toString('utf8'))
  switch (familyOf(type)) {
    case 'boolean':
      return (value) => (value === null ? null : tinyint(text(value), type))
    case 'moment':
      return (value) =>
        value === null
          ? null
          : text(value)
              .replace('T', ' ')
              .replace(/(?:Z|\+00(?::?00)?)$/, '')
    case 'blob':
      return (value) =>
        value === null ? null : typeof value === 'string' ? value.replace(/^\\x/, '') : value.toString('hex')
    default:
      return (value) => (value === null ? null : text(value))
  }
}

/** A TINYINT(1) may hold more than booleans, which is carried as it is. */
const tinyint = (text: string, type: ColumnType): string => (/^-?\d{1,3}$/.test(text) ? text : booleanDigit(text, type))

/** Families whose text never has a character that a line has to escape. */
const PLAIN: ReadonlySet<Family> = new Set(['integer', 'decimal', 'double', 'boolean', 'date', 'time', 'moment'])

/** How the cell of one column is written into a line, as latin1: every byte stays what it is, and that is the cheapest way through a string. */
function cellWriter(type: ColumnType): (cell: Buffer) => string {
  const family = familyOf(type)
  if (family === 'blob') return (cell) => cell.toString('hex')
  if (PLAIN.has(family)) return (cell) => cell.toString('latin1')
  return (cell) => {
    const text = cell.toString('latin1')
    return SPECIAL.test(text) ? text.replace(SPECIALS, (char) => ESCAPED[char]!) : text
  }
}

/** Rows of the same engine as lines, with `\t` between values and `\N` for NULL. Join them and encode them as latin1. */
export function lineReader(columns: readonly LoadColumn[]): RowReader<string> {
  const writers = columns.map(({ type }) => cellWriter(type))
  return (row) => {
    let line = ''
    for (let index = 0; index < writers.length; index += 1) {
      const cell = row[index] ?? null
      if (index > 0) line += '\t'
      line += cell === null ? '\\N' : writers[index]!(cell)
    }
    return `${line}\n`
  }
}
