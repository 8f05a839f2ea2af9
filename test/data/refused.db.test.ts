import { describe, expect, test } from 'vitest'
import type { ColumnType } from '../../src/plan/schema.js'
import { describeEachEngine, listTestEngines } from '../support/servers.js'
import { createBed, type Bed } from './bed.js'
import { brief } from './brief.js'

/** A plan that maps `t` as it is, all of its columns of these types. */
const planOf = (columns: Readonly<Record<string, ColumnType>>, key = 'id', json: readonly string[] = []): string => {
  const spec = (names: readonly string[]): unknown =>
    Object.fromEntries(
      names.map((name) => [name, { type: name === key ? (columns[key] ?? 'bigint') : columns[name]! }]),
    )
  const names = [...new Set([key, ...Object.keys(columns)])]
  const plain = names.filter((name) => !json.includes(name))
  const body = json.length > 0 ? { body: { type: 'json' } } : {}
  const maps = [
    ...plain.map((name) => `${name}: d.${name}`),
    ...(json.length > 0 ? [`body: object({ ${json.map((name) => `${name}: d.${name}`).join(', ')} })`] : []),
  ]
  return `import { definePlan, object } from 'crossfade'
export default definePlan({
  name: 'refused',
  blue: { t: { columns: ${JSON.stringify(spec(names))}, primaryKey: ['${key}'] } },
  green: { t: { columns: { ...${JSON.stringify(spec(plain))}, ...${JSON.stringify(body)} }, primaryKey: ['${key}'] } },
  tables: (t) => ({ t: t.map('t', 't', ({ d }) => ({ columns: { ${maps.join(', ')} } })) }),
})
`
}

/** What \`check\` refuses, by column where it names one. */
async function refusals(bed: Bed): Promise<string[]> {
  const result = await bed.cli('check', '--json')
  expect(result.exitCode, brief(result)).toBe(4)
  const found = result.lines.filter(({ type, severity }) => type === 'finding' && severity === 'blocking')
  for (const { hint } of found) expect(String(hint).length).toBeGreaterThan(10)
  return found.map(({ code, message }) => `${String(code)}: ${String(message)}`)
}

const unknown = (column: string, type: string): string =>
  `unknown-type: t.${column} is ${type}, a type that Crossfade does not carry: its values might not arrive or come back exactly`

describe('what PostgreSQL has and a plan has no word for', () => {
  test('is refused by check, each column with its type', async () => {
    await using bed = await createBed('postgres')
    const types: Record<string, readonly [server: string, plan: ColumnType]> = {
      money: ['money', 'decimal(12,2)'],
      hours: ['interval hour', 'interval'],
      fraction: ['interval(3)', 'interval'],
      zoned: ['time(3) with time zone', 'timetz'],
      milliseconds: ['timestamp(3) without time zone', 'datetime(6)'],
      xml: ['xml', 'text'],
      range: ['int4range', 'text'],
      multirange: ['nummultirange', 'text'],
      moods: ['mood[]', 'text'],
      json: ['jsonb[]', 'json'],
      numbers: ['numeric[]', 'decimal(10,2)[]'],
      elsewhere: ['elsewhere.mood', 'enum mood(good,bad)'],
      domain: ['email', 'text'],
      composite: ['pair', 'json'],
      point: ['point', 'text'],
      polygon: ['polygon', 'text'],
      tsvector: ['tsvector', 'text'],
      oid: ['oid', 'bigint'],
      name: ['name', 'text'],
      jsonpath: ['jsonpath', 'text'],
    }
    const columns = Object.entries(types)
    await bed.sql(
      'blue',
      `CREATE TYPE mood AS ENUM ('good', 'bad')`,
      'CREATE SCHEMA elsewhere',
      `CREATE TYPE elsewhere.mood AS ENUM ('good', 'bad')`,
      `CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%')`,
      `CREATE TYPE pair AS (a int, b int)`,
      `CREATE TABLE t (id bigint PRIMARY KEY, ${columns.map(([name, [server]]) => `c_${name} ${server}`).join(', ')})`,
    )
    bed.plan(planOf(Object.fromEntries(columns.map(([name, [, plan]]) => [`c_${name}`, plan]))))
    expect((await refusals(bed)).sort()).toEqual(columns.map(([name, [server]]) => unknown(`c_${name}`, server)).sort())
  })

  test('a column of another type, size or list of labels is refused, and so is a type that the server has not', async () => {
    await using bed = await createBed('postgres')
    const types: Record<string, readonly [server: string, plan: ColumnType]> = {
      uuid: ['uuid', 'char(36)'],
      inet: ['inet', 'cidr'],
      bit: ['bit(8)', 'bit(9)'],
      shorter: ['bit varying(7)', 'varbit(8)'],
      ints: ['integer[]', 'bigint[]'],
      finer: ['numeric(12,3)[]', 'decimal(10,2)[]'],
      words: ['text[]', 'text'],
      real: ['real', 'double'],
    }
    const columns = Object.entries(types)
    await bed.sql(
      'blue',
      `CREATE TYPE mood AS ENUM ('good', 'bad')`,
      `CREATE TABLE t (id bigint PRIMARY KEY, ${columns.map(([name, [server]]) => `${name} ${server}`).join(', ')}, m1 mood, m2 mood, m3 mood, y smallint)`,
    )
    bed.plan(
      planOf({
        ...Object.fromEntries(columns.map(([name, [, plan]]) => [name, plan])),
        m1: 'enum(good,bad)',
        m2: 'enum mood(bad,good)',
        m3: 'enum feeling(good,bad)',
        y: 'year',
      }),
    )
    const found = await refusals(bed)
    for (const [name] of columns)
      expect(found.filter((one) => one.includes(`other-type: t.${name} is `))).toHaveLength(1)
    for (const name of ['m1', 'm2', 'm3'])
      expect(
        found.filter((one) => one.includes(`other-type: t.${name} is enum mood(good,bad), the plan says`)),
      ).toHaveLength(1)
    for (const side of ['blue', 'green']) expect(found).toContain(`missing-type: ${side}.t.y is year in the plan`)
  })

  test('values beyond the digits of the plan, and characters that jsonb has not, are counted and refused', async () => {
    await using bed = await createBed('postgres')
    await bed.sql(
      'blue',
      'CREATE TABLE t (id bigint PRIMARY KEY, free numeric, fine numeric(20,6), big numeric(30,2), doc json)',
      String.raw`INSERT INTO t VALUES (1, 1.005, 1.23, 1e10, '"\u0000"'), (2, 'Infinity', 1.234, 12345678.9, '"\\u0000"'), (3, 'NaN', NULL, 0, '1')`,
    )
    bed.plan(planOf({ free: 'decimal(10,2)', fine: 'decimal(16,2)', big: 'decimal(10,2)', doc: 'json' }))
    expect(await refusals(bed)).toEqual([
      'unfit-values: 2 rows of t hold more digits than the plan says in free, which is numeric',
      'unfit-values: 1 rows of t hold more digits than the plan says in fine, which is numeric(20,6)',
      'unfit-values: 1 rows of t hold more digits than the plan says in big, which is numeric(30,2)',
      String.raw`unfit-values: 1 rows of t hold the character \u0000 in doc, which is json`,
    ])
  })
})

describe('what MariaDB has and a plan has no word for', () => {
  test('is refused by check, each column with its type', async () => {
    await using bed = await createBed('mariadb')
    const types: Record<string, readonly [server: string, plan: ColumnType]> = {
      short: ['float(7,3)', 'real'],
      point: ['point', 'text'],
      geometry: ['geometry', 'blob'],
    }
    const columns = Object.entries(types)
    await bed.sql(
      'blue',
      `CREATE TABLE t (id bigint PRIMARY KEY, ${columns.map(([name, [server]]) => `c_${name} ${server}`).join(', ')})`,
    )
    bed.plan(planOf(Object.fromEntries(columns.map(([name, [, plan]]) => [`c_${name}`, plan]))))
    expect((await refusals(bed)).sort()).toEqual(columns.map(([name, [server]]) => unknown(`c_${name}`, server)).sort())
  })

  test('a column of another type, size or list of words is refused, and so is a type that the server has not', async () => {
    await using bed = await createBed('mariadb')
    const types: Record<string, readonly [server: string, plan: ColumnType]> = {
      bits: ['bit(64)', 'bigint unsigned'],
      fewer: ['bit(8)', 'bit(9)'],
      born: ['year(4)', 'smallint'],
      words: [`set('a','b')`, 'set(b,a)'],
      id36: ['uuid', 'char(36)'],
      address: ['inet6', 'text'],
      short: ['float', 'double'],
      wide: ['double', 'real'],
    }
    const columns = Object.entries(types)
    await bed.sql(
      'blue',
      `CREATE TABLE t (id bigint PRIMARY KEY, ${columns.map(([name, [server]]) => `${name} ${server}`).join(', ')}, list json)`,
    )
    bed.plan(planOf({ ...Object.fromEntries(columns.map(([name, [, plan]]) => [name, plan])), list: 'int[]' }))
    const found = await refusals(bed)
    for (const [name, [, plan]] of columns)
      expect(found.filter((one) => one.includes(`other-type: t.${name} is `) && one.includes(plan))).toHaveLength(1)
    for (const side of ['blue', 'green']) expect(found).toContain(`missing-type: ${side}.t.list is int[] in the plan`)
  })

  test('keys without a length and the empty value of an ENUM are refused', async () => {
    await using bed = await createBed('mariadb')
    await bed.sql(
      'blue',
      `CREATE TABLE t (k text NOT NULL, word enum('a','b'), PRIMARY KEY (k(20)))`,
      `SET sql_mode = ''`,
      `INSERT INTO t VALUES ('x', 'none of them'), ('y', 'a')`,
    )
    bed.plan(planOf({ k: 'text', word: 'enum(a,b)' }, 'k'))
    expect(await refusals(bed)).toEqual([
      'impossible-key: the primary key of blue.t holds k, which has no length',
      'empty-word: 1 rows of t hold none of the words of word: the empty value that a lenient mode gave them',
      'impossible-key: the primary key of green.t holds k, which has no length',
    ])
  })
})

describe.each(listTestEngines().filter((engine) => engine !== 'postgres'))('names beyond U+FFFF (%s)', (engine) => {
  test('are refused: MySQL would write a question mark without a word', async () => {
    await using bed = await createBed(engine)
    await bed.sql('blue', `CREATE TABLE t (id bigint PRIMARY KEY, note text)`)
    bed.plan(`import { definePlan } from 'crossfade'
export default definePlan({
  name: 'refused',
  blue: { t: { columns: { id: { type: 'bigint' }, note: { type: 'text' } }, primaryKey: ['id'] } },
  green: {
    'party🎉': {
      columns: { id: { type: 'bigint' }, 'note📝': { type: 'varchar(20)' } },
      primaryKey: ['id'],
      indexes: { 'by📝': { columns: ['note📝'] } },
    },
  },
  tables: (t) => ({ t: t.map('t', 'party🎉', ({ d }) => ({ columns: { id: d.id, 'note📝': d.note } })) }),
})
`)
    expect(await refusals(bed)).toEqual(
      ['party🎉', 'note📝', 'by📝'].map(
        (name) => `impossible-name: MySQL and MariaDB cannot keep the name "${name}" of green`,
      ),
    )
    expect((await bed.cli('run', '--yes')).exitCode).toBe(4)
    expect(await bed.sql('green', 'SHOW TABLES')).toEqual([])
  })
})

describeEachEngine('what a server computes', (engine) => {
  const table =
    engine === 'postgres'
      ? 'CREATE TABLE t (id bigint PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)'
      : 'CREATE TABLE t (id bigint PRIMARY KEY, n int, twice int AS (n * 2) STORED, half int AS (n / 2) VIRTUAL, hidden int INVISIBLE)'

  test('is refused in the plan, and stays behind where the plan leaves it out', async () => {
    await using bed = await createBed(engine)
    await bed.sql('blue', table, 'INSERT INTO t (id, n) VALUES (1, 21)')
    bed.plan(planOf({ n: 'int', twice: 'int', ...(engine === 'postgres' ? {} : { hidden: 'int' }) }))
    expect(await refusals(bed)).toEqual([
      'generated-column: blue.t.twice is computed by the server and cannot be written',
    ])

    bed.plan(planOf({ n: 'int', ...(engine === 'postgres' ? {} : { hidden: 'int' }) }))
    const checked = await bed.cli('check', '--json')
    expect(checked.exitCode, brief(checked)).toBe(0)
    expect(checked.stdout).toContain('blue computes t.twice itself, so it stays behind')
    const run = await bed.cli('run', '--yes', '--until', 'cutover', '--json')
    expect(run.exitCode, brief(run)).toBe(0)
    await bed.sql('green', 'UPDATE t SET n = 50', 'INSERT INTO t (id, n) VALUES (2, 4)')
    const back = await bed.cli('rollback', '--json')
    expect(back.exitCode, brief(back)).toBe(5)
    expect(await bed.sql('blue', 'SELECT id, n, twice FROM t ORDER BY id')).toMatchObject([
      { n: 50, twice: 100 },
      { n: 4, twice: 8 },
    ])
  })

  test('JSON null that goes into JSON is refused', async () => {
    await using bed = await createBed(engine)
    await bed.sql(
      'blue',
      `CREATE TABLE t (id bigint PRIMARY KEY, doc ${engine === 'postgres' ? 'jsonb' : 'json'})`,
      `INSERT INTO t VALUES (1, 'null'), (2, NULL), (3, '{"a": null}')`,
    )
    bed.plan(planOf({ doc: 'json' }, 'id', ['doc']))
    expect(await refusals(bed)).toEqual([
      'json-null: 1 rows of t hold JSON null in doc, which the plan puts into JSON: they would come back as NULL',
    ])
  })
})
