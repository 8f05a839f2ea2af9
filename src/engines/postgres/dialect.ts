/** {@link Dialect} of PostgreSQL 14 to 18. */
import type { Dialect } from '../engine.js'
import { join, raw, sql, type Sql, type SqlValue } from '../sql.js'
import type { MetaFunctions } from './exact-cast.js'
import { inByteOrder, renderExpression } from './expression.js'
import { jsonMembers, unnestJson } from './json.js'
import { arrayLiteral, qualify, quoteIdentifier } from './literals.js'
import { canonical, castTo, valueType } from './types.js'

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
  const arrays = columns.map(({ type }, index) => columnArray(rows, index, valueType(type)))
  return sql`SELECT * FROM unnest(${join(arrays)}) AS bound(${raw(names)})`
}

/** The values of one column of bound rows as an array of `type`. */
export function columnArray(rows: readonly (readonly SqlValue[])[], index: number, type: string): Sql {
  return sql`CAST(${arrayLiteral(rows.map((row) => row[index]!))} AS ${raw(type)}[])`
}
