/** Conflicts of transactions on a lease: the same as on the pool, and a hold does not wait for the pauses. */
import { expect, test } from 'vitest'
import { createPool, SideClosedError, type LeasedConnection } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, until, type Stage } from './support.ts'

const update = (id: number, note: string): string => `UPDATE orders SET note = '${note}' WHERE id = ${id}`

describeEachEngine('a transaction of a lease', (engine) => {
  const isPostgres = engine === 'postgres'
  const notes = (stage: Stage) => stage.sql('SELECT note FROM {blue}.orders ORDER BY id')

  /** Loses against `meanwhile` in each of its first `losses` runs. */
  const contested = async (stage: Stage, lease: LeasedConnection, losses: number, retry?: number) => {
    let runs = 0
    const work = lease.transaction(
      async (tx) => {
        runs += 1
        if (isPostgres) await tx.query('SELECT note FROM orders WHERE id = 1')
        else await tx.query(`SET innodb_lock_wait_timeout = ${runs <= losses ? 1 : 50}`)
        if (runs > losses) return void (await tx.query(update(1, 'mine')))
        if (isPostgres) {
          await stage.sql(`UPDATE {blue}.orders SET note = 'meanwhile ${runs}' WHERE id = 1`)
          return void (await tx.query(update(1, 'mine')))
        }
        await using other = createPool({ url: stage.options.blue, min: 0, max: 1, acquireTimeoutMs: 30_000 })
        await other.transaction(async (rival) => {
          await rival.query(update(1, `meanwhile ${runs}`))
          await tx.query(update(1, 'mine'))
        })
      },
      { isolation: 'repeatable read', ...(retry === undefined ? {} : { retry }) },
    )
    const error = await work.then(
      () => undefined,
      (cause: unknown) => cause,
    )
    return { runs, error }
  }

  test('that lost against others runs again as often as it may, and not once without being asked', async () => {
    await using stage = await createStage(engine)
    await stage.sql("INSERT INTO {blue}.orders VALUES (1, 'old')")
    await using pool = createPool({ url: stage.options.blue, min: 0, max: 3, acquireTimeoutMs: 30_000 })
    await using lease = await pool.connection()

    const unasked = await contested(stage, lease, 1)
    expect(unasked.runs).toBe(1)
    expect(unasked.error).toBeInstanceOf(Error)
    const tooOften = await contested(stage, lease, 9, 1)
    expect(tooOften.runs).toBe(2)
    expect(tooOften.error).toBeInstanceOf(Error)
    const enough = await contested(stage, lease, 2, 3)
    expect(enough).toEqual({ runs: 3, error: undefined })
    expect(await notes(stage)).toEqual([{ note: 'mine' }])
    expect(pool.stats().counts.conflictReruns).toBe(3)

    let failures = 0
    const failing = lease.transaction(
      async (tx) => {
        failures += 1
        await tx.query('INSERT INTO orders VALUES (1, NULL)')
      },
      { retry: 5 },
    )
    await expect(failing).rejects.toThrow(/duplicate/i)
    expect(failures).toBe(1)
    expect((await lease.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('keeps its turn through its pauses, and what was asked behind it comes after it', async () => {
    await using stage = await createStage(engine)
    await stage.sql("INSERT INTO {blue}.orders VALUES (1, 'old')")
    await using pool = createPool({ url: stage.options.blue, min: 0, max: 3, acquireTimeoutMs: 30_000 })
    await using lease = await pool.connection()
    const first = contested(stage, lease, 1, 3)
    const behind = lease.query<{ note: string }>('SELECT note FROM orders')
    expect(await first).toMatchObject({ runs: 2, error: undefined })
    expect((await behind).rows).toEqual([{ note: 'mine' }])
  })

  test('holds up no switch between two runs, and is told that its side is closed', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    await stage.sql("INSERT INTO {blue}.orders VALUES (1, 'old')")
    await using pool = createPool({ ...stage.options, max: 4 })
    await using lease = await pool.connection()
    let runs = 0
    const work = lease.transaction(
      async (tx) => {
        runs += 1
        if (runs === 1) {
          await stage.board.hold({ holdId: 'h', leaseMs: 120_000 })
          await until(() => pool.stats().gate === 'draining')
        }
        const conflict = isPostgres
          ? "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$"
          : "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'lost'"
        await tx.query(conflict)
      },
      { retry: 5 },
    )
    const outcome = work.catch((error: unknown) => error)
    expect(await stage.board.clientsReady('h', 60_000)).toEqual({ held: 1, stragglers: [] })
    await stage.board.release({ side: 'green', epoch: 2 })
    expect(await outcome).toBeInstanceOf(SideClosedError)
    expect(runs).toBe(1)
  })

  test('leaves nothing behind', async () => {
    await using stage = await createStage(engine)
    await stage.sql("INSERT INTO {blue}.orders VALUES (1, 'old')")
    await stage.board.close()
    const pool = createPool({ url: stage.options.blue, min: 0, max: 3, acquireTimeoutMs: 30_000 })
    const lease = await pool.connection()
    await contested(stage, lease, 1, 3)
    lease.release()
    await pool.end()
    await until(async () => (await stage.countSessions()) === 0)
  })
})
