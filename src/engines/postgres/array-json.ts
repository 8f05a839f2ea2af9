/** Arrays in JSON. */
import type { ColumnType } from '../../plan/schema.js'
import { sql, type Sql } from '../sql.js'
import type { MetaFunctions } from './exact-cast.js'

/** A JSON array; the text of the server for one that JSON has not: of several dimensions, or counted from another number than 1. */
export function arrayToJson(array: Sql): Sql {
  const isPlain = sql`coalesce(array_ndims(${array}), 1) = 1 AND coalesce(array_lower(${array}, 1), 1) = 1`
  return sql`CASE WHEN ${array} IS NULL THEN NULL WHEN ${isPlain} THEN to_jsonb(${array}) ELSE to_jsonb(CAST(${array} AS text)) END`
}

/** NULL where it is no array of the type. */
export function arrayFromJson(json: Sql, type: ColumnType, meta: MetaFunctions): Sql {
  const elements = sql`SELECT CAST(array_agg(a.element ORDER BY a.n) AS text) FROM jsonb_array_elements_text(${json}) WITH ORDINALITY AS a(element, n)`
  const listed = meta.tryValue(sql`COALESCE((${elements}), '{}')`, type)
  return sql`CASE jsonb_typeof(${json}) WHEN 'array' THEN ${listed} WHEN 'string' THEN ${meta.tryValue(sql`(${json} #>> '{}')`, type)} END`
}
