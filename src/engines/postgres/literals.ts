/** Identifiers and values as PostgreSQL text. */
import { createHash } from 'node:crypto'
import type { Sql, SqlValue } from '../sql.js'

/** Longest identifier in bytes (NAMEDATALEN - 1): the server cuts longer ones without an error. */
const MAX_IDENTIFIER_BYTES = 63

export function quoteIdentifier(name: string): string {
  if (name.includes('\0')) throw new TypeError('an identifier cannot hold a NUL')
  return `"${name.replaceAll('"', '""')}"`
}

export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new TypeError('PostgreSQL text cannot hold a NUL')
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

export function qualify(namespace: string, name: string): string {
  return `${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`
}

/** What the driver is given for a value: text, with bytes in the hex form of bytea. */
export function valueText(value: SqlValue): string | null {
  if (value === null) return null
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : String(value)
}

/** An array in the server's own text form: one bound value instead of one per element, so that no statement has too many. */
export function arrayLiteral(values: readonly SqlValue[]): string {
  return `{${values.map(arrayElement).join(',')}}`
}

function arrayElement(value: SqlValue): string {
  const text = valueText(value)
  return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** The statement with its values written in: COPY and other utility statements take no bound values. */
export function inlineValues(query: Sql): string {
  const { values } = query
  return query.render((index) => {
    const text = valueText(values[index - 1]!)
    return text === null ? 'NULL' : quoteLiteral(text)
  }).text
}

/** `name`, or where it is too long for the server its start and a hash, so that two long names stay two. */
export function boundedName(name: string): string {
  if (Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 10)
  let start = name
  while (Buffer.byteLength(start) > MAX_IDENTIFIER_BYTES - hash.length - 1) start = start.slice(0, -1)
  return `${start}_${hash}`
}
