/**
 * Everything around the values: defaults of server and database that a session inherits, names that need quoting, keys that
 * compare by another order than bytes over several chunks, values of 16 MB.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type Server } from '../../scripts/servers/index.ts'
import { runSql } from '../support/servers.js'
import { createBed, type Bed } from './bed.js'
import { brief } from './brief.js'

const BIG = 16 * 1024 * 1024

const NAMES = [
  'order',
  'Mixed Case',
  'it"s',
  "O'Brien",
  'back\\slash',
  'a.b',
  'ünï',
  '{brace} $1 %S ?',
  'select',
] as const

interface Quoting {
  quote(name: string): string
  literal(text: string): string
}

const planText = (names: readonly string[], keyType: string): string => {
  const oddly = Object.fromEntries(names.map((name) => [name, { type: 'text' }]))
  const id = { type: 'bigint', notNull: true }
  const tables = (isGreen: boolean): unknown => ({
    'Order "by"': { columns: { id, ...(isGreen ? { body: { type: 'json' } } : oddly) }, primaryKey: ['id'] },
    select: { columns: { id, ...oddly }, primaryKey: ['id'] },
    words: { columns: { word: { type: keyType, notNull: true }, n: { type: 'int' } }, primaryKey: ['word'] },
    big: { columns: { id, t: { type: 'text' }, b: { type: 'blob' } }, primaryKey: ['id'] },
    times: {
      columns: { at: { type: 'timestamp(6)', notNull: true }, x: { type: 'double' }, d: { type: 'date' } },
      primaryKey: ['at'],
    },
  })
  const same = (list: readonly string[]): string =>
    list.map((name) => `${JSON.stringify(name)}: d[${JSON.stringify(name)}]`).join(', ')
  return `import { definePlan, object } from 'crossfade'
export default definePlan({
  name: 'hostile',
  blue: ${JSON.stringify(tables(false))},
  green: ${JSON.stringify(tables(true))},
  tables: (t) => ({
    'Order "by"': t.map('Order "by"', 'Order "by"', ({ d }) => ({ columns: { id: d.id, body: object({ ${same(names)} }) } })),
    select: t.map('select', 'select', ({ d }) => ({ columns: { ${same(['id', ...names])} } })),
    words: t.map('words', 'words', ({ d }) => ({ columns: { ${same(['word', 'n'])} } })),
    big: t.map('big', 'big', ({ d }) => ({ columns: { ${same(['id', 't', 'b'])} } })),
    times: t.map('times', 'times', ({ d }) => ({ columns: { ${same(['at', 'x', 'd'])} } })),
  }),
  limits: { soakMs: 0, chunkTargetMs: 1 },
})
`
}

/** Words of which many are one for a collation that ignores case, and whose order differs from that of their bytes. */
const WORDS = Array.from({ length: 1300 }, (_, index) => {
  const word = index.toString(36).padStart(3, '0')
  return `${index % 2 === 0 ? 'Z' : 'a'}${index % 3 === 0 ? word.toUpperCase() : word}_${index}`
})

const fill = (names: readonly string[], { quote, literal }: Quoting): string[] => {
  const row = (id: number, text: string): string => `(${id}, ${names.map(() => literal(text)).join(', ')})`
  const rows = [row(1, 'a'), row(2, 'it\'s \\ "q" ✂️ 🍎'), row(3, '')].join(', ')
  return [
    `INSERT INTO ${quote('Order "by"')} VALUES ${rows}`,
    `INSERT INTO ${quote('select')} VALUES ${rows}`,
    `INSERT INTO words VALUES ${WORDS.map((word, index) => `('${word}', ${index})`).join(', ')}`,
  ]
}

/** There, with changes, and back; `digest` gives a table's rows as text, whatever its side. */
async function travel(bed: Bed, tables: readonly string[], digest: (table: string) => string): Promise<void> {
  const run = async (exitCode: number, command: string, ...args: string[]): Promise<void> => {
    const result = await bed.cli(command, ...args, '--json')
    expect(result.exitCode, brief(result)).toBe(exitCode)
  }
  const expectEqual = async (): Promise<void> => {
    for (const table of tables)
      expect(await bed.sql('green', digest(table)), table).toEqual(await bed.sql('blue', digest(table)))
  }
  await run(6, 'run')
  await expectEqual()
  const edits = [
    `UPDATE words SET word = CONCAT('Moved', word) WHERE n IN (3, 1100)`,
    `DELETE FROM words WHERE n = 7`,
    `UPDATE big SET id = id + 10`,
    `UPDATE times SET x = x * 3 WHERE x < 1`,
  ]
  await bed.sql('blue', ...edits)
  await run(6, 'run')
  await expectEqual()
  await run(0, 'run', '--yes', '--until', 'validate')
  await bed.sql('green', ...edits.map((edit) => edit.replace('(3, 1100)', '(4, 1200)').replace('= 7', '= 8')))
  await run(5, 'rollback')
  await expectEqual()
  await run(0, 'complete')
  expect(await bed.remains()).toEqual([])
}

describe('hostile surroundings (postgres)', () => {
  const quoting: Quoting = {
    quote: (name) => `"${name.replaceAll('"', '""')}"`,
    literal: (text) => `'${text.replaceAll("'", "''")}'`,
  }
  const names = [...NAMES, '🍎', 'tab\there']

  test('defaults of the database, names, big values and keys in another order change no value', async () => {
    await using bed = await createBed('postgres', {
      schemas: { blue: 'OldShop', green: 'NewShop' },
      settings: ['SET extra_float_digits = -15', `SET DateStyle = 'German'`, `SET bytea_output = 'escape'`],
    })
    const database = quoting.quote(new URL(bed.blueUrl).pathname.slice(1))
    await bed.sql(
      'blue',
      `ALTER DATABASE ${database} SET timezone = 'America/New_York'`,
      `ALTER DATABASE ${database} SET DateStyle = 'SQL, DMY'`,
      `ALTER DATABASE ${database} SET extra_float_digits = 0`,
      `ALTER DATABASE ${database} SET bytea_output = 'escape'`,
      `ALTER DATABASE ${database} SET standard_conforming_strings = off`,
      `ALTER DATABASE ${database} SET search_path = pg_catalog`,
      `ALTER DATABASE ${database} SET default_transaction_isolation = 'serializable'`,
      `CREATE TABLE "Order ""by""" (id bigint PRIMARY KEY, ${names.map((name) => `${quoting.quote(name)} text`).join(', ')})`,
      `CREATE TABLE "select" (id bigint PRIMARY KEY, ${names.map((name) => `${quoting.quote(name)} text`).join(', ')})`,
      `CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
      'CREATE TABLE words (word varchar(60) COLLATE ci PRIMARY KEY, n int)',
      'CREATE TABLE big (id bigint PRIMARY KEY, t text, b bytea)',
      'CREATE TABLE times (at timestamptz PRIMARY KEY, x double precision, d date)',
      ...fill(names, quoting),
      `INSERT INTO big SELECT 1, repeat('ü', ${BIG / 2}), decode(repeat('00ff5c27', ${BIG / 4}), 'hex')`,
      `INSERT INTO times VALUES ('2024-10-27 02:30:00+02', 0.1, '2024-02-01'), ('2024-10-27 02:30:00+01', 5e-324, 'infinity'), ('2024-03-10 02:30:00', 1e308, '0044-03-15 BC'), ('infinity', 0.30000000000000004, NULL)`,
    )
    bed.plan(planText(names, 'varchar(60)'))
    await travel(bed, ['"select"', 'words', 'times', 'big'], (table) =>
      table === 'big'
        ? 'SELECT id, md5(t) AS t, md5(b) AS b, length(b) AS n FROM big ORDER BY id'
        : `SET DateStyle = 'ISO'; SET TIME ZONE 'UTC'; SET extra_float_digits = 3; SELECT x::text AS row FROM ${table} x ORDER BY 1`,
    )
  }, 400_000)
})

describe('hostile surroundings (mariadb)', () => {
  let server: Server

  beforeAll(async () => {
    server = await startServer({
      engine: 'mariadb',
      isOwn: true,
      say: () => {},
      settings: {
        sql_mode: 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE,NO_ZERO_IN_DATE,STRICT_TRANS_TABLES',
        default_time_zone: '-05:00',
        character_set_server: 'latin1',
        collation_server: 'latin1_german1_ci',
        local_infile: 'OFF',
        div_precision_increment: 0,
        group_concat_max_len: 100,
      },
    })
  })
  afterAll(() => server.stop())

  const quoting: Quoting = {
    quote: (name) => `\`${name.replaceAll('`', '``')}\``,
    literal: (text) => (text === '' ? "''" : `_utf8mb4 X'${Buffer.from(text).toString('hex')}'`),
  }
  const names = [...NAMES, 'tick`ed']

  test('defaults of another server, names, big values and keys in another order change no value', async () => {
    await runSql('mariadb', server.url, 'CREATE DATABASE NewShop')
    await using bed = await createBed('mariadb', {
      greenDatabaseUrl: new URL('/NewShop', server.url).href,
      settings: [`SET time_zone = '+09:30'`, `SET sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES'`],
    })
    const columns = names.map((name) => `${quoting.quote(name)} longtext`).join(', ')
    const text = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci'
    await bed.sql(
      'blue',
      `CREATE TABLE ${quoting.quote('Order "by"')} (id bigint PRIMARY KEY, ${columns}) ${text}`,
      `CREATE TABLE ${quoting.quote('select')} (id bigint PRIMARY KEY, ${columns}) ${text}`,
      `CREATE TABLE words (word varchar(60) PRIMARY KEY, n int) ${text}`,
      `CREATE TABLE big (id bigint PRIMARY KEY, t longtext, b longblob) ${text}`,
      'CREATE TABLE times (at timestamp(6) PRIMARY KEY, x double, d date)',
      ...fill(names, quoting),
      `INSERT INTO big SELECT 1, REPEAT(_utf8mb4 X'c3bc', ${BIG / 2}), REPEAT(X'00ff5c27', ${BIG / 4})`,
      `SET time_zone = '+00:00'`,
      `INSERT INTO times VALUES ('2024-10-27 00:30:00.000001', 0.1e0, '2024-02-01'), ('2024-10-27 01:30:00', 5e-324, '2024-02-29'), ('2024-03-10 02:30:00', 1e308, NULL)`,
    )
    bed.plan(planText(names, 'varchar(60)'))
    const exact = (column: string): string => `COALESCE(HEX(CONVERT(${column} USING utf8mb4)), '-')`
    const listed: Readonly<Record<string, string>> = {
      '`select`': names.map((name) => exact(quoting.quote(name))).join(', '),
      words: `${exact('word')}, n`,
      times: `UNIX_TIMESTAMP(at), HEX(ST_AsWKB(POINT(x, 0))), COALESCE(d, '-')`,
      big: 'id, SHA2(t, 256), SHA2(b, 256), LENGTH(t), LENGTH(b)',
    }
    await travel(
      bed,
      Object.keys(listed),
      (table) => `SELECT SHA2(CONCAT_WS('|', ${listed[table]!}), 256) AS d FROM ${table} ORDER BY 1`,
    )
  }, 400_000)
})
