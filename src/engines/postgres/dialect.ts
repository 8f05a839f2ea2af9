/** {@link Dialect} of PostgreSQL 14 to 18. */
import { parseType, type ColumnType } from '../../plan/schema.js'
import type { Dialect } from '../engine.js'
import { join, raw, sql, type Sql, type SqlValue } from '../sql.js'
import type { MetaFunctions } from './exact-cast.js'
import { inByteOrder, renderExpression } from './expression.js'
import { jsonMembers, nullOf, unnestJson } from './json.js'
import { arrayLiteral, qualify, quoteIdentifier, quoteLiteral } from './literals.js'
import { canonical, castTo, ddlType, valueType } from './types.js'

export interface PostgresDialectOptions {
  /** Holds the helper functions that servers before 16 need. Default `crossfade`. */
  readonly metaNamespace?: string
  /** Of the server. Default 14, whose SQL runs on all later ones. */
  readonly majorVersion?: number
  /**
   * `native`: the server's own hash, three times as fast. `portable`: the first 60 bits of SHA-256, which MySQL and MariaDB
   * can compute too. Default `native`.
   */
  readonly rowHash?: 'native' | 'portable'
}

export function postgresDialect(options: PostgresDialectOptions = {}): Dialect {
  const { metaNamespace = 'crossfade', majorVersion = 14, rowHash = 'native' } = options
  const meta = metaFunctions(metaNamespace, majorVersion)
  return {
    engine: 'postgres',
    quote: quoteIdentifier,
    qualify,
    expression: (expr, context) => renderExpression(expr, context, meta),
    castTo,
    canonical,
    rowHash: (columns) => (rowHash === 'native' ? nativeHash(columns) : portableHash(columns)),
    sumHash: (hash) => sql`CAST(COALESCE(SUM(${hash}), 0) AS text)`,
    after: (columns, values) => compareRows(columns, '>', values),
    upTo: (columns, values) => compareRows(columns, '<=', values),
    within,
    orderBy: inByteOrder,
    unnest: unnestJson,
    members: jsonMembers,
    // A subselect with OFFSET is not merged into the one around it.
    evaluatedOnce: (select) => sql`${select} OFFSET 0`,
    jsonArrayAggregate: (json, orderBy) => {
      const order = orderBy.length === 0 ? raw('') : sql` ORDER BY ${join(orderBy)}`
      return sql`COALESCE(jsonb_agg(${json}${order}), CAST('[]' AS jsonb))`
    },
    values: boundRows,
  }
}

function metaFunctions(metaNamespace: string, majorVersion: number): MetaFunctions {
  const call = (name: string, input: Sql) => sql`${raw(qualify(metaNamespace, name))}(${input})`
  return {
    tryValue: (text, type) => {
      const { kind, length } = parseType(type)
      const cast = castTo(text, type)
      if (kind === 'bit' || kind === 'varbit') {
        // A cast cuts what is too long.
        const sign = raw(kind === 'bit' ? '=' : '<=')
        const size = length === undefined ? raw('') : sql` AND length(${text}) ${sign} ${raw(String(length))}`
        return sql`CASE WHEN ${text} ~ '^[01]*$'${size} THEN ${cast} END`
      }
      return majorVersion >= 16
        ? sql`CASE WHEN pg_input_is_valid(${text}, ${raw(quoteLiteral(ddlType(type)))}) THEN ${cast} END`
        : sql`${raw(qualify(metaNamespace, 'try_value'))}(${text}, ${nullOf(type)})`
    },
    tryText: (bytes) => call('try_text', bytes),
    tryJsonb: (text) =>
      majorVersion >= 16
        ? sql`CASE WHEN pg_input_is_valid(${text}, 'jsonb') THEN CAST(${text} AS jsonb) END`
        : call('try_jsonb', text),
  }
}

/** Length in front of each value, so that ('a','bc') and ('ab','c') differ; a lone `-` is NULL. */
function joined(columns: readonly Sql[]): Sql {
  if (columns.length === 0) return raw(`''`)
  const parts = columns.map((column) => sql`COALESCE(octet_length(${column}) || ':' || ${column}, '-')`)
  return sql`(${join(parts, ' || ')})`
}

/** 63 bits: without the sign the value is the same as an unsigned number, and SUM stays exact (it is numeric). */
function nativeHash(columns: readonly Sql[]): Sql {
  return sql`(hashtextextended(${joined(columns)} COLLATE "C", 0) & 9223372036854775807)`
}

function portableHash(columns: readonly Sql[]): Sql {
  const digits = sql`left(encode(sha256(convert_to(${joined(columns)}, 'UTF8')), 'hex'), 15)`
  return sql`CAST(CAST('x0' || ${digits} AS bit(64)) AS bigint)`
}

function compareRows(columns: readonly Sql[], operator: string, values: readonly Sql[]): Sql {
  return columns.length === 1
    ? sql`${columns[0]!} ${raw(operator)} ${values[0]!}`
    : sql`(${join(columns)}) ${raw(operator)} (${join(values)})`
}

function within(columns: readonly Sql[], tuples: readonly (readonly Sql[])[]): Sql {
  if (columns.length === 1) return sql`${columns[0]!} IN (${join(tuples.map((tuple) => tuple[0]!))})`
  return sql`(${join(columns)}) IN (${join(tuples.map((tuple) => sql`(${join(tuple)})`))})`
}

/** One array per column: a statement takes 65535 bound values, rows are often more. */
const boundRows: Dialect['values'] = (columns, rows) => {
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  return sql`SELECT ${boundColumns(columns, valueType)} FROM ${boundArrays(columns, rows)} AS bound(${raw(names)})`
}

type BoundColumns = readonly { readonly name: string; readonly type: ColumnType }[]

/** The columns of {@link boundArrays}. `typeOf` gives those that are not of the type of their array. */
export function boundColumns(columns: BoundColumns, typeOf: (type: ColumnType) => string): Sql {
  return join(
    columns.map(({ name, type }) => {
      const column = `bound.${quoteIdentifier(name)}`
      return raw(elementType(type) === typeOf(type) ? column : `CAST(${column} AS ${typeOf(type)})`)
    }),
  )
}

/** One array for each column of bound rows. An array of arrays is one of more dimensions, so arrays are bound as texts. */
export function boundArrays(columns: BoundColumns, rows: readonly (readonly SqlValue[])[]): Sql {
  return sql`unnest(${join(
    columns.map(
      ({ type }, index) => sql`CAST(${arrayLiteral(rows.map((row) => row[index]!))} AS ${raw(elementType(type))}[])`,
    ),
  )})`
}

const elementType = (type: ColumnType): string => (type.endsWith('[]') ? 'text' : valueType(type))
