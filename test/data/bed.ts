/** Two sides with tables of the server's own types, the command line run on them, and the rows of both as the server writes them. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Side } from '../../src/engines/engine.js'
import { openSide } from '../../src/engines/open-side.js'
import { raw } from '../../src/engines/sql.js'
import { CROSSFADE } from '../support/program.js'
import { createDatabase, runSql, type ServerEngine } from '../support/servers.js'
import { finished, type CliResult } from '../support/shop.js'

export interface Bed extends AsyncDisposable {
  readonly engine: ServerEngine
  readonly blueUrl: string
  readonly greenUrl: string
  /** Writes the plan file. */
  plan(text: string): void
  /** Runs statements on a side as its application would. @returns the rows of the last. */
  sql(side: Side, ...statements: readonly string[]): Promise<Record<string, unknown>[]>
  /** The name of a table from anywhere on its server. */
  qualified(side: Side, table: string): string
  /** Runs statements past gates and capture, as a bug of Crossfade would. */
  tamper(side: Side, ...statements: readonly string[]): Promise<void>
  cli(command: string, ...args: readonly string[]): Promise<CliResult>
  remains(): Promise<readonly string[]>
}

export interface BedOptions {
  /** The database of green, on another server. Default: on that of blue. */
  readonly greenDatabaseUrl?: string
  /** Name of the schema of each side on PostgreSQL. Default: the side. */
  readonly schemas?: Readonly<Record<Side, string>>
  /** Run first by every session of the application. */
  readonly settings?: readonly string[]
}

const DEFAULT_SCHEMAS = { blue: 'blue', green: 'green' }

export async function createBed(engine: ServerEngine, options: BedOptions = {}): Promise<Bed> {
  const { schemas = DEFAULT_SCHEMAS, settings = [] } = options
  const isPostgres = engine === 'postgres'
  const blueDatabase = await createDatabase(engine)
  const ownGreen = isPostgres || options.greenDatabaseUrl !== undefined ? undefined : await createDatabase(engine)
  const meta = `meta_${blueDatabase.name.slice(-12)}`
  const databases = {
    blue: blueDatabase.url,
    green: options.greenDatabaseUrl ?? ownGreen?.url ?? blueDatabase.url,
  }
  const urlOf = (side: Side): string =>
    isPostgres ? `${databases[side]}?schema=${encodeURIComponent(schemas[side])}` : databases[side]
  const urls = { blue: urlOf('blue'), green: urlOf('green') }
  if (isPostgres) await runSql(engine, databases.blue, `CREATE SCHEMA "${schemas.blue}"`)
  const folder = mkdtempSync(join(tmpdir(), 'crossfade-data-'))
  const planPath = join(folder, 'plan.ts')
  const environment = {
    ...process.env,
    CROSSFADE_BLUE_URL: urls.blue,
    CROSSFADE_GREEN_URL: urls.green,
    CROSSFADE_META: meta,
    CROSSFADE_BACKUP_DIR: join(folder, 'backup'),
  }
  return {
    engine,
    blueUrl: urls.blue,
    greenUrl: urls.green,
    plan: (text) => writeFileSync(planPath, text),
    sql: (side, ...statements) =>
      runSql(
        engine,
        databases[side],
        ...settings,
        ...(isPostgres ? [`SET search_path = "${schemas[side]}"`] : []),
        ...statements,
      ),
    qualified: (side, table) =>
      isPostgres
        ? `"${schemas[side]}".${table}`
        : `\`${decodeURIComponent(new URL(urls[side]).pathname.slice(1))}\`.${table}`,
    tamper: async (side, ...statements) => {
      await using tools = await openSide(urls[side], side, meta)
      await using session = await tools.connect('tamper')
      for (const statement of statements) await session.execute(raw(statement))
    },
    cli: (command, ...args) =>
      finished(
        spawn(process.execPath, [...CROSSFADE, command, planPath, ...args], {
          env: environment,
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      ),
    remains: async () => {
      await using left = await openSide(urls.blue, 'blue', meta)
      await using right = await openSide(urls.green, 'green', meta)
      return [...(await left.remains()), ...(await right.remains())]
    },
    [Symbol.asyncDispose]: async () => {
      await blueDatabase[Symbol.asyncDispose]()
      await ownGreen?.[Symbol.asyncDispose]()
      if (!isPostgres) await runSql(engine, new URL('/', blueDatabase.url).href, `DROP DATABASE IF EXISTS \`${meta}\``)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
