/** The shop plan on a database of its own: blue with data, green empty, and the command line run as a user runs it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSide } from '../../src/engines/open-side.js'
import { blue } from '../fixtures/plans/shop.js'
import { createDatabase, runSql, type ServerEngine } from './servers.js'

export const SHOP_PLAN = new URL('../fixtures/plans/shop.ts', import.meta.url).pathname
const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname

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

/** Rows of each table of the seed: small, with orphans, merges, duplicates and awkward text. */
const SEED = [
  `INSERT INTO shops (id, name, city, active, fax) VALUES (1, 'Größe "A"', 'Köln', TRUE, '123'), (2, 'b\\\\c', NULL, FALSE, NULL), (3, '', '', TRUE, NULL)`,
  `INSERT INTO prices (id, shop_id, amount, valid_from) VALUES (1, 1, 10.50, '2024-02-01'), (2, 1, 9.00, '2024-01-01'), (3, 2, 99999999.99, '2024-01-01')`,
  `INSERT INTO onboardings (id, shop_id, step) VALUES (1, 1, 'start'), (2, 1, 'done'), (3, 3, 'start')`,
  `INSERT INTO items (id, shop_id, title, details) VALUES (1, 1, '✂️ cut', '{"a": 1, "b": [1.0, "x"]}'), (2, NULL, 'orphan', NULL), (3, 3, 'מים', '{}')`,
  `INSERT INTO services (id, item_ref, title) VALUES (1, '1', 'merges into item 1'), (2, '99', 'names nothing'), (3, 'abc', 'no number'), (4, NULL, 'none'), (5, '1', 'also item 1')`,
  `INSERT INTO orders (id, item_id, reference, state, cents) VALUES (1, 1, 'a', 'new', 100), (2, 1, 'b', 'paid', 250), (3, 2, 'c', 'odd', 1)`,
  `INSERT INTO old_orders (id, reference, state, cents) VALUES (1, 'old', 'void', 5), (7, '', 'paid', 6)`,
  `INSERT INTO staff_items (id, staff, item_id, rate) VALUES (1, 'ann', 1, 10), (2, 'ann', 2, NULL), (3, 'ann', 1, 11)`,
  `INSERT INTO item_staff (id, staff, item_id, rate) VALUES (1, 'ann', 1, 12), (2, 'bob', 3, 13)`,
  `INSERT INTO sessions (token) VALUES ('x'), ('y')`,
]

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
    ...SEED.map((statement) => (engine === 'postgres' ? statement.replaceAll('\\\\', '\\') : statement)),
  )
  if (engine === 'postgres')
    for (const table of [
      'shops',
      'prices',
      'onboardings',
      'items',
      'services',
      'orders',
      'old_orders',
      'staff_items',
      'item_staff',
    ])
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
    const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
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
