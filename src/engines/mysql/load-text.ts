/** Rows of raw text as lines of LOAD DATA. Raw text may come from another engine. */
import type { ColumnType } from '../../plan/schema.js'
import type { RawRow, RawValue } from '../sql.js'
import { booleanDigit, familyOf } from './types.js'

export interface LoadColumn {
  readonly name: string
  readonly type: ColumnType
}

// eslint-disable-next-line no-control-regex
const SPECIAL = /[\\\t\n\0]/g
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\0': '\\0' }

/** A value as this engine takes it: PostgreSQL sends t and f, and a zone with its timestamps. Bytes as hex. */
export type ValueReader = (value: RawValue) => string | null

export function valueReader(type: ColumnType): ValueReader {
  const text = (value: Exclude<RawValue, null>) => (typeof value === 'string' ? value : value.toString('utf8'))
  switch (familyOf(type)) {
    case 'boolean':
      return (value) => (value === null ? null : booleanDigit(text(value), type))
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

/** Lines with `\t` between values and `\N` for NULL; each column is read by its reader. */
export function loadLines(rows: readonly RawRow[], readers: readonly ValueReader[]): Buffer {
  let lines = ''
  for (const row of rows) {
    for (let index = 0; index < readers.length; index += 1) {
      const value = readers[index]!(row[index] ?? null)
      if (index > 0) lines += '\t'
      lines += value === null ? '\\N' : value.replace(SPECIAL, (char) => ESCAPED[char]!)
    }
    lines += '\n'
  }
  return Buffer.from(lines, 'utf8')
}
