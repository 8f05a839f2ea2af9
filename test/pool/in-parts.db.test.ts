/** What may have committed a part of its work, or belongs to another connection, is not run again by itself. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type Pool } from '../../src/pool/index.ts'
import { createDatabase, describeEachEngine, runSql, type TestDatabase } from '../support/servers.ts'
import { until } from './support.ts'

describeEachEngine('a pool', (engine) => {
  const isPostgres = engine === 'postgres'
  let database: TestDatabase
  let pool: Pool
  beforeAll(async () => {
    database = await createDatabase(engine)
    // As the fence refuses, after a part was committed.
    const procedure = isPostgres
      ? `CREATE PROCEDURE half() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT;
         RAISE EXCEPTION 'crossfade: side blue is closed' USING ERRCODE = '25006'; END $$`
      : `CREATE PROCEDURE half() BEGIN INSERT INTO t VALUES (1);
         SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'crossfade: side blue is closed'; END`
    await runSql(engine, database.url, 'CREATE TABLE t (n int)', procedure)
    pool = createPool({ url: database.url, min: 1, max: 4 })
  })
  afterAll(async () => {
    await pool.end()
    await database[Symbol.asyncDispose]()
  })
  const count = async () => Number((await pool.query<{ n: unknown }>('SELECT COUNT(*) AS n FROM t')).rows[0]!.n)

  test('says of a procedure that the fence refused half-way that a part may be committed', async () => {
    await expect(pool.query('/* nightly */ CALL half()')).rejects.toMatchObject({ name: 'OutcomeUnknownError' })
    await expect(pool.query('CALL half()', [], { retry: 3 })).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(await count()).toBe(2)
  })

  test('does not take the loss of a lease for that of the transaction in which it was used', async () => {
    await runSql(engine, database.url, 'DELETE FROM t')
    const lease = await pool.connection()
    const idOf = isPostgres ? 'SELECT pg_backend_pid() AS id' : 'SELECT CONNECTION_ID() AS id'
    const id = Number((await lease.query<{ id: unknown }>(idOf)).rows[0]!.id)
    await runSql(engine, database.url, isPostgres ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`)
    await until(() => pool.stats().counts.lost > 0)
    const work = pool.transaction(async () => {
      await pool.query('INSERT INTO t VALUES (2)')
      await lease.query('SELECT 1')
    })
    await expect(work).rejects.toMatchObject({ name: 'ConnectionLostError' })
    expect(await count()).toBe(1)
    lease.release()
  })

  test('is not harmed by a logger that throws', async () => {
    const logger = {
      warn: () => {
        throw new Error('the logger is gone')
      },
    }
    await using slow = createPool({ url: database.url, min: 1, max: 1, logSlowQueries: true, slowQueryMs: 0, logger })
    await runSql(engine, database.url, 'DELETE FROM t')
    await slow.query('INSERT INTO t VALUES (3)')
    await slow.transaction(({ query }) => query('INSERT INTO t VALUES (4)'))
    expect(await count()).toBe(2)
  })
})
