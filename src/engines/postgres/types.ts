/** Column types on PostgreSQL: their names, their text, their canonical text. */
import { parseType, type ColumnType, type TypeKind } from '../../plan/schema.js'
import { raw, sql, type Sql } from '../sql.js'
import { quoteIdentifier } from './literals.js'

/** Precision is never cut: what a column of the other side holds to the microsecond arrives so. */
const NAMES: Readonly<Record<Exclude<TypeKind, 'char' | 'varchar' | 'decimal' | 'array' | MissingKind>, string>> = {
  bigint: 'bigint',
  int: 'integer',
  smallint: 'smallint',
  double: 'double precision',
  real: 'real',
  boolean: 'boolean',
  text: 'text',
  enum: 'text',
  json: 'jsonb',
  date: 'date',
  time: 'time',
  timestamp: 'timestamptz',
  datetime: 'timestamp',
  blob: 'bytea',
  timetz: 'timetz',
  interval: 'interval',
  uuid: 'uuid',
  inet: 'inet',
  cidr: 'cidr',
  macaddr: 'macaddr',
  macaddr8: 'macaddr8',
  bit: 'bit varying',
  varbit: 'bit varying',
}

type MissingKind = (typeof MISSING)[number]
const MISSING = ['year', 'set', 'inet4', 'inet6'] as const

/** Why the server has no such type; undefined where it has. */
export function missingType(type: ColumnType): string | undefined {
  const { kind } = parseType(type)
  const instead = { year: 'smallint', set: 'text[]', inet4: 'inet', inet6: 'inet' }
  return isMissing(kind) ? `PostgreSQL has no type ${kind}: use ${instead[kind]}` : undefined
}

const isMissing = (kind: TypeKind): kind is MissingKind => (MISSING as readonly TypeKind[]).includes(kind)

/** The type of a column in DDL. */
export function ddlType(type: ColumnType): string {
  const parsed = parseType(type)
  // char(n) pads with blanks and ignores them when it compares; no other engine does both.
  if (parsed.kind === 'char' || parsed.kind === 'varchar') return `varchar(${parsed.length})`
  if (parsed.kind === 'decimal') return `numeric(${parsed.precision},${parsed.scale})`
  if (parsed.kind === 'bit') return `bit(${parsed.length})`
  if (parsed.kind === 'varbit' && parsed.length !== undefined) return `bit varying(${parsed.length})`
  if (parsed.kind === 'array') return `${ddlType(parsed.element!)}[]`
  return valueType(type)
}

/**
 * The type of a value without its size. A cast to `varchar(3)` or `numeric(5,2)` cuts or rounds without an error, so casts
 * use this; the column that takes the value checks its size.
 */
export function valueType(type: ColumnType): string {
  const { kind, isUnsigned, element } = parseType(type)
  if (kind === 'char' || kind === 'varchar') return 'text'
  if (kind === 'array') return `${valueType(element!)}[]`
  if (isMissing(kind)) throw new TypeError(missingType(type))
  if (kind === 'decimal') return 'numeric'
  // There are no unsigned integers: the next wider type holds them, up to the range of bigint.
  if (kind === 'int' && isUnsigned) return 'bigint'
  return NAMES[kind]
}

export function isTextType(type: ColumnType | undefined): boolean {
  return type !== undefined && ['char', 'varchar', 'text', 'enum'].includes(parseType(type).kind)
}

export function isNumberType(type: ColumnType | undefined): boolean {
  return type !== undefined && ['bigint', 'int', 'smallint', 'decimal', 'double', 'real'].includes(parseType(type).kind)
}

/** An enum that is a type of its own. Its values are read as text, and become its own only in the column they are written to. */
export function isNativeEnum(type: ColumnType | undefined): boolean {
  return type?.startsWith('enum ') ?? false
}

/** The type that a value is written as: a column of an enum's own type takes no text. */
export function writtenType(type: ColumnType): string {
  const { name } = parseType(type)
  return name === undefined ? valueType(type) : quoteIdentifier(name)
}

export function castTo(value: Sql, type: ColumnType): Sql {
  return sql`CAST(${value} AS ${raw(valueType(type))})`
}

/** A value as text for people and JSON: what MySQL and MariaDB write for it too. */
export function textOf(value: Sql, type: ColumnType | undefined): Sql {
  if (type === undefined) return sql`CAST(${value} AS text)`
  const { kind, scale } = parseType(type)
  switch (kind) {
    case 'boolean':
      return sql`CAST(CAST(${value} AS integer) AS text)`
    case 'timestamp':
      return timeText(sql`(${value} AT TIME ZONE 'UTC')`, scale)
    case 'datetime':
      return timeText(value, scale)
    case 'blob':
      return sql`encode(${value}, 'hex')`
    case 'inet':
    case 'cidr':
      // A cast would add the length of the mask to every address.
      return sql`(to_jsonb(${value}) #>> '{}')`
    default:
      return sql`CAST(${value} AS text)`
  }
}

/** Six digits where the type has them; else as many as there are, so that a finer column loses nothing. */
function timeText(value: Sql, scale: number | undefined): Sql {
  return scale === 6 ? microseconds(value) : sql`CAST(${value} AS text)`
}

/** See `Dialect.canonical`. */
export function canonical(column: Sql, type: ColumnType): Sql {
  const { kind } = parseType(type)
  switch (kind) {
    case 'boolean':
      return sql`CAST(CAST(${column} AS integer) AS text)`
    case 'decimal':
      // Never rounded: a column without a scale may hold more digits than the plan says.
      return sql`CAST(trim_scale(CAST(${column} AS numeric)) AS text)`
    case 'double':
      // Adding 0 makes -0 and 0 one value, as they compare.
      return sql`encode(float8send(${column} + 0), 'hex')`
    case 'real':
      return sql`encode(float4send(CAST(${column} + 0 AS real)), 'hex')`
    case 'timestamp':
      return microseconds(sql`(${column} AT TIME ZONE 'UTC')`)
    case 'datetime':
      return microseconds(column)
    case 'time':
      return sql`to_char(CAST(${column} AS interval), 'HH24:MI:SS.US')`
    case 'blob':
      return sql`encode(${column}, 'hex')`
    default:
      return sql`CAST(${column} AS text)`
  }
}

/** Six digits whatever the session's DateStyle is. */
export function microseconds(value: Sql): Sql {
  return wholeCalendar(value, 'YYYY-MM-DD HH24:MI:SS.US')
}

/** to_char has no text for the infinities, and writes a year before year 1 as if it came after it. */
export function wholeCalendar(value: Sql, format: string): Sql {
  const written = (text: string) => sql`to_char(${value}, ${raw(`'${text}'`)})`
  return sql`CASE WHEN NOT isfinite(${value}) THEN CAST(${value} AS text) WHEN ${value} < '0001-01-01' THEN ${written(`${format} BC`)} ELSE ${written(format)} END`
}
