import { expect, test } from 'vitest'
import { createPool, OutcomeUnknownError, type Pool } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, until, type Stage } from './support.ts'

const poolOn = (stage: Stage): Pool => createPool({ url: stage.options.blue, min: 0, max: 1, acquireTimeoutMs: 30_000 })
const PREPARE = { prepare: true }

describeEachEngine('a prepared statement', (engine) => {
  const isPostgres = engine === 'postgres'
  const countOf = async (pool: Pool): Promise<number> => {
    const own = isPostgres
      ? "SELECT count(*) AS n FROM pg_prepared_statements WHERE name LIKE 'crossfade%'"
      : // How often this session was asked to prepare one.
        "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'"
    const { rows } = await pool.query<Record<string, unknown>>(own)
    return Number(rows[0]!['n'] ?? rows[0]!['Value'])
  }

  test('is prepared once for many values, and answers as any other', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const { p } = stage
    for (let id = 1; id <= 20; id++) {
      await pool.query(`INSERT INTO orders VALUES (${p(1)}, ${p(2)})`, [id, `note ${id}`], PREPARE)
    }
    expect(await countOf(pool)).toBe(1)
    const found = await pool.query(`SELECT id, note FROM orders WHERE id = ${p(1)}`, [7], PREPARE)
    expect(found.rows).toEqual([{ id: 7, note: 'note 7' }])
    await pool.transaction(async (tx) => {
      await tx.query(`DELETE FROM orders WHERE id = ${p(1)}`, [7], PREPARE)
    })
    expect((await pool.query(`SELECT id FROM orders WHERE id = ${p(1)}`, [7], PREPARE)).rows).toEqual([])
  })

  test('is forgotten with the session, by whoever resets it', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const sql = `SELECT ${isPostgres ? '$1::int' : '?'} AS n`
    const ask = async (): Promise<void> => {
      const { rows } = await pool.query<{ n: unknown }>(sql, [5], PREPARE)
      expect(rows.map(({ n }) => Number(n))).toEqual([5])
    }
    await ask()
    // A lease resets the session when it comes back.
    {
      await using lease = await pool.connection()
      await lease.query(sql, [5], PREPARE)
    }
    await ask()
    if (isPostgres) {
      for (const text of ['DISCARD ALL', 'DEALLOCATE ALL', 'DO $$ BEGIN DEALLOCATE ALL; END $$']) {
        await pool.query(text)
        await ask()
      }
    }
    expect(pool.stats().counts.connected).toBe(1)
  })

  test('is one of a bounded number, and is prepared again when its columns change', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    for (let n = 0; n < 150; n++) await pool.query(`SELECT ${n} AS n`, [], PREPARE)
    if (isPostgres) expect(await countOf(pool)).toBe(100)
    expect((await pool.query('SELECT 0 AS n', [], PREPARE)).rows).toEqual([{ n: 0 }])

    await pool.query('SELECT * FROM orders', [], PREPARE)
    await stage.sql('ALTER TABLE {blue}.orders ADD COLUMN extra int', 'INSERT INTO {blue}.orders VALUES (1, NULL, 9)')
    expect((await pool.query('SELECT * FROM orders', [], PREPARE)).rows).toEqual([{ id: 1, note: null, extra: 9 }])
  })

  test('that fails, or a value that does not fit, harms nothing', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    for (let round = 0; round < 3; round++) {
      await expect(pool.query('SELECT * FROM no_such_table', [], PREPARE)).rejects.toThrow(/no_such_table/)
    }
    expect((await pool.query('SELECT 1 AS one', [], PREPARE)).rows).toEqual([{ one: 1 }])
    expect(pool.stats().counts.connected).toBe(1)
  })
})

// A lease once called every statement one of a transaction, so a lost write of its own was told as "nothing was committed".
describeEachEngine('a statement of a lease outside a transaction', (engine) => {
  test('has an unknown outcome when its connection dies', async () => {
    const isPostgres = engine === 'postgres'
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    await using lease = await pool.connection()
    const own = isPostgres ? 'SELECT pg_backend_pid() AS id' : 'SELECT connection_id() AS id'
    const id = Number((await lease.query<{ id: number }>(own)).rows[0]!.id)
    const write = isPostgres
      ? "INSERT INTO orders SELECT 1, 'late' FROM pg_sleep(600)"
      : "INSERT INTO orders SELECT 1, 'late' FROM (SELECT sleep(600)) AS s"
    const writing = lease.query(write).catch((error: unknown) => error)
    const running = isPostgres
      ? `SELECT 1 FROM pg_stat_activity WHERE pid = ${id} AND wait_event = 'PgSleep'`
      : `SELECT 1 FROM information_schema.processlist WHERE id = ${id} AND state = 'User sleep'`
    await until(async () => (await stage.sql(running)).length > 0)
    await stage.sql(isPostgres ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`)
    expect(await writing).toBeInstanceOf(OutcomeUnknownError)
  })
})
