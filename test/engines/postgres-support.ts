/** Two sides in two schemas of one database, with a meta schema of their own. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { ExprContext, Location, Session, Side } from '../../src/engines/engine.js'
import { parseUrl } from '../../src/engines/location.js'
import { openPostgresSide, type OpenPostgresOptions, type PostgresSide } from '../../src/engines/postgres/open-side.js'
import { raw, sql, type RawValue } from '../../src/engines/sql.js'
import type { Expr } from '../../src/plan/expression.js'
import type { ColumnType, SchemaSpec } from '../../src/plan/schema.js'
import { createDatabase } from '../support/servers.js'

export interface Sides extends AsyncDisposable {
  readonly url: string
  readonly blue: PostgresSide
  readonly green: PostgresSide
  location(side: Side): Location
}

export async function openSides(options: OpenPostgresOptions = {}): Promise<Sides> {
  const database = await createDatabase('postgres')
  const metaNamespace = `crossfade_${randomBytes(4).toString('hex')}`
  const location = (side: Side): Location => {
    const url = new URL(database.url)
    url.searchParams.set('schema', `shop_${side}`)
    return parseUrl(url.href, side, { metaNamespace })
  }
  const blue = await openPostgresSide(location('blue'), 'blue', options)
  const green = await openPostgresSide(location('green'), 'green', options)
  return { url: database.url, blue, green, location, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
}

export async function makeTables(tools: PostgresSide, schema: SchemaSpec): Promise<void> {
  await using session = await tools.connect()
  for (const statement of [...tools.schema.createTables(schema), ...tools.schema.createIndexes(schema)]) {
    await session.execute(statement)
  }
}

/** A role without rights that may log in, with this password. */
export const createRole = (name: string): string => `CREATE ROLE ${name} LOGIN PASSWORD '${ROLE_PASSWORD}'`

export function urlAs(url: string, role: string): string {
  const result = new URL(url)
  result.username = role
  result.password = ROLE_PASSWORD
  return result.href
}

const ROLE_PASSWORD = 'of-a-test'

/** A connection as the application has it: no mark, tables of one side found by their bare names. */
export async function openApplication(tools: PostgresSide, role?: string): Promise<pg.Client & AsyncDisposable> {
  const url = new URL(tools.location.url)
  url.searchParams.delete('schema')
  const client = new pg.Client({ connectionString: role === undefined ? url.href : urlAs(url.href, role) })
  client.on('error', () => {})
  await client.connect()
  await client.query(`SET search_path = ${tools.location.namespace}`)
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => undefined) })
}

export const column = (name: string, type: ColumnType): Expr => ({ op: 'column', alias: 'd', column: name, type })
export const literal = (value: string | number | boolean | null): Expr => ({ op: 'literal', value })

export type Row = Readonly<Record<string, readonly [ColumnType, string | Buffer | null]>>

/** Evaluates an expression over one row of typed values, as the columns of `d`. */
export async function evaluate(session: Session, expr: Expr, row: Row = {}): Promise<RawValue> {
  const columns = Object.entries(row).map(([name, [type]]) => ({ name, type }))
  const context: ExprContext = {
    alias: (alias) => session.dialect.quote(alias),
    typeOf: (_, name) => row[name]![0],
    table: (name) => session.dialect.quote(name),
    typeOfTable: () => 'text',
  }
  const rendered = session.dialect.expression(expr, context)
  const relation = session.dialect.values(columns, [columns.map(({ name }) => row[name]![1])])
  const from = columns.length === 0 ? raw('') : sql` FROM (${relation}) AS d`
  return (await session.query(sql`SELECT ${rendered}${from}`))[0]![0]!
}
