import { raw, sql, type Sql } from '../sql.js'

const SIMPLE = /^\s*(?:"(?:[^"]|"")*"|[a-z_]\w*)(?:\."(?:[^"]|"")*")?\s*$/

/** `body` may name its input several times: anything but a plain column is computed once, in a subselect. */
export function once(input: Sql, body: (value: Sql) => Sql): Sql {
  if (input.values.length === 0 && SIMPLE.test(input.texts[0] ?? '')) return body(input)
  return sql`(SELECT ${body(raw('once.x'))} FROM (SELECT ${input} AS x) AS once)`
}
