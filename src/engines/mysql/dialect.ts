/** {@link Dialect} of MySQL 8.0 and MariaDB 10.6 and newer. */
import type { ColumnPlace, Dialect } from '../engine.js'
import { join, raw, sql, type Sql } from '../sql.js'
import { renderExpression } from './expression.js'
import { BYTE_ORDER, isInByteOrder, type Collations } from './byte-order.js'
import { joinedItems, jsonMembers } from './json-syntax.js'
import { mariadbJson } from './json-mariadb.js'
import { mysqlJson } from './json-mysql.js'
import type { JsonSyntax } from './json-syntax.js'
import { qualify, quoteIdentifier } from './quote.js'
import { canonical, castName, castTo, exactText, familyOf, isTextType } from './types.js'

/** @param collations of the text columns of the side. Default: those of tables that Crossfade makes. */
export function mysqlDialect(engine: 'mysql' | 'mariadb', collations: Collations = () => undefined): Dialect {
  const json = engine === 'mariadb' ? mariadbJson : mysqlJson
  const syntax = { engine, json }
  return {
    engine,
    quote: quoteIdentifier,
    qualify,
    expression: (expr, context) => renderExpression(expr, context, syntax),
    castTo: (value, type) => (familyOf(type) === 'json' ? json.parse(value) : castTo(value, type)),
    canonical,
    rowHash,
    // SUM of an unsigned number is a DECIMAL, exact for as many rows as a table can have.
    sumHash: (hash) => sql`CAST(COALESCE(SUM(CAST(${hash} AS DECIMAL(65,0))), 0) AS CHAR)`,
    after: (columns, values) => compareRows(columns, values, '>', '>'),
    upTo: (columns, values) => compareRows(columns, values, '<', '<='),
    within,
    // In byte order on both sides, or a chunk would not hold the same rows on either; only the column alone has an index.
    orderBy: (column, type, places = []) => {
      if (type.startsWith('enum')) return sql`CAST(${column} AS CHAR)`
      // A UUID is not in the order of its text, and in another one in each version.
      if (familyOf(type) === 'native') return exactText(sql`CAST(${column} AS CHAR)`, engine)
      const isOther = places.some((place) => !isInByteOrder(collations(place.table, place.column)))
      return isOther && isTextType(type) ? exactText(column, engine) : column
    },
    unnest: json.unnest,
    members: jsonMembers,
    evaluatedOnce: (select) => select,
    jsonArrayAggregate: (value, orderBy) => json.parse(joinedItems(json.text(value), orderBy, '[]')),
    values: (columns, rows) => boundRows(columns, rows, { parse: json.parse, collations, engine }),
  }
}

/**
 * The first 60 bits of SHA-256 over the canonical texts, as the `portable` hash of PostgreSQL: the length in front of each
 * value, so that ('a','bc') and ('ab','c') differ; a lone `-` is NULL.
 */
function rowHash(columns: readonly Sql[]): Sql {
  if (columns.length === 0) return hashOf(raw(`''`))
  const joined = (textOf: (column: Sql) => Sql) =>
    sql`CONCAT(${join(columns.map((column) => sql`COALESCE(CONCAT(LENGTH(${column}), ':', ${textOf(column)}), '-')`))})`
  // CONCAT of more than max_allowed_packet is NULL, which no sum would see: then the hashes of the values are joined.
  return hashOf(
    joined((column) => column),
    joined((column) => sql`SHA2(${column}, 256)`),
  )
}

function hashOf(...texts: readonly Sql[]): Sql {
  const hashes = texts.map((text) => sql`SHA2(${text}, 256)`)
  return sql`CAST(CONV(LEFT(COALESCE(${join(hashes)}), 15), 16, 10) AS UNSIGNED)`
}

/** Spelled out: neither engine uses an index for `(a, b) > (x, y)`. The first column stands alone in front for the range. */
function compareRows(columns: readonly Sql[], values: readonly Sql[], strict: string, last: string): Sql {
  const [column, ...otherColumns] = columns
  const [value, ...otherValues] = values
  if (otherColumns.length === 0) return sql`${column!} ${raw(last)} ${value!}`
  const rest = compareRows(otherColumns, otherValues, strict, last)
  return sql`(${column!} ${raw(`${strict}=`)} ${value!} AND (${column!} ${raw(strict)} ${value!} OR ${rest}))`
}

/** MariaDB uses no index for tuples in IN, but for the same spelled out. */
function within(columns: readonly Sql[], tuples: readonly (readonly Sql[])[]): Sql {
  if (columns.length === 1) return sql`${columns[0]!} IN (${join(tuples.map((tuple) => tuple[0]!))})`
  const same = (tuple: readonly Sql[]) =>
    join(
      columns.map((column, index) => sql`${column} = ${tuple[index]!}`),
      ' AND ',
    )
  return sql`(${join(
    tuples.map((tuple) => sql`(${same(tuple)})`),
    ' OR ',
  )})`
}

interface ValueContext {
  readonly parse: JsonSyntax['parse']
  readonly collations: Collations
  readonly engine: 'mysql' | 'mariadb'
}

function boundRows(
  columns: Parameters<Dialect['values']>[0],
  rows: Parameters<Dialect['values']>[1],
  context: ValueContext,
): Sql {
  const row = (values: readonly Parameters<Dialect['values']>[1][number][number][]) =>
    join(
      columns.map(
        ({ name, type, place }, index) =>
          sql`${boundValue(values[index] ?? null, type, place, context)} AS ${raw(quoteIdentifier(name))}`,
      ),
    )
  if (rows.length === 0) return sql`SELECT ${row([])} FROM DUAL WHERE FALSE`
  return join(
    rows.map((values) => sql`SELECT ${row(values)}`),
    ' UNION ALL ',
  )
}

/**
 * CAST in every row: the type of a column of a UNION comes from all of its parts. Text has the collation of the column that it is a value
 * of, as what that column joins has: two of them in byte order, but not the same, cannot be compared.
 */
function boundValue(
  value: Parameters<Dialect['values']>[1][number][number],
  type: Parameters<Dialect['castTo']>[1],
  place: ColumnPlace | undefined,
  { parse, collations, engine }: ValueContext,
): Sql {
  if (type === 'json') return parse(sql`CAST(${value} AS CHAR)`)
  const exact = castTo(sql`${value}`, type)
  if (isTextType(type)) {
    const own = place && collations(place.table, place.column)
    const collation = own === undefined ? BYTE_ORDER[engine] : own.startsWith('utf8mb4_') ? own : undefined
    return sql`CAST(${exact} AS CHAR)${raw(collation === undefined ? '' : ` COLLATE ${collation}`)}`
  }
  return familyOf(type) === 'double' && value !== null ? exact : sql`CAST(${exact} AS ${raw(castName(type))})`
}
