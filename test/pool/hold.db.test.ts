import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createPool, HoldTimeoutError, SideClosedError, type Pool } from '../../src/pool/index.ts'
import { openGateBoard } from '../../src/engines/gate-board.ts'
import { describeEachEngine } from '../support/servers.ts'
import type { Command, Report } from './pool-process.ts'
import { createStage, until, type Stage } from './support.ts'

const BLUE = { side: 'blue', epoch: 1 } as const
const GREEN = { side: 'green', epoch: 2 } as const
const LEASE_MS = 120_000
const BUDGET_MS = 60_000

const insert = (id: number): string => `INSERT INTO orders VALUES (${id}, 'x')`

const rowsOn = async (stage: Stage, side: 'blue' | 'green'): Promise<number[]> =>
  (await stage.sql(`SELECT id FROM {${side}}.orders ORDER BY id`)).map(({ id }) => Number(id))

/** A transaction that stays open until it is told to go on. */
const openTransaction = async (pool: Pool, id: number) => {
  let goOn: () => void = () => undefined
  const told = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let begun: () => void = () => undefined
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  const done = pool.transaction(async (tx) => {
    await tx.query(insert(id))
    begun()
    await told
    await tx.query(insert(id + 1))
    return tx.side
  })
  await isBegun
  return { goOn, done }
}

describeEachEngine('a hold', (engine) => {
  test('lets open transactions end, keeps new ones, and sends them to the other side when it is released', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    const open = await openTransaction(pool, 1)

    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    await until(() => pool.stats().gate === 'draining')
    const missed = await stage.board.clientsReady('h', 100)
    expect(missed).toMatchObject({
      held: 0,
      stragglers: [{ name: stage.options.name, state: 'draining', inFlight: 1 }],
    })
    expect(missed.stragglers[0]!.oldestSql).toMatch(/^INSERT INTO orders/)

    const served: number[] = []
    const kept = [11, 12, 13, 14].map((id) =>
      pool.transaction(async (tx) => {
        served.push(id)
        await tx.query(insert(id))
        return tx.side
      }),
    )
    const single = pool.query(insert(15))
    const ready = stage.board.clientsReady('h', BUDGET_MS)
    open.goOn()
    expect(await open.done).toBe('blue')
    expect(await ready).toEqual({ held: 1, stragglers: [] })
    expect(await rowsOn(stage, 'blue')).toEqual([1, 2])
    expect(pool.stats()).toMatchObject({ gate: 'held', inFlight: 0, waiting: 5 })

    await stage.board.release(GREEN)
    expect(await Promise.all(kept)).toEqual(['green', 'green', 'green', 'green'])
    await single
    expect(await rowsOn(stage, 'blue')).toEqual([1, 2])
    expect(await rowsOn(stage, 'green')).toEqual([11, 12, 13, 14, 15])
    expect([...served].sort((left, right) => left - right)).toEqual([11, 12, 13, 14])
    expect(pool.stats()).toMatchObject({
      side: 'green',
      epoch: 2,
      counts: { switches: 1, refused: 0 },
      holds: { count: 1 },
    })
  })

  test('holds pools of several processes; all are woken although nobody polls', { timeout: 240_000 }, async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await using other = await startProcess()
    await other.ask({ type: 'start', options: stage.options }, 'started')
    await pool.query('SELECT 1')

    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    expect(await stage.board.clientsReady('h', BUDGET_MS)).toEqual({ held: 2, stragglers: [] })
    const here = pool.transaction(async (tx) => (await tx.query(insert(1)), tx.side))
    const there = other.ask({ type: 'insert', sql: insert(2) }, 'inserted')
    await stage.board.release(GREEN)

    expect(await here).toBe('green')
    expect(await there).toMatchObject({ side: 'green' })
    expect(await rowsOn(stage, 'green')).toEqual([1, 2])
    expect(await rowsOn(stage, 'blue')).toEqual([])
    await other.ask({ type: 'end' }, 'ended')
  })

  test('that was announced finds connections to the other side open already', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await pool.query('SELECT 1')
    await until(() => pool.stats().total === 2)
    expect(await stage.board.clients()).toMatchObject([{ readyFor: undefined }])

    await stage.board.announce('green')
    await until(async () => (await stage.board.clients())[0]?.readyFor === 'green')
    // The two that are kept open, of each side; nobody is held up meanwhile.
    expect(pool.stats()).toMatchObject({ gate: 'open', side: 'blue', total: 4 })
    const { connected } = pool.stats().counts
    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    await until(() => pool.stats().gate === 'held')
    await stage.board.release(GREEN)
    await Promise.all([1, 2].map((id) => pool.query(insert(id))))
    expect(await rowsOn(stage, 'green')).toEqual([1, 2])
    expect(pool.stats().counts.connected).toBe(connected)
    await until(async () => (await stage.board.clients())[0]?.state === 'open')
    expect((await stage.board.clients())[0]).toMatchObject({ epoch: 2, lastHoldMs: pool.stats().holds.lastMs })
    // Those of blue go when the rush is over.
    await until(() => pool.stats().closed.switched === 2)
    expect(pool.stats()).toMatchObject({ total: 2 })
  })

  test('that was announced and does not come leaves no connections to the other side', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await stage.board.announce('green')
    await until(async () => (await stage.board.clients())[0]?.readyFor === 'green')
    await stage.board.release(BLUE)
    await until(() => pool.stats().closed.switched === 2)
    await until(async () => (await stage.board.clients())[0]?.readyFor === undefined)
    expect(pool.stats()).toMatchObject({ side: 'blue', total: 2 })
  })

  test('ends on the side of the board when the orchestrator dies', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await pool.query('SELECT 1')

    await using orchestrator = await openGateBoard(stage.options.journal, { meta: stage.options.meta })
    await orchestrator.prepare(BLUE)
    await orchestrator.hold({ holdId: 'h', leaseMs: 1_500 })
    await until(() => pool.stats().gate === 'held')
    await orchestrator.close()
    await pool.query(insert(1))

    expect(await rowsOn(stage, 'blue')).toEqual([1])
    expect(await stage.board.extend(LEASE_MS)).toBe(false)
    expect(await stage.board.read()).toMatchObject({ state: 'open', side: 'blue', epoch: 1 })
  })

  test('lasts longer when its lease is extended', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await pool.query('SELECT 1')
    await stage.board.hold({ holdId: 'h', leaseMs: 30_000 })
    await until(() => pool.stats().gate === 'held')

    expect(await stage.board.extend(LEASE_MS)).toBe(true)
    expect((await stage.board.read())!.leaseMs).toBeGreaterThan(30_000)
    await stage.board.release(BLUE)
    await pool.query('SELECT 1')
    expect(pool.stats()).toMatchObject({ side: 'blue', epoch: 1, holds: { count: 1 } })
  })

  test('has its own time limit for those who wait', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool({ ...stage.options, holdTimeoutMs: 400 })
    await pool.query('SELECT 1')
    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    await until(() => pool.stats().gate === 'held')

    await expect(pool.query(insert(1))).rejects.toThrow(HoldTimeoutError)
    expect(pool.stats()).toMatchObject({ waiting: 0, counts: { holdTimeouts: 1, acquireTimeouts: 0 } })
  })

  test.each(['the pool', 'a lease'])(
    'does not wait for a transaction of %s that waits for one of its own',
    async (of) => {
      await using stage = await createStage(engine)
      await stage.board.prepare(BLUE)
      await using pool = createPool(stage.options)
      await using lease = await pool.connection()
      const outer = of === 'a lease' ? lease : pool
      await outer.transaction(async (tx) => {
        await tx.query(insert(1))
        await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
        await until(() => pool.stats().gate === 'draining')
        await pool.transaction((inner) => inner.query(insert(2)))
      })
      expect(await stage.board.clientsReady('h', BUDGET_MS)).toEqual({ held: 1, stragglers: [] })
      expect(await rowsOn(stage, 'blue')).toEqual([1, 2])
      await stage.board.release(BLUE)
    },
  )

  test('finds a pool that was there before the board', async () => {
    await using stage = await createStage(engine)
    await using pool = createPool({ ...stage.options, beatMs: 100 })
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])

    await stage.board.prepare(GREEN)
    await until(() => pool.stats().side === 'green')
    await pool.query(insert(1))
    expect(await rowsOn(stage, 'green')).toEqual([1])

    await stage.board.remove()
    await stage.board.remove()
    await pool.query(insert(2))
    expect(await rowsOn(stage, 'green')).toEqual([1, 2])
  })

  test('moves a lease that has run nothing, and refuses one that has', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await using fresh = await pool.connection()
    await using used = await pool.connection()
    await used.query('SELECT 1')

    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    expect(await stage.board.clientsReady('h', BUDGET_MS)).toEqual({ held: 1, stragglers: [] })
    const moved = fresh.query(insert(1))
    const refused = used.query(insert(2)).catch((error: unknown) => error)
    await stage.board.release(GREEN)

    await moved
    expect(await refused).toBeInstanceOf(SideClosedError)
    expect(await rowsOn(stage, 'green')).toEqual([1])
    expect(await rowsOn(stage, 'blue')).toEqual([])
  })

  test('waits for a transaction that a lease began with SQL of its own', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await using lease = await pool.connection()
    await lease.query('BEGIN')
    await lease.query(insert(1))

    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    await until(() => pool.stats().gate === 'draining')
    await lease.query(insert(2))
    await lease.query('COMMIT')

    expect(await stage.board.clientsReady('h', BUDGET_MS)).toEqual({ held: 1, stragglers: [] })
    expect(await rowsOn(stage, 'blue')).toEqual([1, 2])
    await stage.board.release(BLUE)
  })
})

describeEachEngine('a transaction that the fence refused', (engine) => {
  test('is run again on the other side, with nothing left on the first, and nobody sees it', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await stage.refuse('blue')
    const seen: string[] = []

    const outcome = pool.transaction(async (tx) => {
      seen.push(`${tx.side} ${tx.epoch}`)
      // An application that swallows errors must not make the pool commit half of a transaction.
      await tx.query(insert(1)).catch(() => undefined)
      return tx.side
    })
    const single = pool.query(insert(2))
    await until(() => pool.stats().counts.refused >= 2)
    await stage.board.release(GREEN)

    expect(await outcome).toBe('green')
    await single
    expect(seen[0]).toBe('blue 1')
    expect(seen.at(-1)).toBe('green 2')
    expect(await rowsOn(stage, 'green')).toEqual([1, 2])
    expect(await rowsOn(stage, 'blue')).toEqual([])
    expect(pool.stats().counts.reruns).toBeGreaterThanOrEqual(2)
  })

  test('goes on where it was when the fence opens again', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await stage.refuse('blue')
    const single = pool.query(insert(1))
    await until(() => pool.stats().counts.refused > 0)
    await stage.accept('blue')
    await single
    expect(await rowsOn(stage, 'blue')).toEqual([1])
  })

  test('is told to the application that asked for it', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await stage.refuse('blue')

    const error = await pool.transaction((tx) => tx.query(insert(1)), { retry: false }).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(SideClosedError)
    expect(error).toMatchObject({ side: 'blue', epoch: 1, outcome: 'retryable' })
    expect(pool.stats().counts).toMatchObject({ refused: 1, reruns: 0 })
  })
})

describeEachEngine('pools and the board', (engine) => {
  test('leave nothing behind', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    const pools = Array.from({ length: 3 }, () => createPool(stage.options))
    await Promise.all(pools.map((pool) => pool.query('SELECT 1')))
    expect(await stage.board.clients()).toHaveLength(3)

    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    await stage.board.clientsReady('h', BUDGET_MS)
    await Promise.all(pools.map((pool) => pool.end()))
    expect(await stage.board.clients()).toEqual([])
    await stage.board.remove()
    await stage.board.close()

    await until(async () => (await stage.countSessions()) === 0)
    const where = engine === 'postgres' ? 'table_schema' : 'lower(table_schema)'
    const tables = await stage.sql(
      `SELECT table_name FROM information_schema.tables WHERE ${where} = '${stage.options.meta}'`,
    )
    expect(tables).toEqual([])
  })

  test('a newer board is not overwritten by an orchestrator that was left behind', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await stage.board.hold({ holdId: 'h', leaseMs: LEASE_MS })
    await stage.board.release(GREEN)
    await stage.board.release(GREEN)

    await expect(stage.board.release(BLUE)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await stage.board.prepare(BLUE)
    expect(await stage.board.read()).toMatchObject(GREEN)
  })

  test('a second orchestrator takes over from one that hangs, and its pushes arrive', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool(stage.options)
    await pool.query('SELECT 1')
    // The first one stays connected, as a process that was stopped would.
    await using second = await openGateBoard(stage.options.journal, { meta: stage.options.meta })
    await second.prepare(BLUE)

    await second.hold({ holdId: 'h', leaseMs: LEASE_MS })
    expect(await second.clientsReady('h', BUDGET_MS)).toEqual({ held: 1, stragglers: [] })
    await second.release(GREEN)
    await until(() => pool.stats().side === 'green')
  })
})

async function startProcess() {
  const script = fileURLToPath(new URL('./pool-process.ts', import.meta.url))
  const child = fork(script, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const reports: Report[] = []
  child.on('message', (report: Report) => reports.push(report))
  const hear = async (type: Report['type']): Promise<Report> => {
    let found: Report | undefined
    await until(
      () => (found = reports.find((report) => report.type === type || report.type === 'failed')) !== undefined,
    )
    if (found!.type === 'failed') throw new Error(found!.message)
    return found!
  }
  await hear('loaded')
  return {
    ask: (command: Command, answer: Report['type']) => {
      child.send(command)
      return hear(answer)
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
    },
  }
}
