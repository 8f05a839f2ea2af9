import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Change, Session } from '../../src/engines/engine.js'
import { openPostgresSide } from '../../src/engines/postgres/index.js'
import { raw } from '../../src/engines/sql.js'
import type { SchemaSpec } from '../../src/plan/schema.js'
import { createRole, makeTables, openApplication, openSides, type Sides } from './postgres-support.js'

const id = { type: 'bigint', notNull: true } as const
const SCHEMA: SchemaSpec = {
  parents: { columns: { id, code: { type: 'varchar(20)' }, note: { type: 'text' } }, primaryKey: ['id'] },
  children: {
    columns: { id, parent_id: { type: 'bigint' } },
    primaryKey: ['id'],
    foreignKeys: {
      parent: {
        columns: ['parent_id'],
        references: 'parents',
        referencedColumns: ['id'],
        onDelete: 'CASCADE',
        onUpdate: 'CASCADE',
      },
    },
  },
  visits: {
    columns: { id, at: { type: 'timestamp(6)', notNull: true }, place: { type: 'text' } },
    primaryKey: ['id', 'at'],
    partitionByMonth: 'at',
  },
  tenants: { columns: { id, tenant: { type: 'bigint', notNull: true } }, primaryKey: ['id'], tenantColumn: 'tenant' },
}
const TABLES = [
  { table: 'parents', columns: ['id', 'code'] },
  { table: 'children', columns: ['id', 'parent_id'] },
  { table: 'visits', columns: ['id', 'at'] },
  { table: 'tenants', columns: ['id'] },
]

describe('capture (postgres)', () => {
  let sides: Sides
  let session: Session
  beforeAll(async () => {
    sides = await openSides()
    await makeTables(sides.blue, SCHEMA)
    await sides.blue.capture.install(TABLES, {})
    session = await sides.blue.connect('capture test')
  })
  afterAll(async () => {
    await session.close()
    await sides[Symbol.asyncDispose]()
  })

  /** What a piece of application SQL logs, as `table before -> after`. */
  async function logged(...statements: readonly string[]): Promise<string[]> {
    await using application = await openApplication(sides.blue)
    for (const statement of statements) await application.query(statement)
    const changes = await sides.blue.capture.take(session, 10_000)
    await sides.blue.capture.acknowledge(
      session,
      changes.map((change) => change.id),
    )
    expect(await sides.blue.capture.take(session, 1)).toEqual([])
    return changes.map(describeChange).sort()
  }
  const describeChange = ({ table, before, after, isTruncate }: Change) =>
    isTruncate ? `${table} truncated` : `${table} ${JSON.stringify(before ?? null)} -> ${JSON.stringify(after ?? null)}`

  test('inserts, updates and deletes of several rows are logged once each', async () => {
    expect(await logged(`INSERT INTO parents VALUES (1, 'a"\\{', 'x'), (2, NULL, 'y')`)).toEqual([
      'parents null -> ["1","a\\"\\\\{"]',
      'parents null -> ["2",null]',
    ])
    expect(await logged(`UPDATE parents SET note = 'z'`)).toEqual([
      'parents null -> ["1","a\\"\\\\{"]',
      'parents null -> ["2",null]',
    ])
    expect(await logged(`UPDATE parents SET code = 'b' WHERE id = 2`)).toEqual([
      'parents ["2",null] -> null',
      'parents null -> ["2","b"]',
    ])
    expect(await logged(`DELETE FROM parents`)).toHaveLength(2)
  })

  test('keys that move by one log old and new ones', async () => {
    await logged(`INSERT INTO parents (id, code) VALUES (1, 'a'), (2, 'a'), (3, 'a')`)
    // Descending, so that no key is taken at any moment.
    const changes = await logged(`UPDATE parents SET id = -id`)
    expect(changes).toEqual(
      [1, 2, 3].flatMap((n) => [`parents ["${n}","a"] -> null`, `parents null -> ["-${n}","a"]`]).sort(),
    )
    await logged(`DELETE FROM parents`)
  })

  test('cascades of foreign keys are logged for the children', async () => {
    await logged(`INSERT INTO parents (id, code) VALUES (1, 'a')`, `INSERT INTO children VALUES (10, 1), (11, 1)`)
    expect(await logged(`UPDATE parents SET id = 5 WHERE id = 1`)).toEqual(
      [
        'children ["10","1"] -> null',
        'children null -> ["10","5"]',
        'children ["11","1"] -> null',
        'children null -> ["11","5"]',
        'parents ["1","a"] -> null',
        'parents null -> ["5","a"]',
      ].sort(),
    )
    expect(await logged(`DELETE FROM parents`)).toEqual([
      'children ["10","5"] -> null',
      'children ["11","5"] -> null',
      'parents ["5","a"] -> null',
    ])
  })

  test('TRUNCATE, COPY, upserts, CTEs and sessions in replica mode are logged', async () => {
    expect(
      await logged(
        `INSERT INTO parents (id, code) VALUES (1, 'a')`,
        `INSERT INTO parents (id, code) VALUES (1, 'c') ON CONFLICT (id) DO UPDATE SET code = excluded.code`,
      ),
    ).toEqual(['parents null -> ["1","a"]', 'parents ["1","a"] -> null', 'parents null -> ["1","c"]'].sort())
    expect(await logged(`WITH gone AS (DELETE FROM parents RETURNING id) SELECT count(*) FROM gone`)).toEqual([
      'parents ["1","c"] -> null',
    ])
    expect(await logged('SET session_replication_role = replica', `INSERT INTO parents (id) VALUES (7)`)).toEqual([
      'parents null -> ["7",null]',
    ])
    expect(await logged(`TRUNCATE parents CASCADE`)).toEqual(['children truncated', 'parents truncated'])
  })

  test('writes to a partitioned table are logged under its name, through the parent and directly', async () => {
    const write = (name: string, n: number) => `INSERT INTO ${name} VALUES (${n}, '2019-05-05 12:00:00.5+02', 'x')`
    expect(await logged(write('visits', 1), write('visits_default', 2))).toEqual([
      'visits null -> ["1","2019-05-05 10:00:00.500000"]',
      'visits null -> ["2","2019-05-05 10:00:00.500000"]',
    ])
    const moved = await logged(
      `SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'`,
      `UPDATE visits SET at = now() WHERE id = 1`,
    )
    expect(moved).toHaveLength(2)
    expect(moved[0]).toBe('visits ["1","2019-05-05 10:00:00.500000"] -> null')
  })

  test('a role that may only write the table is logged too, under row-level security', async () => {
    const role = `clerk_${process.pid}`
    await using owner = await openApplication(sides.blue)
    await owner.query(
      `${createRole(role)}; GRANT USAGE ON SCHEMA shop_blue TO ${role}; GRANT ALL ON shop_blue.tenants TO ${role}`,
    )
    try {
      await using clerk = await openApplication(sides.blue, role)
      await clerk.query(`SET app.tenant = '4'`)
      await clerk.query(`INSERT INTO tenants VALUES (1, 4), (2, 4)`)
      await expect(clerk.query(`INSERT INTO tenants VALUES (3, 5)`)).rejects.toThrow(/row-level security/)
      await clerk.query(`SET app.tenant = '5'`)
      expect((await clerk.query(`DELETE FROM tenants`)).rowCount).toBe(0)
      await expect(clerk.query(`SELECT * FROM ${sides.blue.location.metaNamespace}.blue_changes`)).rejects.toThrow(
        /permission denied/,
      )
      expect(await logged()).toEqual(['tenants null -> ["1"]', 'tenants null -> ["2"]'])
    } finally {
      await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  test("Crossfade's own writes and rolled back ones are not logged", async () => {
    await using own = await sides.blue.connect('own')
    await own.execute(raw('INSERT INTO shop_blue.parents (id) VALUES (99)'))
    expect(await logged('BEGIN', `INSERT INTO parents (id) VALUES (98)`, 'ROLLBACK')).toEqual([])
    await logged(`DELETE FROM parents`)
  })

  test('installing again changes nothing and keeps what is queued', async () => {
    await using application = await openApplication(sides.blue)
    await application.query(`INSERT INTO parents (id) VALUES (1)`)
    await sides.blue.capture.install(TABLES, {})
    const lag = await sides.blue.capture.lag(session)
    expect(lag.changes).toBe(1)
    expect(lag.ageMs).toBeGreaterThanOrEqual(0)
    expect(await logged(`DELETE FROM parents`)).toHaveLength(2)
  })

  test('a table that stays locked names who stands in the way, and writers behind it wait no longer than the lock timeout', async () => {
    await sides.blue.capture.remove()
    await using writer = await openApplication(sides.blue)
    await writer.query(`SET application_name = 'night job'; BEGIN; INSERT INTO parents (id) VALUES (1)`)
    const waits: string[] = []
    const options = {
      lockTimeoutMs: 20,
      timeoutMs: 200,
      onWait: (_: string, blockers: readonly string[]) => waits.push(...blockers),
    }
    await expect(sides.blue.capture.install(TABLES, options)).rejects.toMatchObject({
      code: 'TABLE_BUSY',
      message: expect.stringContaining('night job'),
    })
    expect(waits.join()).toContain('night job')
    await writer.query('COMMIT')
    await sides.blue.capture.install(TABLES, options)
    expect(await logged(`DELETE FROM parents`)).toEqual(['parents ["1",null] -> null'])
  })

  test('another process removes everything', async () => {
    await using other = await openPostgresSide(sides.location('blue'), 'blue')
    expect(await other.remains()).not.toEqual([])
    await other.capture.remove()
    await other.capture.remove()
    await other.dropMeta()
    expect(await other.remains()).toEqual([])
  })
})
