/** What preflight looks for in the columns of a side: keys that this engine cannot have, and values that do not come along. */
import { parseType, type SchemaSpec, type TableSpec } from '../../plan/schema.js'
import type { Finding } from '../engine.js'
import { raw, sql } from '../sql.js'
import type { SideContext } from './context.js'
import { indexColumns } from './index-ddl.js'
import type { MysqlSession } from './session.js'
import { isStorableName, qualify, quoteIdentifier } from './quote.js'

/** InnoDB's limit for a primary key, in bytes. */
const MAX_KEY_BYTES = 3072

export async function checkColumns(
  context: SideContext,
  session: MysqlSession,
  schema: SchemaSpec,
): Promise<Finding[]> {
  return [
    ...impossibleNames(context.side, schema),
    ...Object.entries(schema).flatMap(([name, table]) => impossibleKeys(`${context.side}.${name}`, table)),
    ...(context.side === 'blue'
      ? [...(await looseKeys(context, session, schema)), ...(await emptyWords(context, session, schema))]
      : []),
  ]
}

function impossibleNames(side: string, schema: SchemaSpec): Finding[] {
  const names = Object.entries(schema).flatMap(([name, { columns, indexes, unique, foreignKeys }]) => [
    name,
    ...[columns, indexes, unique, foreignKeys].flatMap((named) => Object.keys(named ?? {})),
  ])
  return names
    .filter((name) => !isStorableName(name))
    .map((name) => ({
      code: 'impossible-name',
      severity: 'blocking',
      message: `MySQL and MariaDB cannot keep the name "${name}" of ${side}`,
      hint: 'Take the characters beyond U+FFFF, emoji for example, out of it.',
    }))
}

function impossibleKeys(place: string, table: TableSpec): Finding[] {
  const findings: Finding[] = []
  const refuse = (message: string): void =>
    void findings.push({
      code: 'impossible-key',
      severity: 'blocking',
      message,
      hint: 'Give its columns a length in the plan, varchar(190) for example, or use a shorter key.',
    })
  const parsed = table.primaryKey.map((column) => parseType(table.columns[column]!.type))
  const unlimited = table.primaryKey.filter((_, index) => ['text', 'json'].includes(parsed[index]!.kind))
  if (unlimited.length > 0) refuse(`the primary key of ${place} holds ${unlimited.join(', ')}, which has no length`)
  const bytes = parsed.reduce((sum, { kind, length }) => sum + (kind === 'blob' ? 255 : (length ?? 2) * 4), 0)
  if (bytes > MAX_KEY_BYTES) refuse(`the primary key of ${place} takes ${bytes} bytes; ${MAX_KEY_BYTES} are possible`)
  for (const [name, spec] of Object.entries(table.unique ?? {})) {
    try {
      indexColumns(spec, table, true)
    } catch {
      refuse(`the unique key ${name} of ${place} is longer than ${MAX_KEY_BYTES} bytes`)
    }
  }
  return findings
}

/** Blue takes different texts for one key: by case, accents or trailing spaces. */
async function looseKeys({ location }: SideContext, session: MysqlSession, schema: SchemaSpec): Promise<Finding[]> {
  const rows = await session.query(
    sql`SELECT table_name, column_name, collation_name FROM information_schema.columns
      WHERE table_schema = ${location.namespace} AND column_key = 'PRI' AND collation_name IS NOT NULL
      ORDER BY table_name, ordinal_position`,
  )
  const found = rows.filter(
    ([table, , collation]) => schema[String(table)] !== undefined && !/_(?:nopad|0900)_bin$/.test(String(collation)),
  )
  if (found.length === 0) return []
  const names = found.map(([table, column, collation]) => `${String(table)}.${String(column)} (${String(collation)})`)
  return [
    {
      code: 'loose-keys',
      severity: 'warning',
      message: `keys of blue compare by collations that take different texts for one: ${names.join(', ')}`,
      hint: 'Green tells all texts apart: two keys born there that blue takes for one stop the way back. Chunks go by code points, so that a key in another order than _bin sorts its table for each.',
    },
  ]
}

/** The value of an ENUM that was given none of its words is no text that another ENUM takes. */
async function emptyWords({ location }: SideContext, session: MysqlSession, schema: SchemaSpec): Promise<Finding[]> {
  const rows = await session.query(
    sql`SELECT table_name, column_name FROM information_schema.columns
      WHERE table_schema = ${location.namespace} AND data_type = 'enum' ORDER BY table_name, ordinal_position`,
  )
  const findings: Finding[] = []
  for (const [table, column] of rows) {
    if (schema[String(table)]?.columns[String(column)] === undefined) continue
    const from = raw(qualify(location.namespace, String(table)))
    const [row] = await session.query(
      sql`SELECT COUNT(*) FROM ${from} WHERE ${raw(quoteIdentifier(String(column)))} = 0`,
    )
    const count = String(row?.[0] ?? '0')
    if (count === '0') continue
    findings.push({
      code: 'empty-word',
      severity: 'blocking',
      message: `${count} rows of ${String(table)} hold none of the words of ${String(column)}: the empty value that a lenient mode gave them`,
      hint: `Find them by ${String(column)} = 0 and make them NULL or a word of the list.`,
    })
  }
  return findings
}
