import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createPool } from 'crossfade/pool'
import { describe, expect, test } from 'vitest'
import { blue } from '../plans/appointments/blue.ts'
import { green } from '../plans/appointments/green.ts'
import { startApplication } from '../scripts/appointments/application.ts'
import { PlainPool } from '../scripts/appointments/application/plain-pool.ts'
import type { Place } from '../scripts/appointments/database/loader.ts'
import { createIndexes, createTables, urlOf } from '../scripts/appointments/database/schema.ts'
import { buildBlue, createBlue, generateBlue } from '../scripts/appointments/generate.ts'
import { checkLedger, Ledger } from '../scripts/appointments/ledger.ts'
import type { SchemaSpec } from '../src/plan/schema.ts'
import { createDatabase, describeEachEngine, runSql, type TestDatabase } from './support/servers.ts'

const ROWS = 3_000
const BLOB_BYTES = 100_000

const placeOf = ({ engine, url, name }: TestDatabase, schema: string): Place => ({
  engine,
  url,
  namespace: engine === 'postgres' ? schema : name,
})

const named = ({ engine, namespace }: Place, table: string): string =>
  engine === 'postgres' ? `"${namespace}"."${table}"` : `\`${namespace}\`.\`${table}\``

/** One digest per table over all values of all rows, in whatever order they come. */
const digests = async (place: Place): Promise<Record<string, string>> => {
  const result: Record<string, string> = {}
  for (const table of Object.keys(blue)) {
    const rows = await runSql(place.engine, place.url, `SELECT * FROM ${named(place, table)}`)
    const lines = rows.map((row) => JSON.stringify(row)).sort()
    result[table] = createHash('sha256').update(lines.join('\n')).digest('hex')
  }
  return result
}

/** Rows whose foreign key finds nothing, by the key's name. */
const orphans = async (place: Place, schema: SchemaSpec): Promise<Record<string, unknown>[]> => {
  const quote = (name: string): string => (place.engine === 'postgres' ? `"${name}"` : `\`${name}\``)
  const checks = Object.entries(schema).flatMap(([table, { foreignKeys }]) =>
    Object.entries(foreignKeys ?? {}).map(([name, { columns, references, referencedColumns }]) => {
      const [child, parent] = [quote(columns[0]!), quote(referencedColumns[0]!)]
      return `SELECT '${name}' AS name, count(*) AS number FROM ${named(place, table)} c
        LEFT JOIN ${named(place, references)} p ON p.${parent} = c.${child} WHERE c.${child} IS NOT NULL AND p.${parent} IS NULL`
    }),
  )
  const rows = await runSql(place.engine, place.url, checks.join(' UNION ALL '))
  expect(rows).toHaveLength(checks.length)
  return rows.filter((row) => Number(row['number']) > 0)
}

describeEachEngine('the appointments generator', (engine) => {
  test('makes the same rows from the same seed and others from another, in every table', async () => {
    await using first = await createDatabase(engine)
    await using second = await createDatabase(engine)
    await using third = await createDatabase(engine)
    const places = [first, second, third].map((database) => placeOf(database, 'blue'))
    const [one, two, other] = places as [Place, Place, Place]
    const written = []
    for (const [place, seed] of [
      [one, 1],
      [two, 1],
      [other, 2],
    ] as const) {
      await createBlue(place)
      written.push(await generateBlue({ ...place, seed, rows: ROWS, maxBlobBytes: BLOB_BYTES }))
    }

    expect(Object.keys(written[0]!)).toHaveLength(85)
    expect(Math.min(...Object.values(written[0]!))).toBeGreaterThan(0)
    const sum = Object.values(written[0]!).reduce((total, count) => total + count, 0)
    expect(Math.abs(sum - ROWS)).toBeLessThan(ROWS * 0.05)
    const expected = await digests(one)
    expect(await digests(two)).toEqual(expected)
    expect((await digests(other))['calls']).not.toBe(expected['calls'])
  })

  test('leaves foreign keys whole, and keys continue after the last', async () => {
    await using database = await createDatabase(engine)
    const place = placeOf(database, 'blue')
    await buildBlue({ ...place, seed: 3, rows: ROWS, maxBlobBytes: BLOB_BYTES })

    expect(await orphans(place, blue)).toEqual([])
    const kunden = named(place, 'kunden')
    await runSql(engine, place.url, `INSERT INTO ${kunden} (name) VALUES ('Nächste')`)
    const [row] = await runSql(
      engine,
      place.url,
      `SELECT max(id) AS last, (SELECT max(id) FROM ${kunden} WHERE name <> 'Nächste') AS before_it FROM ${kunden} WHERE name = 'Nächste'`,
    )
    expect(Number(row!['last'])).toBe(Number(row!['before_it']) + 1)
  })
})

describeEachEngine('the appointments application', (engine) => {
  const engines = { blue: engine, green: engine }

  test('works on blue without a failure, and the ledger notices what is lost, copied or changed', async () => {
    await using database = await createDatabase(engine)
    const place = placeOf(database, 'blue')
    await buildBlue({ ...place, seed: 4, rows: ROWS, maxBlobBytes: BLOB_BYTES })
    const url = urlOf(place)
    const ledger = new Ledger()
    const pool = createPool({ url, side: 'blue', max: 16, acquireTimeoutMs: 30_000 })
    try {
      const application = await startApplication({ pool, engines, ledger, clients: 16 })
      await delay(3_000)
      const stats = await application.stop()
      expect(stats.errors).toEqual({})
      expect(stats).toMatchObject({ failed: 0, inDoubt: 0 })
      expect(stats.succeeded).toBeGreaterThan(0)
    } finally {
      await pool.end()
    }
    const check = { side: 'blue', engine, url, ledger } as const
    const exact = await checkLedger(check)
    expect(exact).toMatchObject({ lost: 0, duplicated: 0, wrong: 0, details: [] })
    expect(exact.acknowledged).toBeGreaterThan(0)

    const [first, second] = [...ledger.states('webhook').keys()]
    const webhooks = named(place, 'webhook_events')
    await runSql(engine, place.url, `DELETE FROM ${webhooks} WHERE event_id = '${first}'`)
    expect(await checkLedger(check)).toMatchObject({ lost: 1, duplicated: 0, wrong: 0 })

    const [call] = ledger.states('api-call').keys()
    const logs = named(place, 'api_call_logs')
    const columns = 'service, endpoint, method, company_id, correlation_id, response_status, requested_at'
    const copy = `INSERT INTO ${logs} (${columns}) SELECT ${columns} FROM ${logs} WHERE correlation_id = '${call}'`
    await runSql(engine, place.url, copy)
    expect(await checkLedger(check)).toMatchObject({ lost: 1, duplicated: 1, wrong: 0 })

    await runSql(engine, place.url, `UPDATE ${webhooks} SET notes = 'von fremder Hand' WHERE event_id = '${second}'`)
    expect(await checkLedger(check)).toMatchObject({ lost: 1, duplicated: 1, wrong: 1 })
  })

  test('works on green over plain connections', async () => {
    await using old = await createDatabase(engine)
    // On PostgreSQL the sides share a database, so that rows can be carried over by one statement; elsewhere a server.
    await using fresh = await createDatabase(engine)
    const from = placeOf(old, 'blue')
    const to = engine === 'postgres' ? { ...from, namespace: 'green' } : placeOf(fresh, 'green')
    await createBlue(from)
    await generateBlue({ ...from, seed: 5, rows: ROWS, maxBlobBytes: BLOB_BYTES })
    await createTables({ place: to, side: 'green', schema: green })
    for (const [table, columns] of Object.entries(CARRIED)) {
      await runSql(
        engine,
        to.url,
        `INSERT INTO ${named(to, table)} (${columns}) SELECT ${columns} FROM ${named(from, table)}`,
      )
      // As after a switch: rows born in green have keys that fit no number.
      if (engine !== 'postgres')
        await runSql(engine, to.url, `ALTER TABLE ${named(to, table)} AUTO_INCREMENT = ${BIRTH_LINE}`)
    }
    if (engine === 'postgres') {
      const restart = (table: string): string =>
        `ALTER TABLE ${named(to, table)} ALTER COLUMN id RESTART WITH ${BIRTH_LINE}`
      await runSql(
        engine,
        to.url,
        ...['companies', 'customers', 'calcom_event_types', 'appointments', 'calls'].map(restart),
      )
    }
    await createIndexes({ place: to, side: 'green', schema: green })

    const url = urlOf(to)
    const ledger = new Ledger()
    await using pool = await PlainPool.open({ url, side: 'green' })
    const application = await startApplication({ pool, engines, ledger, clients: 16, seed: 2 })
    await delay(3_000)
    const stats = await application.stop()
    expect(stats.errors).toEqual({})
    expect(stats.bySide.green).toBeGreaterThan(0)
    expect(await checkLedger({ side: 'green', engine, url, ledger })).toMatchObject({
      lost: 0,
      duplicated: 0,
      wrong: 0,
      details: [],
    })
  })
})

const BIRTH_LINE = '900000000000000000'

/** What the application needs to begin with, in columns that both sides have. */
const CARRIED = {
  companies: 'id, name, slug',
  customers: 'id, company_id, name, phone, email',
  branches: 'id, company_id, name, slug',
  staff: 'id, company_id, branch_id, name, phone, experience_level',
  calcom_event_types: 'id, company_id, branch_id, name',
} as const

describe('the ledger', () => {
  test('takes either outcome of an unclear commit, and the last of several changes', () => {
    const ledger = new Ledger()
    const key = ledger.newKey()
    expect(key.length).toBeLessThanOrEqual(50)
    ledger.acknowledge([{ type: 'present', entity: 'webhook', key, values: { status: 'pending', notes: null } }])
    ledger.acknowledge([{ type: 'present', entity: 'webhook', key, values: { status: 'completed' } }])
    expect(ledger.states('webhook').get(key)).toEqual([{ status: 'completed', notes: null }])

    ledger.doubt([{ type: 'present', entity: 'webhook', key, values: { notes: 'x' } }])
    expect(ledger.states('webhook').get(key)).toEqual([
      { status: 'completed', notes: null },
      { status: 'completed', notes: 'x' },
    ])
    const unborn = ledger.newKey()
    ledger.doubt([{ type: 'present', entity: 'webhook', key: unborn, values: { status: 'pending' } }])
    expect(ledger.states('webhook').get(unborn)).toEqual([undefined, { status: 'pending' }])
    expect(ledger).toMatchObject({ acknowledged: 2, inDoubt: 2 })
  })
})
