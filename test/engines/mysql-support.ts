/** Two sides in two databases of one server, with a meta database of their own. Disposing proves that nothing is left. */
import { randomBytes } from 'node:crypto'
import type { Location, Session, Side, SideTools } from '../../src/engines/engine.js'
import { openMysqlSide, type MysqlSideOptions } from '../../src/engines/mysql/index.js'
import type { ExprContext } from '../../src/engines/engine.js'
import type { Expr } from '../../src/plan/expression.js'
import type { ColumnType, SchemaSpec } from '../../src/plan/schema.js'
import { raw, sql, type RawValue, type Sql } from '../../src/engines/sql.js'
import mysql from 'mysql2/promise'
import { createDatabase, getServerUrl, runSql, type ServerEngine } from '../support/servers.js'

export interface Sides extends AsyncDisposable {
  readonly engine: ServerEngine
  readonly blue: SideTools
  readonly green: SideTools
  readonly metaNamespace: string
  location(side: Side): Location
}

export async function openSides(engine: ServerEngine, options: MysqlSideOptions = {}): Promise<Sides> {
  const [blueDatabase, greenDatabase] = [await createDatabase(engine), await createDatabase(engine)]
  const metaNamespace = `crossfade_${randomBytes(4).toString('hex')}`
  const location = (side: Side): Location => {
    const { url, name } = side === 'blue' ? blueDatabase : greenDatabase
    return { url, namespace: name, metaNamespace }
  }
  const blue = await openMysqlSide(location('blue'), 'blue', options)
  const green = await openMysqlSide(location('green'), 'green', options)
  return {
    engine,
    blue,
    green,
    metaNamespace,
    location,
    async [Symbol.asyncDispose]() {
      await blue[Symbol.asyncDispose]()
      await green[Symbol.asyncDispose]()
      await runSql(engine, getServerUrl(engine), `DROP DATABASE IF EXISTS \`${metaNamespace}\``)
      await blueDatabase[Symbol.asyncDispose]()
      await greenDatabase[Symbol.asyncDispose]()
    },
  }
}

export async function makeTables(tools: SideTools, schema: SchemaSpec): Promise<void> {
  await using session = await tools.connect()
  for (const statement of [...tools.schema.createTables(schema), ...tools.schema.createIndexes(schema)])
    await session.execute(statement)
}

/** A connection as the application has it: no mark, the server's defaults. */
export async function openApplication(location: Location): Promise<mysql.Connection & AsyncDisposable> {
  const connection = await mysql.createConnection({ uri: location.url, multipleStatements: true, charset: 'utf8mb4' })
  connection.on('error', () => {})
  return Object.assign(connection, {
    [Symbol.asyncDispose]: async () => {
      connection.destroy()
    },
  })
}

export const column = (name: string, type: ColumnType): Expr => ({ op: 'column', alias: 'd', column: name, type })
export const literal = (value: string | number | boolean | null): Expr => ({ op: 'literal', value })

/** Evaluates an expression over one row of typed values, as the columns of `d`. */
export async function evaluate(
  session: Session,
  expr: Expr,
  row: Readonly<Record<string, readonly [ColumnType, string | Buffer | null]>> = {},
): Promise<RawValue> {
  const columns = Object.entries(row).map(([name, [type]]) => ({ name, type }))
  const context: ExprContext = {
    alias: (alias) => session.dialect.quote(alias),
    typeOf: (_, name) => row[name]![0],
    table: (name) => session.dialect.quote(name),
    typeOfTable: () => 'text',
  }
  const rendered = session.dialect.expression(expr, context)
  const from: Sql =
    columns.length === 0
      ? raw('')
      : sql` FROM (${session.dialect.values(columns, [columns.map(({ name }) => row[name]![1])])}) AS d`
  return (await session.query(sql`SELECT ${rendered}${from}`))[0]![0]!
}
