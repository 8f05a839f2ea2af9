/** Rows as text lines that COPY of PostgreSQL and LOAD DATA of MySQL and MariaDB read alike: tabs, `\N` for NULL, `\` escapes. */
import type { Cell } from '../generator/recipe.js'

/** Large enough to keep calls rare, small enough to keep memory flat. */
const CHUNK_CHARACTERS = 128 * 1024

/** Pieces of text, each of whole lines. */
export function* toLines(rows: Iterable<readonly Cell[]>): Generator<Buffer> {
  let text = ''
  for (const row of rows) {
    for (let index = 0; index < row.length; index += 1)
      text += index === 0 ? escape(row[index]!) : `\t${escape(row[index]!)}`
    text += '\n'
    if (text.length >= CHUNK_CHARACTERS) {
      yield Buffer.from(text)
      text = ''
    }
  }
  if (text !== '') yield Buffer.from(text)
}

const SPECIAL = /[\\\t\n\r]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escape(cell: Cell): string {
  switch (typeof cell) {
    case 'string':
      return SPECIAL.test(cell) ? cell.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character]!) : cell
    case 'number':
      return String(cell)
    case 'boolean':
      return cell ? '1' : '0'
    default:
      return '\\N'
  }
}
