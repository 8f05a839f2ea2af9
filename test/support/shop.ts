/** The shop plan on a database of its own: blue with data, green empty, and the command line run as a user runs it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSide } from '../../src/engines/open-side.js'
import { blue } from '../fixtures/plans/shop.js'
import { SHOP_ROWS } from '../fixtures/shop-rows.js'
import { CROSSFADE } from './program.js'
import { createDatabase, runSql, type ServerEngine } from './servers.js'

export const SHOP_PLAN = new URL('../fixtures/plans/shop.ts', import.meta.url).pathname

/** Those of blue that have a key, and so a sequence. */
export const SHOP_TABLES = [
  'shops',
  'prices',
  'onboardings',
  'items',
  'services',
  'orders',
  'old_orders',
  'staff_items',
  'item_staff',
] as const

export interface CliResult {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  /** The JSON lines of `--json`. */
  readonly lines: readonly Record<string, unknown>[]
}

export interface Shop extends AsyncDisposable {
  readonly engine: ServerEngine
  /** Schema or database of Crossfade's own objects. */
  readonly meta: string
  readonly blueUrl: string
  readonly greenUrl: string
  /** Runs statements on a side as its application would. */
  sql(side: 'blue' | 'green', ...statements: string[]): Promise<Record<string, unknown>[]>
  cli(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CliResult>
  /** Starts the command without waiting for it. */
  spawn(args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess
  /** What Crossfade left on both sides. */
  remains(): Promise<readonly string[]>
}

export async function createShop(engine: ServerEngine, env: NodeJS.ProcessEnv = {}): Promise<Shop> {
  const blueDatabase = await createDatabase(engine)
  const greenDatabase = engine === 'postgres' ? undefined : await createDatabase(engine)
  const meta = engine === 'postgres' ? 'crossfade' : `meta_${blueDatabase.name.slice(-12)}`
  const blueUrl = engine === 'postgres' ? `${blueDatabase.url}?schema=blue` : blueDatabase.url
  const greenUrl = engine === 'postgres' ? `${blueDatabase.url}?schema=green` : greenDatabase!.url
  if (engine === 'postgres') await runSql(engine, blueDatabase.url, 'CREATE SCHEMA blue', 'CREATE SCHEMA green')
  const folder = mkdtempSync(join(tmpdir(), 'crossfade-test-'))
  {
    await using side = await openSide(blueUrl, 'blue', meta)
    await using session = await side.connect('test')
    for (const statement of [...side.schema.createTables(blue), ...side.schema.createIndexes(blue)])
      await session.execute(statement)
  }
  const urlOf = (side: 'blue' | 'green'): string => (side === 'blue' ? blueUrl : greenUrl)
  const sql: Shop['sql'] = (side, ...statements) =>
    engine === 'postgres'
      ? runSql(engine, blueDatabase.url, `SET search_path = ${side}`, ...statements)
      : runSql(engine, urlOf(side), ...statements)
  await sql(
    'blue',
    ...SHOP_ROWS.map((statement) => (engine === 'postgres' ? statement.replaceAll('\\\\', '\\') : statement)),
  )
  if (engine === 'postgres')
    for (const table of SHOP_TABLES)
      await sql('blue', `SELECT setval(pg_get_serial_sequence('blue.${table}', 'id'), 100)`)
  const environment = {
    ...process.env,
    CROSSFADE_BLUE_URL: blueUrl,
    CROSSFADE_GREEN_URL: greenUrl,
    CROSSFADE_META: meta,
    CROSSFADE_BACKUP_DIR: join(folder, 'backup'),
    ...env,
  }
  const children = new Set<ChildProcess>()
  const start: Shop['spawn'] = (args, extra = {}) => {
    const child = spawn(process.execPath, [...CROSSFADE, ...args], {
      env: { ...environment, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return child
  }
  return {
    engine,
    meta,
    blueUrl,
    greenUrl,
    sql,
    spawn: start,
    cli: (args, extra) => finished(start(args, extra)),
    remains: async () => {
      await using left = await openSide(blueUrl, 'blue', meta)
      await using right = await openSide(greenUrl, 'green', meta)
      return [...(await left.remains()), ...(await right.remains())]
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) child.kill('SIGKILL')
      await blueDatabase[Symbol.asyncDispose]()
      await greenDatabase?.[Symbol.asyncDispose]()
      if (engine !== 'postgres')
        await runSql(engine, new URL('/', blueDatabase.url).href, `DROP DATABASE IF EXISTS \`${meta}\``)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Waits for a command's end. */
export function finished(child: ChildProcess): Promise<CliResult> {
  return new Promise((resolve) => {
    let stdout = ''
    let stderr = ''
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString('utf8')
    })
    child.stderr?.on('data', (data: Buffer) => {
      stderr += data.toString('utf8')
    })
    child.once('close', (exitCode) => {
      const lines = stdout
        .split('\n')
        .filter((line) => line.startsWith('{"v":'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      resolve({ exitCode, stdout, stderr, lines })
    })
  })
}
