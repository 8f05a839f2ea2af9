/** JSON on MySQL: a type of its own, which sorts members and writes numbers in its own way. */
import { join, raw, sql, type Sql } from '../sql.js'
import type { ColumnType } from '../../plan/schema.js'
import { jsonText, pathLiteral, type JsonSyntax } from './json-syntax.js'
import { quoteIdentifier, quoteText } from './quote.js'
import { familyOf, textOf } from './types.js'

const asText = (json: Sql): Sql => sql`CAST(${json} AS CHAR)`
const parse = (text: Sql): Sql => sql`CAST(${text} AS JSON)`

export const mysqlJson: JsonSyntax = {
  parse,
  text: asText,
  member: (value, type) => parse(jsonText(value, type, asText)),
  object(members) {
    return sql`JSON_OBJECT(${join(members.map(({ name, value, type }) => sql`${raw(quoteText(name))}, ${typed(value, type)}`))})`
  },
  extract(json, path) {
    const found = sql`JSON_EXTRACT(${json}, ${pathLiteral(path)})`
    return sql`CASE WHEN JSON_TYPE(${found}) = 'NULL' THEN NULL ELSE ${found} END`
  },
  found: (member) => sql`CASE WHEN JSON_TYPE(${member}) = 'NULL' THEN NULL ELSE ${member} END`,
  unquote: (json) => sql`CASE WHEN JSON_TYPE(${json}) = 'NULL' THEN NULL ELSE JSON_UNQUOTE(${json}) END`,
  keepsText: (text) => sql`${asText(parse(text))} = ${text}`,
  unnest(json, shape, alias) {
    return sql`LATERAL (${elements(json, shape)}) AS ${raw(quoteIdentifier(alias))}`
  },
}

/** Numbers keep their type: a decimal written as text and parsed again would become a double. */
function typed(value: Sql, type: ColumnType): Sql {
  switch (familyOf(type)) {
    case 'integer':
    case 'decimal':
    case 'double':
    case 'json':
      return value
    case 'year':
      return sql`CAST(${value} AS UNSIGNED)`
    case 'boolean':
      return parse(jsonText(value, type, asText))
    case 'moment':
      return sql`JSON_UNQUOTE(${mysqlJson.member(value, type)})`
    default:
      return textOf(value, type)
  }
}

function elements(json: Sql, shape: 'array' | 'object' | 'map'): Sql {
  if (shape === 'object') {
    return sql`SELECT 0 AS ordinal, ${json} AS value, CAST(NULL AS CHAR) AS name FROM DUAL WHERE JSON_TYPE(${json}) = 'OBJECT'`
  }
  // A table of its own, as what it refers to is not found from inside of the arguments of JSON_TABLE.
  const source = sql`(SELECT ${json} AS j) AS s`
  // Merged into the query around it, its columns could not be arguments of another JSON_TABLE: a limit keeps it apart.
  const apart = raw('LIMIT 18446744073709551615')
  if (shape === 'array') {
    const rows = sql`JSON_TABLE(s.j, '$[*]' COLUMNS (o FOR ORDINALITY, v JSON PATH '$')) AS k`
    return sql`SELECT CAST(k.o AS SIGNED) - 1 AS ordinal, k.v AS value, CAST(NULL AS CHAR) AS name FROM ${source} CROSS JOIN ${rows} ${apart}`
  }
  const rows = sql`JSON_TABLE(JSON_KEYS(s.j), '$[*]' COLUMNS (o FOR ORDINALITY, n LONGTEXT PATH '$')) AS k`
  const value = sql`JSON_EXTRACT(s.j, CONCAT('$.', JSON_QUOTE(k.n)))`
  return sql`SELECT CAST(k.o AS SIGNED) - 1 AS ordinal, ${value} AS value, k.n AS name FROM ${source} CROSS JOIN ${rows} ${apart}`
}
