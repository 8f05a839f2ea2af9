/** Values of blue that a wider column of the server holds and the plan's type does not. */
import { parseType, type SchemaSpec } from '../../plan/schema.js'
import type { Finding } from '../engine.js'
import { raw, sql, type Sql } from '../sql.js'
import type { SideContext } from './context.js'
import { qualify, quoteIdentifier } from './literals.js'
import { finding } from './preflight.js'
import type { PostgresSession } from './session.js'

export async function checkValues(
  { side, location }: SideContext,
  session: PostgresSession,
  schema: SchemaSpec,
): Promise<Finding[]> {
  if (side !== 'blue') return []
  const rows = await session.query(sql`SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${location.namespace} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum`)
  const findings: Finding[] = []
  for (const [table, column, serverType] of rows.map((row) => row.map(String))) {
    const type = schema[table!]?.columns[column!]?.type
    const unfit = type === undefined ? undefined : unfitOf(raw(quoteIdentifier(column!)), parseType(type), serverType!)
    if (!unfit) continue
    const from = raw(qualify(location.namespace, table!))
    const [row] = await session.query(sql`SELECT count(*) FROM ${from} WHERE ${unfit.where}`)
    if (row![0] !== '0')
      findings.push(
        finding(
          'unfit-values',
          'blocking',
          `${String(row![0])} rows of ${table} hold ${unfit.what} in ${column}, which is ${serverType}`,
          unfit.hint(type!),
        ),
      )
  }
  return findings
}

interface Unfit {
  readonly where: Sql
  readonly what: string
  readonly hint: (type: string) => string
}

function unfitOf(column: Sql, planned: ReturnType<typeof parseType>, serverType: string): Unfit | undefined {
  if (planned.kind === 'json' && serverType === 'json')
    return {
      // An odd number of backslashes: an even one is text that only looks like it.
      where: sql`CAST(${column} AS text) ~ ${String.raw`(?<!\\)(\\\\)*\\u0000`}`,
      what: String.raw`the character \u0000`,
      hint: () => 'jsonb, which green has, cannot hold it. Take it out on blue.',
    }
  const [precision, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(serverType)?.slice(1).map(Number) ?? []
  const isFiner = (scale ?? 0) > (planned.scale ?? 0)
  const isGreater = (precision ?? 0) - (scale ?? 0) > (planned.precision ?? 0) - (planned.scale ?? 0)
  const mayBeFiner = serverType === 'numeric' || isFiner || isGreater
  if (planned.kind !== 'decimal' || !mayBeFiner) return undefined
  const limit = raw(`1${'0'.repeat(planned.precision! - planned.scale!)}`)
  const rounded = sql`round(${column}, ${raw(String(planned.scale))})`
  return {
    // NaN fits; the infinities are greater than any limit.
    where: sql`${column} <> 'NaN' AND (${rounded} <> ${column} OR abs(${column}) >= ${limit})`,
    what: 'more digits than the plan says',
    hint: (type) => `Green would round them or fail: give the column more than ${type} in the plan.`,
  }
}
