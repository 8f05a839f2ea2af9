/** Words for hand-written SQL that reads the same or nearly the same on every engine. */
import type { EngineSql, Invariant } from 'crossfade'

/** Statements that all engines read alike. */
export const same = (text: string): { postgres: string; mysql: string } => ({ postgres: text, mysql: text })

/** One text with a place where the engines differ. */
export const differing = (
  parts: { readonly postgres: string; readonly mysql: string },
  text: (part: string) => string,
): { postgres: string; mysql: string } => ({
  postgres: text(parts.postgres),
  mysql: text(parts.mysql),
})

/** The same question on both sides. */
export function alike(name: string, question: string | EngineSql): Invariant {
  const asked = typeof question === 'string' ? same(question) : question
  return { name, blue: asked, green: asked }
}

/** `select` for each value of a text, in one order everywhere, whatever its collation takes for equal. MySQL 9 has no MD5(). */
export const perText = (column: string, select: { readonly postgres: string; readonly mysql: string }): EngineSql => ({
  postgres: `${select.postgres} GROUP BY MD5(${column}) ORDER BY MD5(${column})`,
  mysql: `${select.mysql} GROUP BY HEX(${column}) ORDER BY HEX(${column})`,
})

/**
 * The elements of a JSON array column as the relation `j`, to stand after FROM: rows without an array have none.
 * @param fields SQL types by member; `bigint`, `int`, `decimal(p,s)` and `varchar(n)` are the same word everywhere.
 */
export function elements(
  alias: string,
  column: string,
  fields: Readonly<Record<string, string>>,
): { postgres: string; mysql: string } {
  const names = Object.entries(fields)
  const array = `CASE WHEN jsonb_typeof(${alias}."${column}") = 'array' THEN ${alias}."${column}" ELSE '[]' END`
  return {
    postgres: `CROSS JOIN LATERAL jsonb_to_recordset(${array}) AS j(${names.map(([name, type]) => `"${name}" ${type}`).join(', ')})`,
    mysql: `CROSS JOIN JSON_TABLE(${alias}.\`${column}\`, '$[*]' COLUMNS (${names
      .map(([name, type]) => `\`${name}\` ${type} PATH '$.${name}'`)
      .join(', ')})) AS j`,
  }
}

/** A member of a JSON object column as text; NULL where it is missing or JSON null. */
export const textMember = (column: string, name: string): { postgres: string; mysql: string } => ({
  postgres: `(${column} ->> '${name}')`,
  mysql: `NULLIF(JSON_UNQUOTE(JSON_EXTRACT(${column}, '$.${name}')), 'null')`,
})

/** The month of a moment, in UTC: Crossfade's sessions run in it. */
export const month = (column: string): { postgres: string; mysql: string } => ({
  postgres: `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM')`,
  mysql: `DATE_FORMAT(${column}, '%Y-%m')`,
})

/** The key that a text names, NULL where it is no key written as such: what the plan's exact cast does. */
export const keyIn = (column: string): { postgres: string; mysql: string } => ({
  postgres: `CASE WHEN ${column} ~ '^(0|[1-9][0-9]{0,17})$' THEN CAST(${column} AS bigint) END`,
  mysql: `CASE WHEN ${column} REGEXP '^(0|[1-9][0-9]{0,17})$' THEN CAST(${column} AS UNSIGNED) END`,
})
