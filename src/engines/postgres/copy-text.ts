import type { RawRow, RawValue } from '../sql.js'

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
}

/** Rows in the text format of COPY. */
export function copyText(rows: readonly RawRow[]): string {
  return rows.map((row) => `${row.map(field).join('\t')}\n`).join('')
}

function field(value: RawValue): string {
  if (value === null) return '\\N'
  // The hex form of bytea starts with a backslash, which COPY wants doubled.
  if (Buffer.isBuffer(value)) return `\\\\x${value.toString('hex')}`
  return /[\\\n\r\t\b\f\v]/.test(value) ? value.replace(/[\\\n\r\t\b\f\v]/g, (character) => ESCAPES[character]!) : value
}
