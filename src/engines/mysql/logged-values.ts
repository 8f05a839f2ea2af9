/** SQL of the values that capture triggers log: a JSON array of texts and nulls, the same texts that a session reads. */
import { quoteIdentifier } from './quote.js'

export interface LoggedColumn {
  readonly name: string
  /** `data_type` of the information schema. */
  readonly dataType: string
}

const INTEGERS: ReadonlySet<string> = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint'])

/** `source` is `OLD`, `NEW` or an alias. `replaced` gives the new text of columns that a cascade will set. */
export function loggedValues(
  columns: readonly LoggedColumn[],
  source: string,
  replaced: ReadonlyMap<string, string> = new Map(),
): string {
  const values = columns.map((column) => {
    const value = replaced.get(column.name) ?? `${source}.${quoteIdentifier(column.name)}`
    if (value === 'NULL') return `'null'`
    // A trigger runs for every row: whole numbers need no escapes.
    const quoted = INTEGERS.has(column.dataType)
      ? `CONCAT('"', ${value}, '"')`
      : `JSON_QUOTE(${loggedText(value, column.dataType)})`
    return `COALESCE(${quoted}, 'null')`
  })
  return `CONCAT('[', ${values.join(`, ',', `)}, ']')`
}

/** True where an update keeps all of the columns, byte by byte: cheaper than to build both texts and compare those. */
export function isSame(columns: readonly LoggedColumn[]): string {
  const same = columns.map(({ name, dataType }) => {
    const [before, after] = ['OLD', 'NEW'].map((source) => `${source}.${quoteIdentifier(name)}`) as [string, string]
    // The hour that comes twice has one local text for two moments.
    return dataType === 'timestamp'
      ? `${loggedText(before, dataType)} <=> ${loggedText(after, dataType)}`
      : INTEGERS.has(dataType) || dataType === 'float'
        ? `${before} <=> ${after}`
        : `BINARY ${before} <=> BINARY ${after}`
  })
  return same.join(' AND ')
}

function loggedText(value: string, dataType: string): string {
  switch (dataType) {
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'enum':
    case 'set':
      return `CONVERT(${value} USING utf8mb4)`
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return `LOWER(HEX(${value}))`
    case 'bit':
      return `CAST(${value} + 0 AS CHAR)`
    case 'float':
      return `CAST(${value} + 0e0 AS CHAR)`
    case 'timestamp':
      // In UTC, whatever the time zone of the application's session, and exact in the hour that comes twice.
      return `CAST(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL UNIX_TIMESTAMP(${value}) SECOND AS CHAR)`
    default:
      return `CAST(${value} AS CHAR)`
  }
}
