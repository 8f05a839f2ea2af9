/** What becomes of a transaction that one of its own statements ends: COMMIT as SQL, DDL on MySQL and MariaDB, an error. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPool, type Pool, type PoolConnection } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, until, type Stage } from './support.ts'

const insert = (id: number): string => `INSERT INTO orders VALUES (${id}, 'x')`

describeEachEngine('a transaction that a statement of its own ends', (engine) => {
  const isPostgres = engine === 'postgres'
  /** All of them end the transaction; the last one begins the next at once. */
  const endings = isPostgres
    ? ['/* done */ COMMIT', '-- done\nEND', 'COMMIT AND CHAIN']
    : [
        '/* done */ COMMIT',
        'CREATE TABLE IF NOT EXISTS more (n int)',
        // Answers with rows, which carry no status.
        'ANALYZE TABLE more_or_less',
        'CALL chained()',
        'START TRANSACTION',
        'COMMIT AND CHAIN',
      ]
  let stage: Stage
  let pool: Pool
  let sessions: number

  beforeAll(async () => {
    stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    await stage.sql(
      isPostgres
        ? `CREATE FUNCTION {blue}.clash() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION 'could not serialize' USING ERRCODE = '40001'; END $$`
        : `CREATE FUNCTION {blue}.clash() RETURNS int DETERMINISTIC BEGIN
             SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'deadlock'; RETURN 1; END`,
    )
    if (!isPostgres)
      await stage.sql(
        'CREATE TABLE {blue}.more_or_less (n int)',
        'CREATE PROCEDURE {blue}.chained() BEGIN COMMIT; START TRANSACTION; END',
        `CREATE PROCEDURE {blue}.half() BEGIN START TRANSACTION; INSERT INTO {blue}.more_or_less VALUES (1);
           SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'half-way'; END`,
      )
    sessions = await stage.countSessions()
    pool = createPool({ ...stage.options, max: 4 })
  })
  afterAll(async () => {
    await pool.end()
    await until(async () => (await stage.countSessions()) <= sessions)
    await stage[Symbol.asyncDispose]()
  })
  beforeEach(() => stage.sql('DELETE FROM {blue}.orders'))

  const idsOf = async (): Promise<number[]> =>
    (await stage.sql('SELECT id FROM {blue}.orders ORDER BY id')).map(({ id }) => Number(id))
  const endSession = async (tx: PoolConnection): Promise<void> => {
    const { rows } = await tx.query<{ id: unknown }>(
      `SELECT ${isPostgres ? 'pg_backend_pid()' : 'CONNECTION_ID()'} AS id`,
    )
    const { lost } = pool.stats().counts
    const id = Number(rows[0]!.id)
    await stage.sql(isPostgres ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`)
    await until(() => pool.stats().counts.lost > lost)
  }

  test.each(endings)('%s: is not run again when the fence refuses the rest', async (ending) => {
    let runs = 0
    const work = pool.transaction(async (tx) => {
      runs += 1
      await tx.query(insert(1))
      await tx.query(ending)
      await stage.refuse('blue')
      await tx.query(insert(2))
    })
    await expect(work).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    await stage.accept('blue')
    expect({ runs, ids: await idsOf() }).toEqual({ runs: 1, ids: [1] })
  })

  test.each(endings)('%s: is not run again when the rest loses against another one', async (ending) => {
    let runs = 0
    const work = pool.transaction(
      async (tx) => {
        runs += 1
        await tx.query(insert(1))
        await tx.query(ending)
        await tx.query('SELECT clash()')
      },
      { retry: 3 },
    )
    await expect(work).rejects.toThrow(/could not serialize|deadlock/)
    expect({ runs, ids: await idsOf() }).toEqual({ runs: 1, ids: [1] })
  })

  test.each(endings)('%s: does not say that nothing was committed when its connection dies', async (ending) => {
    const work = pool.transaction(async (tx) => {
      await tx.query(insert(1))
      await tx.query(ending)
      await endSession(tx)
      await tx.query(insert(2))
    })
    await expect(work).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    const last = pool.transaction(async (tx) => {
      await tx.query(insert(3))
      await tx.query(ending)
      await endSession(tx)
    })
    await expect(last).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(await idsOf()).toEqual([1, 3])
  })

  test.each(['to its end', 'not to its end'])('as a stream that is read %s: is not run again', async (how) => {
    for (const ending of endings) {
      let runs = 0
      await stage.sql('DELETE FROM {blue}.orders')
      const work = pool.transaction(
        async (tx) => {
          runs += 1
          await tx.query(insert(1))
          const rows = tx.stream(ending)
          if (how === 'to its end') for await (const row of rows) expect(row).toBeDefined()
          else {
            await rows.next()
            await rows.return()
          }
          await tx.query('SELECT clash()')
        },
        { retry: 3 },
      )
      await expect(work, ending).rejects.toThrow()
      expect({ ending, runs, ids: await idsOf() }).toEqual({ ending, runs: 1, ids: [1] })
    }
  })

  test('half-way, by what then fails: is not run again for what fails later', async () => {
    const half = isPostgres ? 'COMMIT; BEGIN; SELECT 1/0' : 'CALL half()'
    let runs = 0
    const work = pool.transaction(
      async (tx) => {
        runs += 1
        await tx.query(insert(1))
        await tx.query(half).catch(() => undefined)
        await tx.query(isPostgres ? 'ROLLBACK' : 'SELECT 1')
        await tx.query('SELECT clash()')
      },
      { retry: 3 },
    )
    await expect(work).rejects.toThrow(/could not serialize|deadlock/)
    expect({ runs, ids: await idsOf() }).toEqual({ runs: 1, ids: [1] })
  })

  test('sends nothing more once the fence has refused one of its statements', async () => {
    await stage.refuse('blue')
    try {
      const work = pool.transaction(
        (tx) => Promise.allSettled([tx.query(insert(1)), tx.query(endings[1]!), tx.query(insert(2))]),
        { retry: false },
      )
      await expect(work).rejects.toMatchObject({ code: 'SIDE_CLOSED' })
    } finally {
      await stage.accept('blue')
    }
    expect(await idsOf()).toEqual([])
  })

  test('is not told as if nothing were committed when the rest was rolled back at its end', async () => {
    const work = pool.transaction(async (tx) => {
      await tx.query(insert(1))
      await tx.query(isPostgres ? 'COMMIT AND CHAIN' : 'START TRANSACTION')
      await tx.query('SELECT clash()').catch(() => undefined)
    })
    if (isPostgres) await expect(work).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    else await work
    expect(await idsOf()).toEqual([1])
  })

  test('is run again when nothing has ended it', async () => {
    let runs = 0
    await pool.transaction(
      async (tx) => {
        runs += 1
        await tx.query(insert(1))
        await tx.query('SAVEPOINT s -- ; COMMIT')
        await tx.query("UPDATE orders SET note = '; COMMIT' WHERE id = 1")
        await tx.query('ROLLBACK TO SAVEPOINT s')
        if (runs < 3) await tx.query('SELECT clash()')
      },
      { retry: 3 },
    )
    expect({ runs, ids: await idsOf() }).toEqual({ runs: 3, ids: [1] })
    const lost = pool.transaction(async (tx) => {
      await tx.query(insert(2))
      await endSession(tx)
    })
    await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    expect(await idsOf()).toEqual([1])
  })

  test('by an error: what came before it is committed where that ends it, and is not run again there', async () => {
    let runs = 0
    const work = pool.transaction(
      async (tx) => {
        runs += 1
        await tx.query(insert(1))
        await tx.query('CREATE TABLE orders (n int)').catch(() => undefined)
        await tx.query('SELECT clash()')
      },
      { retry: 3 },
    )
    // PostgreSQL answers the rest with "the transaction is aborted", which is no conflict.
    await expect(work).rejects.toThrow(isPostgres ? 'aborted' : 'deadlock')
    expect({ runs, ids: await idsOf() }).toEqual({ runs: 1, ids: isPostgres ? [] : [1] })
  })

  test('on a lease, by an error: it stands in no hold’s way', async () => {
    await using lease = await pool.connection()
    if (isPostgres)
      await stage.sql(
        'CREATE TABLE {blue}.late (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)',
        'INSERT INTO {blue}.late VALUES (1)',
      )
    await lease.query('BEGIN')
    await lease.query(isPostgres ? 'INSERT INTO late VALUES (1)' : insert(1))
    expect(pool.stats().inFlight).toBe(1)
    await expect(lease.query(isPostgres ? 'COMMIT' : 'CREATE TABLE orders (n int)')).rejects.toThrow(/duplicate|exists/)
    expect(pool.stats().inFlight).toBe(0)
  })

  test('half-way, as one text or in a procedure: its connection is not lent again', async () => {
    await using single = createPool({ ...stage.options, min: 1, max: 1 })
    if (isPostgres) {
      await single.query(insert(1))
      await expect(single.query(`BEGIN; ${insert(1)}; COMMIT`)).rejects.toThrow('duplicate')
    } else {
      await stage.sql('CREATE PROCEDURE {blue}.opened() BEGIN SELECT 1 AS one; START TRANSACTION; END')
      await single.query('CALL opened()')
    }
    await single.query(insert(2))
    expect(await idsOf()).toContain(2)
  })
})
