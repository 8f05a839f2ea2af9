/** Identifiers, values and whole statements as text of MySQL and MariaDB. */
import { createHash } from 'node:crypto'
import type { Sql, SqlValue } from '../sql.js'

/** Longest identifier in characters. Longer ones are refused by the server. */
const MAX_IDENTIFIER_LENGTH = 64

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\x1a': '\\Z',
  "'": "''",
  '\\': '\\\\',
}

/** Names are kept in three bytes a character. MariaDB says no to others, MySQL writes a question mark instead without a word. */
export const isStorableName = (name: string): boolean => !/[\u{10000}-\u{10ffff}]/u.test(name)

export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new TypeError('an identifier cannot be empty or hold a NUL')
  if (!isStorableName(name)) throw new TypeError(`MySQL and MariaDB cannot keep the name "${name}"`)
  return `\`${name.replaceAll('`', '``')}\``
}

export function qualify(namespace: string, name: string): string {
  return `${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`
}

/**
 * A text literal. Sessions are utf8mb4 and never set NO_BACKSLASH_ESCAPES, so this is exact. It is also how the server itself writes
 * one, so that the body of a trigger reads back as it was sent.
 */
export function quoteText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- NUL and SUB are what has to be escaped
  return `'${text.replace(/[\0\n\r\x1a'\\]/g, (char) => ESCAPES[char]!)}'`
}

/** A value as a literal. Values are written into the statement: a prepared one turns big lists and JSON texts into other types. */
export function quoteValue(value: SqlValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number') return numberText(value)
  if (typeof value === 'string') return quoteText(value)
  return value.length === 0 ? "''" : `X'${value.toString('hex')}'`
}

export function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('MySQL and MariaDB have no infinite numbers')
  return Object.is(value, -0) ? '0' : String(value)
}

/** The statement with its values written in. */
export function inlineValues(query: Sql): string {
  return query.render((index) => quoteValue(query.values[index - 1]!)).text
}

/** `name`, or where it is too long for the server its start and a hash, so that two long names stay two. */
export function boundedName(name: string): string {
  if (name.length <= MAX_IDENTIFIER_LENGTH) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 10)
  return `${name.slice(0, MAX_IDENTIFIER_LENGTH - hash.length - 1)}_${hash}`
}
