import { expect, test } from 'vitest'
import { createPool, type FinishedQueryEvent } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { listenTo } from './channels.ts'
import { createStage, freePort, until } from './support.ts'

const BLUE = { side: 'blue', epoch: 1 } as const
const GREEN = { side: 'green', epoch: 2 } as const
describeEachEngine('the statistics of a pool', (engine) => {
  test('say for each host what is open, how long borrowers waited and worked, and what failed', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    await using pool = createPool({ ...stage.options, min: 1, max: 1, acquireTimeoutMs: 60_000 })
    await pool.query('SELECT 1')
    const before = pool.stats().hosts[0]!.wait.sumMs

    let goOn: () => void = () => undefined
    const held = pool.transaction(async (tx) => {
      await tx.query('SELECT 1')
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    })
    const waiting = pool.query('SELECT 2')
    await until(() => pool.stats().oldestBorrower?.sql !== undefined && pool.stats().waiting === 1)
    const [blue, green] = pool.stats().hosts
    expect(blue).toMatchObject({ side: 'blue', role: 'primary', total: 1, idle: 0, inUse: 1, waiting: 1 })
    expect(green).toMatchObject({ side: 'green', total: 0, waiting: 0, wait: { count: 0 } })
    expect(blue!.host).not.toContain('secret')
    await new Promise((resolve) => {
      setTimeout(resolve, 60)
    })
    goOn()
    await Promise.all([held, waiting])
    await expect(pool.query('SELECT nothing FROM nowhere')).rejects.toThrow()

    const [after] = pool.stats().hosts
    expect(after).toMatchObject({
      idle: 1,
      inUse: 0,
      waiting: 0,
      create: { count: 1 },
      errors: { statement: 1, lost: 0 },
    })
    // The query behind the transaction waited as long as that worked.
    expect(after!.wait).toMatchObject({ count: 4 })
    expect(after!.wait.sumMs - before).toBeGreaterThanOrEqual(50)
    expect(after!.use.maxMs).toBeGreaterThanOrEqual(50)
    expect(after!.use.count).toBe(4)
    expect(after!.create.sumMs).toBeGreaterThan(0)
  })

  test('count what borrowers got instead of a connection', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.blue)
    url.port = String(await freePort())
    await using gone = createPool({ url: url.href, acquireTimeoutMs: 300, min: 0 })
    await expect(gone.query('SELECT 1')).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' })
    expect(gone.stats().errors).toEqual({ HOST_UNREACHABLE: 1 })
    expect(gone.stats().hosts[0]!.errors.unreachable).toBeGreaterThanOrEqual(1)

    await using busy = createPool({ url: stage.options.blue, acquireTimeoutMs: 300, min: 0, max: 1 })
    await using lease = await busy.connection()
    await lease.query('SELECT 1')
    await expect(busy.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_EXHAUSTED' })
    expect(busy.stats().errors).toEqual({ POOL_EXHAUSTED: 1 })
  })
})

describeEachEngine('the diagnostics channels', (engine) => {
  test('tell of connections, borrowers, statements, the gate and the switch', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare(BLUE)
    const { name } = stage.options
    using channels = listenTo(name!)
    await using pool = createPool({ ...stage.options, min: 0, max: 1 })
    await pool.transaction(async (tx) => {
      await tx.query(`INSERT INTO orders VALUES (${stage.p(1)}, 'hush')`, [1])
    })
    await expect(pool.query('SELECT hush FROM nowhere')).rejects.toThrow()
    await stage.board.hold({ holdId: 'h', leaseMs: 60_000 })
    await until(() => pool.stats().gate === 'held')
    await stage.board.release(GREEN)
    await until(() => pool.stats().side === 'green')

    const { about } = channels
    const names = channels.names()
    const first = names.indexOf('connect')
    expect(names.slice(first, first + 11)).toEqual([
      'connect',
      'acquire',
      ...['query:start', 'query:end'],
      ...['query:start', 'query:end'],
      ...['query:start', 'query:end'],
      'release',
      'acquire',
      'query:start',
    ])
    const host = pool.stats().hosts[0]!.host
    expect(about('connect')[0]).toMatchObject({
      pool: name,
      side: 'blue',
      role: 'primary',
      host,
      durationMs: expect.any(Number) as number,
    })
    expect(about('acquire')[0]).toMatchObject({ waitMs: expect.any(Number) as number })
    expect(about('release')[0]).toMatchObject({ useMs: expect.any(Number) as number })
    const ends = about('query:end')
    expect(ends.map(({ sql }) => sql)).toEqual([
      'BEGIN',
      `INSERT INTO orders VALUES (${stage.p(1)}, ?)`,
      'COMMIT',
      'SELECT hush FROM nowhere',
    ])
    expect(ends[1]).toMatchObject({ isInTransaction: true, rowCount: 1, error: undefined })
    expect(ends[3]).toMatchObject({ isInTransaction: false, rowCount: undefined })
    expect(ends[3]!.error).toBeInstanceOf(Error)
    expect(about('gate').slice(-3)).toMatchObject([
      { state: 'open', side: 'blue', epoch: 1 },
      { state: 'held', side: 'blue', epoch: 1 },
      { state: 'open', side: 'green', epoch: 2 },
    ])
    expect(about('switch')).toMatchObject([GREEN])
    await pool.end()
    await until(() => about('remove').length === 1)
  })
})

describeEachEngine('a slow statement', (engine) => {
  const wait = engine === 'postgres' ? 'SELECT pg_sleep(0.15)' : 'SELECT sleep(0.15)'

  test('is logged with its duration and without values, and the fast ones are not', async () => {
    await using stage = await createStage(engine)
    const lines: { details: object; message: string }[] = []
    const logger = { warn: (details: object, message: string) => void lines.push({ details, message }) }
    await using pool = createPool({
      url: stage.options.blue,
      logSlowQueries: true,
      slowQueryMs: 100,
      logger,
      name: 'app',
    })
    pool.on('slowQuery', () => expect.unreachable('the logger has it'))
    await pool.query('SELECT 1')
    await pool.query(`${wait} AS a, 'hush' AS b, ${stage.p(1)} AS c`, ['hush too'])

    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      message: 'slow query',
      details: { pool: 'app', side: 'blue', role: 'primary', hasFailed: false, rowCount: 1 },
    })
    expect((lines[0]!.details as FinishedQueryEvent).durationMs).toBeGreaterThanOrEqual(100)
    expect(JSON.stringify(lines)).toContain('sleep(?)')
    expect(JSON.stringify(lines)).not.toContain('hush')
  })

  test('is an event without a logger, and nothing unless it is asked for', async () => {
    await using stage = await createStage(engine)
    const heard: FinishedQueryEvent[] = []
    for (const logSlowQueries of [true, false]) {
      await using pool = createPool({ url: stage.options.blue, logSlowQueries, slowQueryMs: 100 })
      pool.on('slowQuery', (query) => heard.push(query))
      await pool.query(wait)
    }
    expect(heard).toHaveLength(1)
    expect(heard[0]!.sql).toContain('sleep(?)')
  })
})
