import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../../src/engines/engine.js'
import { dumpLogically } from '../../src/engines/mysql/logical-dump.js'
import type { MysqlSession } from '../../src/engines/mysql/session.js'
import { raw, sql, type RawRow } from '../../src/engines/sql.js'
import type { ColumnType, SchemaSpec } from '../../src/plan/schema.js'
import { getServerUrl, listTestEngines, runSql } from '../support/servers.js'
import { makeTables, openApplication, openSides, type Sides } from './mysql-support.js'

const SCHEMA: SchemaSpec = {
  tenants: {
    columns: {
      id: { type: 'bigint unsigned', notNull: true, autoIncrement: true },
      name: { type: 'varchar(100)', notNull: true },
    },
    primaryKey: ['id'],
    unique: { tenants_name: { columns: ['name'] } },
  },
  everything: {
    columns: {
      id: { type: 'char(36)', notNull: true, default: { uuid: true } },
      tenant_id: { type: 'bigint unsigned', notNull: true },
      b: { type: 'boolean', notNull: true, default: true },
      i: { type: 'int unsigned' },
      s: { type: 'smallint' },
      d: { type: 'decimal(30,10)' },
      f: { type: 'double' },
      t: { type: 'text' },
      v: { type: 'varchar(300)', default: 'it\'s "x" \\ ?' },
      j: { type: 'json' },
      day: { type: 'date' },
      clock: { type: 'time' },
      at: { type: 'timestamp', default: { now: true } },
      micro: { type: 'timestamp(6)', notNull: true, default: { now: true } },
      dt: { type: 'datetime(6)' },
      raw: { type: 'blob' },
      kind: { type: 'enum(a,b c)', notNull: true, default: 'a' },
    },
    primaryKey: ['id'],
    indexes: {
      by_tenant: { columns: ['tenant_id', 'kind'] },
      by_text: { columns: ['t'] },
      by_json: { columns: ['j'], method: 'gin' },
    },
    foreignKeys: {
      e_tenant: { columns: ['tenant_id'], references: 'tenants', referencedColumns: ['id'], onDelete: 'CASCADE' },
    },
    tenantColumn: 'tenant_id',
  },
  monthly: {
    columns: { id: { type: 'bigint', notNull: true }, at: { type: 'timestamp', notNull: true }, x: { type: 'text' } },
    primaryKey: ['id', 'at'],
    partitionByMonth: 'at',
  },
}

const COLUMNS = Object.entries(SCHEMA['everything']!.columns).map(([name, { type }]) => ({ name, type }))
const NASTY = 'tab\t newline\n return\r null\u0000 back\\slash \\N \\n quote\' " é😀 \u001a ; -- ?'

function rowOf(index: number): RawRow {
  return [
    String(index).padStart(36, '0'),
    '1',
    index % 2 === 0 ? '1' : '0',
    '4294967295',
    '-32768',
    '-12345678901234567890.0123456789',
    '0.30000000000000004',
    index % 3 === 0 ? null : `${NASTY}${index}`,
    '',
    JSON.stringify({ text: NASTY, big: 1 }),
    '2024-02-29',
    '23:59:59.000001',
    index % 5 === 0 ? null : '2024-10-27 01:30:00',
    '2024-03-31 02:30:00.000001',
    '1000-01-01 00:00:00.000000',
    index % 7 === 0 ? Buffer.alloc(0) : Buffer.from([0, 9, 10, 13, 39, 92, 78, 255, index % 256]),
    'b c',
  ]
}

describe.each(listTestEngines().filter((engine) => engine !== 'postgres'))('tables and rows (%s)', (engine) => {
  let sides: Sides
  let session: Session
  beforeAll(async () => {
    sides = await openSides(engine)
    session = await sides.blue.connect()
    for (const side of [sides.blue, sides.green]) {
      await makeTables(side, SCHEMA)
      // Repeating the DDL changes nothing.
      await makeTables(side, SCHEMA)
    }
    await session.execute(raw(`INSERT INTO tenants VALUES (1, 'one'), (2, 'two')`))
    await sides.blue.bulk.insert(
      session,
      'everything',
      COLUMNS,
      Array.from({ length: 2_500 }, (_, index) => rowOf(index)),
    )
  })
  afterAll(() => sides[Symbol.asyncDispose]())

  const select = (columns: readonly { name: string }[]) =>
    raw(
      `SELECT ${columns.map(({ name }) => `\`${name}\``).join(', ')} FROM ${session.dialect.qualify(sides.blue.location.namespace, 'everything')} ORDER BY id`,
    )

  test('rows come back as they were written, also in batches', async () => {
    const rows = await session.query(select(COLUMNS))
    const json = COLUMNS.findIndex(({ name }) => name === 'j')
    const comparable = (row: RawRow) =>
      row.map((cell, index) => (index === json ? (JSON.parse(String(cell)) as unknown) : cell))
    expect(rows.map(comparable)).toEqual(Array.from({ length: 2_500 }, (_, index) => comparable(rowOf(index))))
    const batches: number[] = []
    for await (const batch of session.stream(select(COLUMNS), 1_000)) batches.push(batch.length)
    expect(batches.reduce((sum, size) => sum + size)).toBe(2_500)
    expect(Math.max(...batches)).toBeLessThanOrEqual(1_000)
  })

  test('a stream that is left early frees its session', async () => {
    for await (const batch of session.stream(raw('SELECT a.id FROM everything a, everything b, everything c'), 10)) {
      expect(batch.length).toBe(10)
      break
    }
    expect(await session.query(raw('SELECT 1'))).toEqual([['1']])
    const failing = async () => {
      for await (const _ of session.stream(raw('SELECT nothing FROM everything'), 10));
    }
    await expect(failing()).rejects.toMatchObject({ code: 'STATEMENT_FAILED' })
  })

  test.each(['LOAD DATA', 'INSERT'])(
    'the pipe by %s brings every value over; both sides have the same hashes',
    async (way) => {
      const green = sides.green
      const bulk =
        way === 'LOAD DATA'
          ? green.bulk
          : (await import('../../src/engines/mysql/bulk.js')).createBulkWriter({
              location: green.location,
              facts: { ...green.facts, settings: {} },
            })
      await using from = await sides.blue.connect()
      await using to = await green.connect()
      await to.execute(raw('DELETE FROM everything'))
      const written = await to.transaction(() => bulk.pipe(from, select(COLUMNS), to, 'everything', COLUMNS))
      expect(written).toBe(2_500)
      const hash = async (reader: Session) => {
        const { dialect } = reader
        const columns = COLUMNS.map(({ name, type }) => dialect.canonical(raw(dialect.quote(name)), type))
        const [row] = await reader.query(
          sql`SELECT COUNT(*), ${dialect.sumHash(dialect.rowHash(columns))} FROM everything`,
        )
        return row
      }
      expect(await hash(to)).toEqual(await hash(from))
    },
  )

  test('a pipe that the server would bend to fit is an error, a duplicate is a unique violation', async () => {
    const { green } = sides
    await using from = await sides.blue.connect()
    await using to = await green.connect()
    const tenants = [
      { name: 'id', type: 'bigint unsigned' as ColumnType },
      { name: 'name', type: 'varchar(100)' as ColumnType },
    ]
    const pipe = (query: string) => to.transaction(() => green.bulk.pipe(from, raw(query), to, 'tenants', tenants))
    await expect(pipe(`SELECT 1, 'a' UNION ALL SELECT 2, 'a'`)).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' })
    await expect(pipe(`SELECT 1, REPEAT('a', 101)`)).rejects.toMatchObject({ code: 'STATEMENT_FAILED' })
    await expect(pipe(`SELECT 'x', 'a'`)).rejects.toMatchObject({ code: 'STATEMENT_FAILED' })
    await expect(pipe('SELECT broken')).rejects.toMatchObject({ code: 'STATEMENT_FAILED' })
    await expect(
      to.transaction(() =>
        green.bulk.insert(to, 'tenants', tenants, [
          ['1', 'a'],
          ['1', 'b'],
        ]),
      ),
    ).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' })
    expect(await to.query(raw('SELECT COUNT(*) FROM tenants'))).toEqual([['0']])
    expect(await pipe(`SELECT 1, 'a'`)).toBe(1)
    await to.execute(raw('DELETE FROM tenants'))
  })

  test('transactions roll back, snapshots stand still, a killed connection is an error and no crash', async () => {
    await using other = await sides.blue.connect()
    const failing = session.transaction(async () => {
      await session.execute(raw(`INSERT INTO tenants VALUES (9, 'nine')`))
      throw new Error('stop')
    })
    await expect(failing).rejects.toThrow('stop')
    await session.transaction(
      async () => {
        await session.query(raw('SELECT COUNT(*) FROM tenants'))
        await other.execute(raw(`INSERT INTO tenants VALUES (3, 'three')`))
        expect(await session.query(raw('SELECT COUNT(*) FROM tenants'))).toEqual([['2']])
      },
      { snapshot: true },
    )
    await other.execute(raw('DELETE FROM tenants WHERE id = 3'))
    const victim = await sides.blue.connect()
    const sleeping = victim.query(raw('SELECT SLEEP(30)'))
    const ended = expect(sleeping).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await other.execute(raw(`KILL ${victim.id}`))
    await ended
    await expect(victim.query(raw('SELECT 1'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await victim.close()
    await victim.close()
  })

  test('introspection finds what was made; drift names what differs', async () => {
    const found = await sides.blue.schema.introspect(session)
    expect(found['everything']!.columns['kind']).toEqual({ type: 'enum(a,b c)', notNull: true })
    expect(found['everything']!.foreignKeys!['e_tenant']).toMatchObject({ references: 'tenants', onDelete: 'CASCADE' })
    expect(found['tenants']!.unique!['tenants_name']).toEqual({ columns: ['name'] })
    expect(Object.keys(found['everything']!.indexes!)).toContain('by_tenant')
    expect(await sides.blue.schema.drift(session, SCHEMA)).toEqual([])
    await session.execute(raw('ALTER TABLE tenants ADD COLUMN extra INT, MODIFY name VARCHAR(99) NULL'))
    const drift = await sides.blue.schema.drift(session, { ...SCHEMA, gone: { columns: {}, primaryKey: [] } })
    expect(drift.map(({ code }) => code).sort()).toEqual(['missing-table', 'nullable', 'other-type', 'unknown-column'])
    await session.execute(
      raw(
        'ALTER TABLE tenants DROP COLUMN extra, MODIFY name VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL',
      ),
    )
  })

  test('tenant views, next values and partitions', async () => {
    await using app = await openApplication(sides.location('blue'))
    const count = async (tenant: string | null) => {
      await app.query('SET @app_tenant = ?', [tenant])
      const [rows] = await app.query('SELECT COUNT(*) AS n FROM everything_tenant')
      return (rows as { n: number }[])[0]!.n
    }
    expect([await count('1'), await count('2'), await count(null)]).toEqual([2_500, 0, 0])
    for (const statement of sides.blue.schema.setNextValue('tenants', 'id', '5000000000000000'))
      await session.execute(statement)
    await session.execute(raw(`INSERT INTO tenants (name) VALUES ('late')`))
    expect(await session.query(raw(`SELECT id FROM tenants WHERE name = 'late'`))).toEqual([['5000000000000000']])
    await session.execute(
      raw(`INSERT INTO monthly VALUES (1, '1999-01-01 00:00:00', ''), (2, NOW(), ''), (3, '2037-01-01 00:00:00', '')`),
    )
    expect(await session.query(raw('SELECT id FROM monthly PARTITION (p_earlier)'))).toEqual([['1']])
    expect(await session.query(raw('SELECT id FROM monthly PARTITION (p_later)'))).toEqual([['3']])
  })

  test('dumps and restores, by the server’s own tool and by itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crossfade-test-'))
    const { signal } = new AbortController()
    try {
      const own = join(folder, 'own.sql')
      const dump = await sides.blue.backup.dump(own, signal)
      expect(dump.bytes).toBeGreaterThan(1_000)
      const logical = join(folder, 'logical.jsonl')
      await dumpLogically(session as MysqlSession, sides.blue.location.namespace, logical, signal)
      const columns = COLUMNS.map(({ name, type }) => session.dialect.canonical(raw(session.dialect.quote(name)), type))
      const digest = async (namespace: string) =>
        (
          await session.query(
            sql`SELECT COUNT(*), ${session.dialect.sumHash(session.dialect.rowHash(columns))} FROM ${raw(session.dialect.qualify(namespace, 'everything'))}`,
          )
        )[0]
      for (const file of [own, logical]) {
        const scratch = await sides.blue.backup.restore(file, signal)
        expect(await digest(scratch.namespace)).toEqual(await digest(sides.blue.location.namespace))
        expect(await sides.blue.remains()).toContain(`database ${scratch.namespace}`)
        // Another migration on this server does not take it for its own.
        expect(await sides.green.remains()).not.toContain(`database ${scratch.namespace}`)
      }
      await sides.blue.backup.dropScratch()
      expect((await sides.blue.remains()).filter((one) => one.includes('scratch'))).toEqual([])
      expect(await sides.blue.backup.recoveryMarker(session, 'before cutover')).toContain('before cutover')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('preflight of a good server finds nothing that blocks; a poor user is told what is missing', async () => {
    const findings = await sides.blue.preflight(SCHEMA)
    expect(findings.filter(({ severity }) => severity === 'blocking')).toEqual([])
    expect(findings.map(({ code }) => code)).toContain('cascades')
    const user = `cf_${sides.metaNamespace.slice(-8)}`
    const { url, namespace, metaNamespace } = sides.location('blue')
    await runSql(
      engine,
      getServerUrl(engine),
      `CREATE USER '${user}'@'%' IDENTIFIED BY 'p@ss"w\\\\ord'`,
      `GRANT SELECT ON \`${namespace.replaceAll('_', '\\_')}\`.* TO '${user}'@'%'`,
    )
    try {
      const poor = new URL(url)
      poor.username = user
      poor.password = encodeURIComponent('p@ss"w\\ord')
      const { openMysqlSide } = await import('../../src/engines/mysql/index.js')
      await using side = await openMysqlSide({ url: poor.href, namespace, metaNamespace }, 'blue')
      const missing = (await side.preflight(SCHEMA))
        .filter(({ code }) => code === 'missing-permission')
        .map(({ message }) => message)
        .join('\n')
      expect(missing).toContain('TRIGGER')
      expect(missing).toContain(`${metaNamespace}.*`)
      const onBlue = missing.split('\n').find((message) => message.endsWith(` on ${namespace}.*`))
      expect(onBlue).toMatch(/lacks INSERT, .*TRIGGER/)
      await expect(
        openMysqlSide({ url: poor.href.replace('ord@', 'x@'), namespace, metaNamespace }, 'blue'),
      ).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    } finally {
      await runSql(engine, getServerUrl(engine), `DROP USER '${user}'@'%'`)
    }
    expect(await sides.blue.load(session)).toMatchObject({ replicaLagMs: null })
  })

  test('connections of others are remains, own ones are not', async () => {
    const { openMysqlSide } = await import('../../src/engines/mysql/index.js')
    const left = await openMysqlSide(sides.location('blue'), 'blue')
    const connection = await left.connect()
    expect(await sides.blue.remains()).toContain(`connection ${connection.id}`)
    await left[Symbol.asyncDispose]()
    await expect.poll(() => sides.blue.remains()).toEqual([])
  })
})
