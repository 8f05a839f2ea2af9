/** `end` tells everybody, wherever they wait, and leaves no connection, whatever is being opened at that moment. */
import { expect, test } from 'vitest'
import { Proxy } from '../../scripts/torture/proxy.ts'
import { createPool, PoolEndedError } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, until } from './support.ts'

describeEachEngine('the end of a pool', (engine) => {
  test('is told to those whom the fence has refused, and who wait for the other side', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    const pool = createPool(stage.options)
    await stage.refuse('blue')
    const waiting = pool.query("INSERT INTO orders VALUES (1, 'x')").catch((error: unknown) => error)
    await until(() => pool.stats().counts.refused >= 4)
    // Longer than this test may take.
    await pool.end({ drainMs: 600_000 })
    expect(await waiting).toBeInstanceOf(PoolEndedError)
  })

  test('is told to those who pause before they run again', async () => {
    await using stage = await createStage(engine)
    await stage.sql("INSERT INTO {blue}.orders VALUES (1, 'x')")
    const pool = createPool({ url: stage.options.blue, min: 0, max: 3, acquireTimeoutMs: 30_000 })
    const lose =
      engine === 'postgres'
        ? "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$"
        : "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'lost'"
    const failed = (work: Promise<unknown>) => work.catch((error: unknown) => error)
    const lease = await pool.connection()
    const both = [
      failed(pool.transaction((tx) => tx.query(lose), { retry: 1_000 })),
      failed(lease.transaction((tx) => tx.query(lose), { retry: 1_000 })),
    ]
    // By then the pauses take a second.
    await until(() => pool.stats().counts.conflictReruns >= 12)
    const ended = pool.end({ drainMs: 600_000 })
    expect(await Promise.all(both)).toEqual([expect.any(PoolEndedError), expect.any(PoolEndedError)])
    lease.release()
    await ended
  })

  test('leaves no connection to the gate board that was being opened', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    const before = await stage.countSessions()
    const journal = new URL(stage.options.journal)
    await using proxy = await Proxy.open({ host: journal.hostname, port: Number(journal.port) })
    journal.port = String(proxy.port)
    const pool = createPool({ ...stage.options, journal: journal.href, beatMs: 100 })
    await pool.query('SELECT 1')
    proxy.setTrouble({ type: 'delay', ms: 300 })
    proxy.cut()
    // The board's sessions are gone, and new ones on their way: each needs several round trips.
    await until(async () => (await stage.countSessions()) > before)
    await pool.end()
    proxy.setTrouble(undefined)
    await until(async () => (await stage.countSessions()) <= before)
  })
})
