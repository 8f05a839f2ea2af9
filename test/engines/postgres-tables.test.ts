import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session, SideTools } from '../../src/engines/engine.js'
import { openPostgresSide, postgresDialect } from '../../src/engines/postgres/index.js'
import { dumpLogically } from '../../src/engines/postgres/logical-dump.js'
import { PostgresSession } from '../../src/engines/postgres/session.js'
import { raw, sql, type RawRow } from '../../src/engines/sql.js'
import type { ColumnType, SchemaSpec } from '../../src/plan/schema.js'
import { createRole, makeTables, openApplication, openSides, type Sides, urlAs } from './postgres-support.js'

const COLUMNS: readonly { name: string; type: ColumnType }[] = [
  { name: 'id', type: 'bigint' },
  { name: 'flag', type: 'boolean' },
  { name: 'price', type: 'decimal(30,10)' },
  { name: 'ratio', type: 'double' },
  { name: 'kind', type: 'enum(a,b)' },
  { name: 'code', type: 'char(36)' },
  { name: 'body', type: 'text' },
  { name: 'data', type: 'json' },
  { name: 'day', type: 'date' },
  { name: 'clock', type: 'time' },
  { name: 'at', type: 'timestamp(6)' },
  { name: 'local', type: 'datetime(6)' },
  { name: 'bytes', type: 'blob' },
]
const SCHEMA: SchemaSpec = {
  things: {
    columns: Object.fromEntries(
      COLUMNS.map(({ name, type }) => [name, name === 'id' ? { type, notNull: true, autoIncrement: true } : { type }]),
    ),
    primaryKey: ['id'],
    unique: { code: { columns: ['code'] } },
    indexes: {
      by_day: { columns: ['day'], include: ['kind'] },
      data: { columns: ['data'], method: 'gin' },
      at: { columns: ['at'], whereNotNull: 'at' },
    },
  },
  parts: {
    columns: {
      id: { type: 'bigint', notNull: true },
      code: { type: 'varchar(36)', default: { uuid: true } },
      made: { type: 'datetime', default: { now: true } },
      word: { type: "enum(it's,so)", default: "it's" },
    },
    primaryKey: ['id'],
    indexes: { by_code: { columns: ['code'] } },
    foreignKeys: {
      thing: { columns: ['code'], references: 'things', referencedColumns: ['code'], onDelete: 'SET NULL' },
    },
  },
  visits: {
    columns: { id: { type: 'bigint', notNull: true, autoIncrement: true }, at: { type: 'datetime(6)', notNull: true } },
    primaryKey: ['id', 'at'],
    partitionByMonth: 'at',
  },
}
const ROWS: RawRow[] = [
  [
    '1',
    't',
    '12345678901234567890.1234567890',
    '0.1',
    'a',
    'c1',
    'a"b\\c\n\r\t\b\f\v\u0001{},NULL é😀 $1',
    '{"n": 12345678901234567890.10}',
    '2024-02-29',
    '23:59:59.000001',
    '2024-02-29 12:34:56.000001+00',
    '0001-01-01 00:00:00',
    '\\x0001ff5c5c0a09',
  ],
  [
    '2',
    'f',
    '-0.0000000001',
    '5e-324',
    'b',
    '',
    '',
    '"\\\\.\\n"',
    '9999-12-31',
    '00:00:00',
    'infinity',
    '2024-02-29 12:34:56.5',
    '\\x',
  ],
  ['3', null, null, 'NaN', null, null, '\\N', 'null', null, null, null, null, null],
  ['4', null, null, '-Infinity', null, 'NULL', '\\.', '[]', null, null, null, null, null],
]

describe('tables (postgres)', () => {
  let sides: Sides
  let blue: Session
  let green: Session
  beforeAll(async () => {
    sides = await openSides()
    await makeTables(sides.blue, SCHEMA)
    await makeTables(sides.green, SCHEMA)
    blue = await sides.blue.connect('blue')
    green = await sides.green.connect('green')
  })
  afterAll(async () => {
    await blue.close()
    await green.close()
    await sides[Symbol.asyncDispose]()
  })

  const names = raw(COLUMNS.map(({ name }) => `"${name}"`).join(', '))
  const all = (side: 'blue' | 'green') => sql`SELECT ${names} FROM ${raw(`shop_${side}.things`)} ORDER BY id`

  test('rows of raw text are inserted as they are', async () => {
    await blue.transaction(() => sides.blue.bulk.insert(blue, 'things', COLUMNS, ROWS))
    expect(await blue.query(all('blue'))).toEqual(ROWS)
    const again = blue.transaction(() => sides.blue.bulk.insert(blue, 'things', COLUMNS, ROWS.slice(0, 1)))
    await expect(again).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' })
    await expect(again).rejects.not.toThrow(/c1/)
    const bytes = sides.blue.bulk.insert(
      blue,
      'things',
      [COLUMNS[0]!, COLUMNS[12]!],
      [['9', Buffer.from([0, 255, 92])]],
    )
    await bytes
    expect(await blue.query(raw('SELECT bytes FROM shop_blue.things WHERE id = 9'))).toEqual([['\\x00ff5c']])
    await blue.execute(raw('DELETE FROM shop_blue.things WHERE id = 9'))
  })

  test('a pipe carries every value from one side to the other', async () => {
    const select = sql`SELECT ${names} FROM shop_blue.things WHERE id < ${100} AND coalesce(body, '') <> ${"it's \\ "} ORDER BY id`
    const written = await green.transaction(() => sides.green.bulk.pipe(blue, select, green, 'things', COLUMNS))
    expect(written).toBe(ROWS.length)
    expect(await green.query(all('green'))).toEqual(ROWS)
  })

  test('a pipe from a session of another kind carries every value too', async () => {
    await green.execute(raw('DELETE FROM shop_green.things'))
    // Whatever is no session of PostgreSQL is read by its stream.
    const foreign = { stream: () => slices(ROWS) } as unknown as Session
    expect(await green.transaction(() => sides.green.bulk.pipe(foreign, sql`-`, green, 'things', COLUMNS))).toBe(
      ROWS.length,
    )
    expect(await green.query(all('green'))).toEqual(ROWS)
  })

  test('a pipe that fails on either end leaves both sessions usable', async () => {
    const columns = COLUMNS.slice(0, 1)
    const taken = sql`SELECT 1 FROM generate_series(1, 100000)`
    await expect(
      green.transaction(() => sides.green.bulk.pipe(blue, taken, green, 'things', columns)),
    ).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' })
    const broken = sql`SELECT 1 / (90000 - n) + 1000 + n FROM generate_series(1, 100000) n`
    await expect(
      green.transaction(() => sides.green.bulk.pipe(blue, broken, green, 'things', columns)),
    ).rejects.toMatchObject({ code: 'STATEMENT_FAILED' })
    expect(await blue.query(raw('SELECT 1'))).toEqual([['1']])
    expect(await green.query(raw('SELECT count(*) FROM shop_green.things'))).toEqual([[String(ROWS.length)]])
  })

  test('a stream gives batches, inside and outside a transaction, and may be left early', async () => {
    const sizes: number[] = []
    for await (const rows of blue.stream(sql`SELECT n FROM generate_series(1, ${2500}::int) n`, 1000))
      sizes.push(rows.length)
    expect(sizes).toEqual([1000, 1000, 500])
    await blue.transaction(
      async () => {
        for await (const rows of blue.stream(raw('SELECT generate_series(1, 100000)'), 10)) {
          expect(rows).toHaveLength(10)
          break
        }
        expect(await blue.query(raw('SELECT 1'))).toEqual([['1']])
      },
      { snapshot: true },
    )
    expect(await blue.transaction(async () => 'still usable')).toBe('still usable')
  })

  test('a transaction whose failed statement was swallowed does not commit', async () => {
    const swallowing = blue.transaction(async () => {
      await blue.execute(raw('SELECT 1 / 0')).catch(() => undefined)
    })
    await expect(swallowing).rejects.toMatchObject({ code: 'STATEMENT_FAILED' })
  })

  test('a connection that is ended rejects its statement and nothing else', async () => {
    const session = await sides.blue.connect('victim')
    const sleeping = session.query(raw('SELECT pg_sleep(600)'))
    const outcome = expect(sleeping).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await blue.query(sql`SELECT pg_terminate_backend(CAST(${session.id} AS integer))`)
    await outcome
    await expect(session.query(raw('SELECT 1'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await session.close()
    const busy = await sides.blue.connect('busy')
    const running = expect(busy.query(raw('SELECT pg_sleep(600)'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await busy.close()
    await running
  })

  test('a server that is not there, and a password that stays secret', async () => {
    const url = 'postgres://someone:s3cret@127.0.0.1:1/nowhere'
    const failure = openPostgresSide({ url, namespace: 'public', metaNamespace: 'crossfade' }, 'blue')
    await expect(failure).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('someone:***@127.0.0.1:1/nowhere'),
    })
    await expect(failure).rejects.not.toThrow(/s3cret/)
  })

  test('tables that Crossfade made have no drift, and making them again changes nothing', async () => {
    await makeTables(sides.green, SCHEMA)
    expect(await sides.green.schema.drift(green, SCHEMA)).toEqual([])
    const found = await sides.green.schema.introspect(green)
    expect(found['things']).toMatchObject({
      primaryKey: ['id'],
      columns: {
        id: { type: 'bigint', notNull: true, autoIncrement: true },
        kind: { type: 'enum(a,b)' },
        at: { type: 'timestamp(6)' },
      },
      unique: { things_code: { columns: ['code'] } },
      indexes: {
        things_by_day: { columns: ['day'], include: ['kind'] },
        things_data: { columns: ['data'], method: 'gin' },
      },
    })
    expect(found['parts']!.foreignKeys).toEqual({
      parts_thing: {
        columns: ['code'],
        references: 'things',
        referencedColumns: ['code'],
        onDelete: 'SET NULL',
        onUpdate: 'NO ACTION',
      },
    })
    expect(Object.keys(found)).toEqual(['parts', 'things', 'visits'])
    await green.execute(raw(`INSERT INTO shop_green.parts (id, code) VALUES (1, NULL)`))
    expect(await green.query(raw('SELECT word, made IS NOT NULL FROM shop_green.parts'))).toEqual([["it's", 't']])
    await expect(green.execute(raw(`UPDATE shop_green.parts SET word = 'no'`))).rejects.toMatchObject({
      code: 'STATEMENT_FAILED',
    })
  })

  test('drift names what differs and what a wider column can bear', async () => {
    await using application = await openApplication(sides.blue)
    await application.query(
      `CREATE TABLE drifted (id int PRIMARY KEY, name varchar(5), wide varchar(50), extra text, mood text, n bigint, u uuid)`,
    )
    const planned: SchemaSpec = {
      ...SCHEMA,
      missing: { columns: { id: { type: 'bigint' } }, primaryKey: ['id'] },
      drifted: {
        columns: {
          id: { type: 'bigint', notNull: true },
          name: { type: 'varchar(10)', notNull: true },
          wide: { type: 'varchar(10)' },
          mood: { type: 'enum(good,bad)' },
          n: { type: 'int' },
          u: { type: 'char(36)' },
          gone: { type: 'text' },
        },
        primaryKey: ['id', 'n'],
      },
    }
    const findings = await sides.blue.schema.drift(blue, planned)
    expect(
      findings
        .map(({ code, severity, message }) => `${severity} ${code} ${/(drifted|missing)\S*/.exec(message)?.[0]}`)
        .sort(),
    ).toEqual([
      'blocking missing-column drifted.gone',
      'blocking missing-table missing',
      'blocking other-primary-key drifted',
      'blocking other-type drifted.id',
      'blocking other-type drifted.name',
      'blocking other-type drifted.u',
      'blocking unknown-column drifted.extra,',
      'warning nullable drifted.name',
    ])
    await application.query('DROP TABLE drifted')
  })

  test('rows of months without a partition move into one, with triggers of the gate', async () => {
    await sides.green.fence.prepare({ epoch: 1, isWritable: true })
    await sides.green.fence.arm(['visits'], {})
    await green.execute(
      raw(
        `INSERT INTO shop_green.visits SELECT n, timestamp '2001-01-15' + n * interval '10 days' FROM generate_series(1, 12) n`,
      ),
    )
    for (const statement of sides.green.schema.createIndexes(SCHEMA)) await green.execute(statement)
    expect(await green.query(raw('SELECT count(*) FROM shop_green.visits_default'))).toEqual([['0']])
    expect(await green.query(raw('SELECT count(*) FROM shop_green.visits_y2001m02'))).toEqual([['3']])
    expect(await green.query(raw('SELECT count(*) FROM shop_green.visits'))).toEqual([['12']])
    expect(await sides.green.fence.isArmed(['visits'])).toBe(true)
    await sides.green.fence.remove()
  })

  test('the next value of an identity column rises and never falls', async () => {
    const setNext = async (next: string) => {
      for (const statement of sides.green.schema.setNextValue('visits', 'id', next)) await green.execute(statement)
      const [row] = await green.query(raw(`INSERT INTO shop_green.visits (at) VALUES (now()) RETURNING id`))
      return row![0]
    }
    expect(await setNext('5000000000000000')).toBe('5000000000000000')
    expect(await setNext('10')).toBe('5000000000000001')
    expect(sides.green.schema.setNextValue('parts', 'id', '10')).toHaveLength(1)
    for (const statement of sides.green.schema.setNextValue('parts', 'id', '10')) await green.execute(statement)
  })

  test('preflight says what stands in the way', async () => {
    await using application = await openApplication(sides.blue)
    await application.query(
      `CREATE TABLE heap (n int); CREATE TABLE computed (id int PRIMARY KEY, d int GENERATED ALWAYS AS (id * 2) STORED)`,
    )
    await application.query(`CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`)
    await application.query(`CREATE TRIGGER audit AFTER INSERT ON things FOR EACH ROW EXECUTE FUNCTION audit()`)
    await application.query(`BEGIN; INSERT INTO heap VALUES (1); PREPARE TRANSACTION 'old'`)
    const columns = { id: { type: 'bigint' } } as const
    const schema: SchemaSpec = {
      ...SCHEMA,
      heap: { columns, primaryKey: [] },
      computed: { columns: { ...columns, d: { type: 'int' } }, primaryKey: ['id'] },
    }
    const codes = (await sides.blue.preflight(schema)).map(({ code, severity }) => `${severity} ${code}`)
    expect(codes).toEqual(
      expect.arrayContaining([
        'warning no-primary-key',
        'blocking generated-column',
        'warning foreign-triggers',
        'warning disk',
      ]),
    )
    // Alone: several statements in one text are a transaction, in which it is refused.
    await application.query(`ROLLBACK PREPARED 'old'`)
    await application.query(`DROP TABLE heap, computed; DROP FUNCTION audit CASCADE`)

    const role = `weak_${process.pid}`
    await application.query(`${createRole(role)}; GRANT USAGE ON SCHEMA shop_blue TO ${role}`)
    try {
      const location = sides.location('blue')
      await using weak = await openPostgresSide({ ...location, url: urlAs(location.url, role) }, 'blue')
      const findings = (await weak.preflight(SCHEMA))
        .filter(({ severity }) => severity === 'blocking')
        .map(({ code }) => code)
      expect(findings).toEqual(expect.arrayContaining(['replication-role', 'missing-permission', 'not-owner']))
    } finally {
      await application.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  test('both sides of one database reach each other', () => {
    expect(sides.blue.facts.reach).toBe(sides.green.facts.reach)
  })

  test('a dump is restored in a scratch place with every row, by pg_dump and by the built-in dump', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'crossfade-test-'))
    const signal = new AbortController().signal
    const scratchesOf = async (side: SideTools) => (await side.remains()).filter((one) => one.includes('scratch'))
    try {
      const file = join(directory, 'dump')
      const { bytes } = await sides.blue.backup.dump(file, signal)
      expect(bytes).toBeGreaterThan(500)
      const builtIn = join(directory, 'built-in')
      await using dumper = await PostgresSession.open(sides.blue.location.url, 'dump', postgresDialect())
      await dumpLogically(dumper, sides.blue.location.namespace, builtIn, signal)
      for (const source of [file, builtIn]) {
        const location = await sides.blue.backup.restore(source, signal)
        await using scratch = await openPostgresSide(location, 'blue')
        await using session = await scratch.connect('proof')
        const table = raw(session.dialect.qualify(location.namespace, 'things'))
        expect(await session.query(sql`SELECT ${names} FROM ${table} ORDER BY id`)).toEqual(ROWS)
        expect(await scratchesOf(sides.blue)).toHaveLength(1)
        // Another migration on this server does not take it for its own.
        expect(await scratchesOf(sides.green)).toEqual([])
      }
      await sides.blue.backup.dropScratch()
      expect(await scratchesOf(sides.blue)).toEqual([])
      expect(await sides.blue.backup.recoveryMarker(blue, 'before')).toMatch(/^before: [0-9A-F]+\/[0-9A-F]+/)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})

async function* slices(rows: readonly RawRow[]): AsyncGenerator<RawRow[], void, void> {
  for (const row of rows) yield [row]
}
