/** JSON values: members written and read by type, as `engine.ts` and the plan language say. */
import { parseType, type ColumnType, type TypeKind } from '../../plan/schema.js'
import { join, raw, sql, type Sql } from '../sql.js'
import { arrayFromJson, arrayToJson } from './array-json.js'
import { exactCast, type MetaFunctions } from './exact-cast.js'
import { quoteIdentifier, quoteLiteral } from './literals.js'
import { once } from './once.js'
import { castTo, textOf, valueType } from './types.js'

/** jsonb_build_object takes at most 100 arguments. */
const MEMBERS_PER_CALL = 50

const READ_BY_SERVER: readonly TypeKind[] = [
  'uuid',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
  'interval',
  'timetz',
  'bit',
  'varbit',
]

export interface JsonMember {
  readonly name: string
  readonly value: Sql
  readonly type: ColumnType
}

export function jsonObject(members: readonly JsonMember[]): Sql {
  if (members.length === 0) return raw(`CAST('{}' AS jsonb)`)
  const calls: Sql[] = []
  for (let start = 0; start < members.length; start += MEMBERS_PER_CALL) {
    const pairs = members
      .slice(start, start + MEMBERS_PER_CALL)
      .map(({ name, value, type }) => sql`${raw(quoteLiteral(name))}, ${jsonMember(value, type)}`)
    calls.push(sql`jsonb_build_object(${join(pairs)})`)
  }
  return calls.length === 1 ? calls[0]! : sql`(${join(calls, ' || ')})`
}

function jsonMember(value: Sql, type: ColumnType): Sql {
  switch (parseType(type).kind) {
    case 'bigint':
    case 'int':
    case 'smallint':
    case 'decimal':
    case 'double':
    case 'boolean':
      return sql`to_jsonb(${castTo(value, type)})`
    case 'real':
      return sql`to_jsonb(${castTo(value, type)})`
    case 'json':
      return castTo(value, type)
    case 'array':
      return once(castTo(value, type), arrayToJson)
    default:
      return sql`to_jsonb(${textOf(castTo(value, type), type)})`
  }
}

/** See `Dialect.members`. A big value is unpacked for each function that gets it, so the members are taken from a small copy. */
export function jsonMembers(json: Sql, paths: readonly (readonly string[])[], alias: string): Sql {
  const list = paths.map((path, index) => sql`j #> ${placeOf(path)} AS ${raw(`m${index}`)}`)
  const copy = sql`SELECT CASE WHEN jsonb_typeof(v) = 'object' THEN v || CAST('{}' AS jsonb) ELSE v END AS j FROM (SELECT CAST(${json} AS jsonb) AS v) AS packed OFFSET 0`
  return sql` CROSS JOIN LATERAL (SELECT ${join(list)} FROM (${copy}) AS unpacked OFFSET 0) AS ${raw(quoteIdentifier(alias))}`
}

function placeOf(path: readonly string[]): Sql {
  if (path.length === 0) return raw(`CAST('{}' AS text[])`)
  return sql`ARRAY[${join(path.map((key) => raw(quoteLiteral(key))))}]`
}

/** NULL where the member is missing, JSON null, or no exact value of the type. */
export function jsonGet(input: Sql, path: readonly string[], type: ColumnType, meta: MetaFunctions): Sql {
  const place = placeOf(path)
  const { kind } = parseType(type)
  if (kind === 'json') return sql`NULLIF(CAST(${input} AS jsonb) #> ${place}, CAST('null' AS jsonb))`
  if (kind === 'array')
    return once(sql`CAST(${input} AS jsonb) #> ${place}`, (member) => arrayFromJson(member, type, meta))
  const text = sql`(CAST(${input} AS jsonb) #>> ${place})`
  // Whatever the application wrote, as long as it is such a value.
  if (READ_BY_SERVER.includes(kind)) return once(text, (value) => meta.tryValue(value, type))
  if (kind === 'text') return text
  if (kind !== 'blob') return exactCast(text, 'text', type, meta)
  return once(text, (hex) => sql`CASE WHEN ${hex} ~ '^([0-9A-Fa-f]{2})*$' THEN decode(${hex}, 'hex') END`)
}

/**
 * An object or array is embedded only where its text comes back letter by letter; everything else becomes a string. So
 * `#>> '{}'` of the result is the input, always.
 */
export function jsonFromText(input: Sql, meta: MetaFunctions): Sql {
  return once(sql`CAST(${input} AS text)`, (text) => {
    const parsed = sql`CASE WHEN ${text} ~ '^[[{]' THEN ${meta.tryJsonb(text)} END`
    const exact = sql`SELECT CASE WHEN CAST(parsed.j AS text) = ${text} THEN parsed.j END FROM (SELECT ${parsed} AS j) AS parsed`
    return sql`COALESCE((${exact}), to_jsonb(${text}))`
  })
}

/** See `Dialect.unnest`. What is not of the shape has no elements. */
export function unnestJson(json: Sql, shape: 'array' | 'object' | 'map', alias: string): Sql {
  const name = raw(quoteIdentifier(alias))
  const value = sql`CAST(${json} AS jsonb)`
  if (shape === 'object') {
    const row = sql`SELECT j AS value, CAST(0 AS bigint) AS ordinal, CAST(NULL AS text) AS name FROM (SELECT ${value} AS j) AS o`
    return sql`LATERAL (${row} WHERE jsonb_typeof(j) = 'object') AS ${name}`
  }
  const ofShape = (wanted: string, empty: string) =>
    sql`(SELECT CASE WHEN jsonb_typeof(j) = ${raw(quoteLiteral(wanted))} THEN j ELSE ${raw(`CAST('${empty}' AS jsonb)`)} END FROM (SELECT ${value} AS j) AS o)`
  if (shape === 'array') {
    const elements = sql`jsonb_array_elements(${ofShape('array', '[]')}) WITH ORDINALITY AS a(value, number)`
    return sql`LATERAL (SELECT value, number - 1 AS ordinal, CAST(NULL AS text) AS name FROM ${elements}) AS ${name}`
  }
  const entries = sql`jsonb_each(${ofShape('object', '{}')}) WITH ORDINALITY AS a(name, value, number)`
  return sql`LATERAL (SELECT value, number - 1 AS ordinal, name FROM ${entries}) AS ${name}`
}

/** NULL of a type: an untyped NULL would be text. */
export function nullOf(type: ColumnType): Sql {
  return raw(`CAST(NULL AS ${valueType(type)})`)
}
