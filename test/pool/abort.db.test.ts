/** A signal that aborts while nothing is on its way to a server: before a rerun, and between two attempts. */
import { channel } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import { Proxy } from '../../scripts/torture/proxy.ts'
import { createPool, type Pool, type PoolConnection, type QueryEvent } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, freePort, until, type Stage } from './support.ts'

/** Far below any pause or limit that would end the wait by itself, far above what a busy machine needs to notice. */
const AT_ONCE_MS = 1_000

/** Aborts as soon as `isTime`, and tells how long the outcome took after that. */
async function abortWhen(isTime: () => boolean, start: (signal: AbortSignal) => Promise<unknown>) {
  const controller = new AbortController()
  const outcome = start(controller.signal).catch((error: unknown) => error)
  await until(isTime)
  const abortedAt = performance.now()
  const reason = new Error('changed my mind')
  controller.abort(reason)
  expect(await outcome).toBe(reason)
  expect(performance.now() - abortedAt).toBeLessThan(AT_ONCE_MS)
}

const expectNothingKept = async (pool: Pool) => {
  await until(() => pool.stats().inUse === 0)
  expect(pool.stats()).toMatchObject({ inUse: 0, inFlight: 0, waiting: 0 })
}

const ids = (stage: Stage) => stage.sql('SELECT id FROM {blue}.orders UNION ALL SELECT id FROM {green}.orders')

describeEachEngine('a signal that aborts', (engine) => {
  const conflict =
    engine === 'postgres'
      ? "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$"
      : "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'lost'"

  test('between a refusal by the fence and the newer authority ends the request at once', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    await using pool = createPool({ ...stage.options, min: 1, max: 1, holdTimeoutMs: 120_000 })
    await stage.refuse('blue')
    const refusedTwice = () => pool.stats().counts.refused >= 2
    const insert = 'INSERT INTO orders VALUES (1, NULL)'
    await abortWhen(refusedTwice, (signal) => pool.transaction((tx) => tx.query(insert), { signal }))
    const before = pool.stats().counts.refused
    const refusedAgain = () => pool.stats().counts.refused >= before + 2
    await abortWhen(refusedAgain, (signal) => pool.query(insert, [], { signal }))
    await expectNothingKept(pool)

    // What was refused, and waits at the closed gate by now.
    await stage.board.hold({ holdId: 'h', leaseMs: 120_000 })
    await until(() => pool.stats().gate === 'held')
    const isHeld = () => pool.stats().waiting === 1
    await abortWhen(isHeld, (signal) => pool.query(insert, [], { signal }))
    await expectNothingKept(pool)
    await stage.board.release({ side: 'green', epoch: 2 })
    await pool.query('INSERT INTO orders VALUES (2, NULL)')
    expect(await ids(stage)).toEqual([{ id: 2 }])
  })

  test('while the gate board says nothing any more is heard all the same', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.journal)
    await using proxy = await Proxy.open({ host: url.hostname, port: Number(url.port) })
    url.port = String(proxy.port)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    await using pool = createPool({ ...stage.options, journal: url.href, min: 1, max: 1, holdTimeoutMs: 120_000 })
    await pool.query('SELECT 1')
    await stage.refuse('blue')
    proxy.setTrouble({ type: 'black-hole' })
    const isRefused = () => pool.stats().counts.refused > 0
    await abortWhen(isRefused, (signal) => pool.query('INSERT INTO orders VALUES (1, NULL)', [], { signal }))
    await expectNothingKept(pool)
    proxy.setTrouble(undefined, { areOldDead: true })
    proxy.cut()
  })

  test('between two attempts after a conflict ends the request at once, on the pool and on a lease', async () => {
    await using stage = await createStage(engine)
    await using pool = createPool({ url: stage.options.blue, min: 0, max: 2, acquireTimeoutMs: 30_000 })
    let runs = 0
    const work = async (tx: PoolConnection) => {
      runs += 1
      await tx.query('INSERT INTO orders VALUES (1, NULL)')
      await tx.query(conflict)
    }
    // From the sixth on a pause takes a second.
    const isPausing = () => runs >= 7 && pool.stats().inFlight === 0
    await abortWhen(isPausing, (signal) => pool.transaction(work, { signal, retry: 1_000 }))
    const before = runs
    await expectNothingKept(pool)

    runs = 0
    await using lease = await pool.connection()
    await abortWhen(isPausing, (signal) => lease.transaction(work, { signal, retry: 1_000 }))
    expect([before, runs]).toEqual([7, 7])
    // The lease is of use after it.
    expect((await lease.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    lease.release()
    await expectNothingKept(pool)
    expect(await ids(stage)).toEqual([])
  })

  test('during the COMMIT does not hide that it was committed', async () => {
    await using stage = await createStage(engine)
    const { name } = stage.options
    await using pool = createPool({ url: stage.options.blue, name: name!, min: 0, max: 1, acquireTimeoutMs: 30_000 })
    let controller = new AbortController()
    const listener = (message: unknown) => {
      const { pool: of, sql } = message as QueryEvent
      if (of === name && sql === 'COMMIT') controller.abort(new Error('too late'))
    }
    const statements = channel('crossfade:pool:query:start')
    statements.subscribe(listener)
    onTestFinished(() => {
      statements.unsubscribe(listener)
    })
    for (const [id, retry] of [
      [1, true],
      [2, 3],
    ] as const) {
      controller = new AbortController()
      const { signal } = controller
      const work = pool.transaction((tx) => tx.query(`INSERT INTO orders VALUES (${id}, NULL)`), { signal, retry })
      await expect(work).resolves.toMatchObject({ rowCount: 1 })
    }
    expect(await ids(stage)).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('before a read that would have to ask an unreachable primary first leaves no rejection that nobody handles', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.blue)
    await using proxy = await Proxy.open({ host: url.hostname, port: Number(url.port) })
    url.port = String(await freePort())
    const replica = url.href
    url.port = String(proxy.port)
    await using pool = createPool({ url: url.href, replicas: [replica], min: 0, acquireTimeoutMs: 5_000 })
    await pool.query('INSERT INTO orders VALUES (1, NULL)')
    proxy.setTrouble({ type: 'refuse' })
    proxy.cut()
    await until(() => pool.stats().idle === 0)
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(pool.query('SELECT id FROM orders', [], { signal })).rejects.toThrow('too late')
    // The question for the position of the primary goes on without its asker, and fails.
    expect(pool.stats().waiting).toBe(1)
    await until(() => pool.stats().waiting === 0)
  })

  test('leaves nothing behind', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    const pool = createPool({ ...stage.options, max: 2, holdTimeoutMs: 120_000 })
    await stage.refuse('blue')
    const isRefused = () => pool.stats().counts.refused > 0
    await abortWhen(isRefused, (signal) => pool.query('INSERT INTO orders VALUES (1, NULL)', [], { signal }))
    await pool.end()
    await stage.board.remove()
    await stage.board.close()
    await until(async () => (await stage.countSessions()) === 0)
  })
})
