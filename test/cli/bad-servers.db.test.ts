/** Servers, databases and journals that a migration cannot live with, one test each: code, exit code, next step, and nothing changed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Server, StartOptions } from '../../scripts/servers/index.ts'
import { footprint, listObjects } from '../support/footprint.js'
import { takeOwnServer } from '../support/own-server.js'
import { describeEachEngine, runSql, type ServerEngine } from '../support/servers.js'
import { createShop, SHOP_PLAN, type CliResult, type Shop } from '../support/shop.js'

const COMMANDS = ['run', 'status', 'verify', 'cutover', 'pause', 'abort', 'report'] as const

/** The error that ended a command under `--json`, with a next step. */
function errorOf({ exitCode, lines, stdout, stderr }: CliResult): {
  code: unknown
  message: string
  exitCode: unknown
} {
  const last = lines.at(-1) ?? {}
  expect(stderr, stdout).toBe('')
  expect(String(last['hint'] ?? '').length, stdout).toBeGreaterThan(20)
  return { code: last['code'], message: String(last['message']), exitCode }
}

/** What `check` refuses, as `side code`. */
async function refusals(shop: Shop): Promise<string[]> {
  const result = await shop.cli(['check', SHOP_PLAN, '--json'])
  expect(result.exitCode, result.stdout).toBe(4)
  const blocking = result.lines.filter(({ severity }) => severity === 'blocking')
  for (const { hint } of blocking) expect(String(hint).length).toBeGreaterThan(20)
  return [...new Set(blocking.map(({ side, code }) => `${String(side)} ${String(code)}`))].sort()
}

interface BrokenDatabase {
  readonly what: string
  readonly side?: 'blue' | 'green'
  /** A run is tried as well, and aborted. */
  readonly isRun?: boolean
  readonly change: readonly string[]
  readonly undo: readonly string[]
  /** As `side code`. */
  readonly found: readonly string[]
}

describeEachEngine('a database', (engine) => {
  let shop: Shop
  beforeAll(async () => {
    shop = await createShop(engine)
  })
  afterAll(() => shop[Symbol.asyncDispose]())

  const isPostgres = engine === 'postgres'
  const type = (column: string, name: string): string =>
    isPostgres ? `ALTER COLUMN ${column} TYPE ${name} USING NULL` : `MODIFY ${column} ${name}`
  const cases: readonly BrokenDatabase[] = [
    {
      what: 'without a table',
      isRun: true,
      change: ['ALTER TABLE sessions RENAME TO sessions_saved'],
      undo: ['ALTER TABLE sessions_saved RENAME TO sessions'],
      found: ['blue missing-table'],
    },
    {
      what: 'with a column that was renamed',
      change: ['ALTER TABLE shops RENAME COLUMN fax TO telefax'],
      undo: ['ALTER TABLE shops RENAME COLUMN telefax TO fax'],
      found: ['blue missing-column', 'blue unknown-column'],
    },
    {
      what: 'with a column of another type',
      change: [`ALTER TABLE shops ${type('fax', isPostgres ? 'bytea' : 'blob')}`],
      undo: [`ALTER TABLE shops ${type('fax', 'varchar(40)')}`],
      found: ['blue other-type'],
    },
    {
      what: 'with another primary key',
      change: isPostgres
        ? ['ALTER TABLE old_orders DROP CONSTRAINT old_orders_pkey, ADD PRIMARY KEY (id, reference)']
        : ['ALTER TABLE old_orders DROP PRIMARY KEY, ADD PRIMARY KEY (id, reference)'],
      undo: isPostgres
        ? ['ALTER TABLE old_orders DROP CONSTRAINT old_orders_pkey, ADD CONSTRAINT old_orders_pkey PRIMARY KEY (id)']
        : ['ALTER TABLE old_orders DROP PRIMARY KEY, ADD PRIMARY KEY (id)'],
      found: ['blue other-primary-key'],
    },
    {
      what: 'of a green that has other columns',
      side: 'green',
      change: ['CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY)'],
      undo: ['DROP TABLE orders'],
      found: ['green missing-column'],
    },
    {
      what: 'of a green with another key',
      side: 'green',
      change: [
        `CREATE TABLE assignments (staff varchar(40) NOT NULL PRIMARY KEY, item_id bigint NOT NULL, rate int, sources ${isPostgres ? 'jsonb' : 'json'})`,
      ],
      undo: ['DROP TABLE assignments'],
      found: ['green other-primary-key'],
    },
    {
      what: 'of a green that is half restored',
      isRun: true,
      side: 'green',
      change: [
        `CREATE TABLE assignments (staff varchar(40) NOT NULL, item_id bigint NOT NULL, rate int, sources ${isPostgres ? 'jsonb' : 'json'}, PRIMARY KEY (staff, item_id))`,
        `INSERT INTO assignments VALUES ('somebody', 1, 1, NULL)`,
      ],
      undo: ['DROP TABLE assignments'],
      found: ['green green-not-empty'],
    },
  ]

  test.each(cases)('$what is refused', async ({ side = 'blue', isRun, change, undo, found }) => {
    await shop.sql(side, ...change)
    try {
      const before = await listObjects(shop)
      expect(await refusals(shop)).toEqual(found)
      expect(await listObjects(shop)).toEqual(before)
      if (!isRun) return
      const run = await shop.cli(['run', SHOP_PLAN, '--json'])
      expect(run.exitCode, run.stdout).toBe(4)
      expect(run.lines.at(-1)).toMatchObject({ type: 'exit', outcome: 'refused', exitCode: 4 })
      // A run keeps its journal, so that it can be reported. What was not made by it is not removed with it.
      const abort = await shop.cli(['abort', SHOP_PLAN, '--json'])
      expect(abort.exitCode, abort.stdout).toBe(0)
      expect(await listObjects(shop)).toEqual(before)
    } finally {
      await shop.sql(side, ...undo)
    }
  })
})

describeEachEngine('a server that only reads', (engine) => {
  test('is refused by check, and nothing of a run can be written', async () => {
    await using server = await takeOwnServer({ engine })
    await using shop = await createShop(engine)
    await makeReadOnly(server, engine)
    expect(await refusals(shop)).toEqual(expect.arrayContaining(['blue read-only', 'green read-only']))
    const { exitCode, lines, stdout } = await shop.cli(['run', SHOP_PLAN, '--json'])
    expect(exitCode, stdout).toBe(engine === 'postgres' ? 1 : 4)
    expect(String(lines.at(-1)?.['hint'] ?? lines.at(-1)?.['reason']), stdout).toMatch(/primary/)
    await makeWritable(server, engine)
  })
})

/** Oldest version that is accepted, and a server that is older: MariaDB can call itself what it is not. */
const TOO_OLD: Readonly<Record<ServerEngine, { options: Partial<StartOptions>; message: string; hint: string }>> = {
  postgres: { options: { release: 13 }, message: 'runs PostgreSQL 13.23', hint: 'Use PostgreSQL 14 or newer.' },
  mariadb: {
    options: { settings: { version: '10.5.29-MariaDB' } },
    message: 'runs mariadb 10.5.29-MariaDB',
    hint: 'Use 10.6.0 or newer.',
  },
  mysql: {
    options: { settings: { version: '8.0.28' } },
    message: 'runs mysql 8.0.28',
    hint: 'Use 8.0.29 or newer.',
  },
}

describeEachEngine('a server that is too old', (engine) => {
  test('is refused by check and by run, and nothing is changed', async () => {
    const { options, message, hint } = TOO_OLD[engine]
    await using server = await takeOwnServer({ engine, ...options })
    await using shop = await createShop(engine)
    const before = await listObjects(shop)
    const check = await shop.cli(['check', SHOP_PLAN, '--json'])
    expect(check.exitCode, check.stdout).toBe(4)
    const found = check.lines.filter(({ code }) => code === 'old-version')
    expect(found, server.version).toMatchObject(['blue', 'green'].map((side) => ({ side, severity: 'blocking', hint })))
    expect(String(found[0]!['message'])).toContain(message)
    expect(await listObjects(shop)).toEqual(before)
    const run = await shop.cli(['run', SHOP_PLAN, '--json'])
    expect(run.exitCode, run.stdout).toBe(4)
    expect((await shop.cli(['abort', SHOP_PLAN, '--json'])).exitCode).toBe(0)
    expect(await listObjects(shop)).toEqual(before)
  })
})

/** PostgreSQL as a standby: it recovers for ever. */
async function makeReadOnly(server: Server, engine: ServerEngine): Promise<void> {
  if (engine !== 'postgres') return void (await runSql(engine, server.url, 'SET GLOBAL read_only = 1'))
  writeFileSync(join(server.dataDir!, 'standby.signal'), '', { mode: 0o644 })
  await server.restart()
}

async function makeWritable(server: Server, engine: ServerEngine): Promise<void> {
  if (engine !== 'postgres') return void (await runSql(engine, server.url, 'SET GLOBAL read_only = 0'))
  await runSql(engine, server.url, 'SELECT pg_promote()')
}

describeEachEngine('a journal', (engine) => {
  let shop: Shop
  beforeAll(async () => {
    shop = await createShop(engine)
    const begun = await shop.cli(['run', SHOP_PLAN, '--until', 'backup', '--json'])
    expect(begun.exitCode, begun.stdout).toBe(0)
  })
  afterAll(() => shop[Symbol.asyncDispose]())
  const meta = (...statements: string[]): Promise<unknown> =>
    runSql(engine, shop.blueUrl, ...statements.map((text) => text.replaceAll('META', shop.meta)))

  test.each(COMMANDS)('of a newer version stops `%s`, which changes nothing', async (command) => {
    await meta('UPDATE META.version SET version = version + 98')
    try {
      const before = await footprint(shop)
      expect(errorOf(await shop.cli([command, SHOP_PLAN, '--json']))).toEqual({
        code: 'JOURNAL_INVALID',
        message: expect.stringMatching(/99/),
        exitCode: 1,
      })
      expect(await footprint(shop)).toEqual(before)
    } finally {
      await meta('UPDATE META.version SET version = version - 98')
    }
  })

  test('with a row that is no event is no report', async () => {
    await meta(`UPDATE META.events SET event = '{"type":"backup"}' WHERE type = 'backup'`)
    expect(errorOf(await shop.cli(['report', SHOP_PLAN, '--json']))).toEqual({
      code: 'JOURNAL_INVALID',
      message: expect.stringMatching(/^the journal is damaged: its event \d+ \(backup\) has no readable archivedRows$/),
      exitCode: 1,
    })
    await meta(`UPDATE META.events SET event = '{"type":' WHERE type = 'backup'`)
    expect(errorOf(await shop.cli(['report', SHOP_PLAN, '--json'])).message).toMatch(/its event \d+ is no JSON$/)
  })

  test('whose tables are half gone is refused', async () => {
    await meta('DROP TABLE META.version', 'CREATE TABLE META.version (v int)')
    expect(errorOf(await shop.cli(['status', SHOP_PLAN, '--json']))).toMatchObject({
      code: 'JOURNAL_INVALID',
      exitCode: 1,
    })
  })
})
