/** JSON on MariaDB: LONGTEXT, built and embedded as text so that it stays as it was written. */
import { join, raw, sql, type Sql } from '../sql.js'
import { joinedItems, jsonText, pathLiteral, type JsonSyntax } from './json-syntax.js'
import { quoteIdentifier, quoteText } from './quote.js'

const asIs = (json: Sql): Sql => json

export const mariadbJson: JsonSyntax = {
  parse: asIs,
  text: asIs,
  member: (value, type) => jsonText(value, type, asIs),
  object(members) {
    if (members.length === 0) return raw(`'{}'`)
    const parts = members.map(({ name, value, type }, index) => {
      const start = `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`
      return sql`${raw(quoteText(start))}, ${jsonText(value, type, asIs)}`
    })
    return sql`CONCAT(${join(parts)}, '}')`
  },
  extract(json, path) {
    const place = pathLiteral(path)
    // JSON_QUERY gives objects and arrays as they were written, JSON_EXTRACT with other white space; it alone gives scalars.
    return sql`COALESCE(JSON_QUERY(${json}, ${place}), NULLIF(JSON_EXTRACT(${json}, ${place}), 'null'))`
  },
  found: (member) => sql`NULLIF(${member}, 'null')`,
  unquote: (json) => sql`JSON_UNQUOTE(NULLIF(${json}, 'null'))`,
  keepsText: () => raw('TRUE'),
  unnest(json, shape, alias) {
    const columns = `ordinal BIGINT PATH '$.ordinal', value JSON PATH '$.value', name LONGTEXT PATH '$.name'`
    return sql`JSON_TABLE(${numbered(json, shape)}, '$[*]' COLUMNS (${raw(columns)})) AS ${raw(quoteIdentifier(alias))}`
  },
}

/**
 * The elements as an array of `{"ordinal": .., "name": .., "value": ..}`. There is no LATERAL, and JSON_TABLE alone counts
 * from 1 and does not know the names of members.
 */
function numbered(json: Sql, shape: 'array' | 'object' | 'map'): Sql {
  const item = (ordinal: string, name: string, value: Sql) =>
    sql`CONCAT('{"ordinal":', ${raw(ordinal)}, ',"name":', ${raw(name)}, ',"value":', ${value}, '}')`
  if (shape === 'object') {
    return sql`CASE JSON_TYPE(${json}) WHEN 'OBJECT' THEN CONCAT('[', ${item('0', `'null'`, json)}, ']') END`
  }
  if (shape === 'array') {
    const elements = sql`JSON_TABLE(${json}, '$[*]' COLUMNS (o FOR ORDINALITY, v JSON PATH '$')) AS k`
    return sql`(SELECT ${joinedItems(item('k.o - 1', `'null'`, raw('k.v')), [raw('k.o')], '[]')} FROM ${elements})`
  }
  const names = sql`JSON_TABLE(JSON_KEYS(${json}), '$[*]' COLUMNS (o FOR ORDINALITY, n LONGTEXT PATH '$')) AS k`
  const values = sql`JSON_TABLE(${json}, '$.*' COLUMNS (o FOR ORDINALITY, v JSON PATH '$')) AS v`
  const items = joinedItems(item('k.o - 1', 'JSON_QUOTE(k.n)', raw('v.v')), [raw('k.o')], '[]')
  return sql`(SELECT ${items} FROM ${names} JOIN ${values} ON v.o = k.o)`
}
