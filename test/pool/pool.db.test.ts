import { expect, test } from 'vitest'
import { Proxy } from '../../scripts/torture/proxy.ts'
import {
  createPool,
  HostUnreachableError,
  OutcomeUnknownError,
  PoolEndedError,
  PoolExhaustedError,
  TransactionAbortedError,
  type Pool,
} from '../../src/pool/index.ts'
import { describeEachEngine, type ServerEngine } from '../support/servers.ts'
import { createStage, freePort, listen, until, type Stage } from './support.ts'

/** A pool without a gate board: only the queue and the connections matter here. */
const poolOn = (stage: Stage, options: object = {}): Pool =>
  createPool({ url: stage.options.blue, min: 0, max: 4, acquireTimeoutMs: 30_000, ...options })

const kill = async (stage: Stage, id: number): Promise<void> => {
  await stage.sql(stage.engine === 'postgres' ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`)
}

const ownId = (engine: ServerEngine): string =>
  engine === 'postgres' ? 'SELECT pg_backend_pid() AS id' : 'SELECT connection_id() AS id'

const sleepFor = (engine: ServerEngine, seconds: number): string =>
  engine === 'postgres' ? `SELECT pg_sleep(${seconds})` : `SELECT sleep(${seconds})`

describeEachEngine('the pool', (engine) => {
  test(
    'serves 200, 500 and 1,000 clients on 100 connections in the order in which they came',
    { timeout: 300_000 },
    async () => {
      await using stage = await createStage(engine)
      await using pool = poolOn(stage, { max: 100, acquireTimeoutMs: 240_000, connectTimeoutMs: 60_000 })

      for (const clients of [200, 500, 1_000]) {
        const served: number[] = []
        await Promise.all(
          Array.from({ length: clients }, async (_, client) => {
            await using connection = await pool.connection()
            served.push(client)
            await connection.query('SELECT 1')
          }),
        )
        expect(served).toEqual(Array.from({ length: clients }, (_, client) => client))
      }
      // A lease that was released is cleaned before it is free again.
      await until(() => pool.stats().inUse === 0)
      expect(pool.stats()).toMatchObject({ waiting: 0, inUse: 0, counts: { acquired: 1_700, acquireTimeouts: 0 } })
      expect(pool.stats().total).toBeLessThanOrEqual(100)
    },
  )

  test('answers queries and commits what a transaction returns from', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)

    const inserted = await pool.transaction(async (tx) => {
      await tx.query(`INSERT INTO orders VALUES (${stage.p(1)}, ${stage.p(2)})`, [1, 'first'])
      const { rowCount } = await tx.query(`INSERT INTO orders VALUES (${stage.p(1)}, ${stage.p(2)})`, [2, 'second'])
      return rowCount
    })
    const failed = pool.transaction(async (tx) => {
      await tx.query('DELETE FROM orders')
      throw new Error('changed my mind')
    })

    await expect(failed).rejects.toThrow('changed my mind')
    expect(inserted).toBe(1)
    const { rows } = await pool.query<{ id: number; note: string }>('SELECT id, note FROM orders ORDER BY id')
    expect(rows).toEqual([
      { id: 1, note: 'first' },
      { id: 2, note: 'second' },
    ])
  })

  test('gives a transaction a `query` that works by itself, and errors of a statement that lead to the application', async () => {
    await using stage = await createStage(engine)
    await using pool = createPool({ url: stage.options.blue, min: 0, max: 2 })
    expect((await pool.transaction(({ query }) => query('SELECT 1 AS one'))).rows).toEqual([{ one: 1 }])
    const failing = async (): Promise<unknown> => await pool.query('SELECT no_such_column')
    const failure = await failing().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    expect((failure as Error).stack).toContain('failing')
  })

  test('does not call a transaction committed when a statement of it failed and nobody looked', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)

    const outcome = await pool
      .transaction(async (tx) => {
        await tx.query('INSERT INTO orders VALUES (1, NULL)')
        await tx.query('INSERT INTO orders VALUES (1, NULL)').catch(() => undefined)
      })
      .catch((error: unknown) => error)

    const { rows } = await pool.query('SELECT id FROM orders')
    // PostgreSQL gives up the whole transaction, MySQL the statement only. What is told must be what is there.
    if (engine === 'postgres') {
      expect(outcome).toBeInstanceOf(TransactionAbortedError)
      expect(rows).toEqual([])
    } else {
      expect(outcome).toBeUndefined()
      expect(rows).toEqual([{ id: 1 }])
    }
  })

  test('gives up at the deadline and says who has the connections', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { min: 1, max: 1, acquireTimeoutMs: 300 })
    // The deadline is for those who wait for a borrower, not for the first connection.
    await until(() => pool.stats().idle === 1)
    await using connection = await pool.connection()
    await connection.query("SELECT 'secret' AS word")

    const error = await pool.query('SELECT 1').catch((cause: unknown) => cause)

    expect(error).toBeInstanceOf(PoolExhaustedError)
    expect(error).toMatchObject({
      code: 'POOL_EXHAUSTED',
      waiting: 1,
      max: 1,
      oldestBorrower: { sql: 'SELECT ? AS word' },
    })
    expect(String(error)).not.toContain('secret')
    expect(pool.stats()).toMatchObject({ waiting: 0, counts: { acquireTimeouts: 1 } })
  })

  test('tells a full queue at once', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 1, queueLimit: 1 })
    const connection = await pool.connection()
    const waiting = pool.query('SELECT 1')

    await expect(pool.query('SELECT 2')).rejects.toThrow(/queue is full/)

    connection.release()
    await waiting
  })

  test('tells a server that is not there from one that is busy', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.blue)
    url.port = String(await freePort())
    await using nowhere = createPool({ url: url.href, min: 0, acquireTimeoutMs: 5_000 })
    url.port = new URL(stage.options.blue).port
    url.pathname = '/no_such_database'
    await using denied = createPool({ url: url.href, min: 0, acquireTimeoutMs: 60_000 })

    // A proxy without a server behind it, or a server that goes down: it takes the connection and drops it.
    await using dropping = await listen((socket) => socket.resume().end())
    url.port = String(dropping.port)
    await using dropped = createPool({ url: url.href, min: 0, acquireTimeoutMs: 5_000 })

    // One that never says a word.
    await using mute = await listen((socket) => socket.resume())
    url.port = String(mute.port)
    await using silent = createPool({ url: url.href, min: 0, acquireTimeoutMs: 2_000, connectTimeoutMs: 300 })

    const pools = [nowhere, dropped, silent]
    const outcomes = await Promise.all(pools.map((pool) => pool.query('SELECT 1').catch((error: unknown) => error)))
    for (const outcome of outcomes) {
      expect(outcome).toBeInstanceOf(HostUnreachableError)
      expect(outcome).toMatchObject({ waiting: 1, max: 100, oldestBorrower: undefined })
      expect((outcome as Error).cause).toBeInstanceOf(Error)
    }
    // The same word on every engine, whatever its driver calls it.
    for (const pool of pools) {
      const { errors } = pool.stats().hosts[0]!
      expect(errors).toMatchObject({ statement: 0, lost: 0, denied: 0 })
      expect(errors.unreachable).toBe(pool.stats().counts.connectFailures)
    }
    // Waiting would not make the database appear, so this one does not wait for its deadline.
    await expect(denied.query('SELECT 1')).rejects.toThrow(HostUnreachableError)
  })

  test('leaves the queue when the signal aborts, and stops a statement that runs', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 1 })
    const running = new AbortController()
    const waiting = new AbortController()
    const asleep = pool.query(sleepFor(engine, 600), [], { signal: running.signal })
    await until(() => pool.stats().inUse === 1)
    const queued = pool.query('SELECT 1', [], { signal: waiting.signal })

    waiting.abort(new Error('no longer wanted'))
    await expect(queued).rejects.toThrow('no longer wanted')
    running.abort(new Error('stop it'))
    // MariaDB and MySQL let SLEEP itself return early, with a row, instead of failing.
    await asleep.catch((error: unknown) => expect(String(error)).toContain('stop it'))

    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('settles everybody when it ends', async () => {
    await using stage = await createStage(engine)
    const pool = poolOn(stage, { max: 1 })
    const connection = await pool.connection()
    const waiting = Array.from({ length: 20 }, () => pool.query('SELECT 1').catch((error: unknown) => error))

    const ended = pool.end({ drainMs: 30_000 })
    for (const outcome of await Promise.all(waiting)) expect(outcome).toBeInstanceOf(PoolEndedError)
    await expect(pool.query('SELECT 1')).rejects.toThrow(PoolEndedError)
    connection.release()
    await ended
    await pool.end()

    await until(async () => (await stage.countSessions()) === 0)
  })

  test('drops what does not come back within the drain time', async () => {
    await using stage = await createStage(engine)
    const pool = poolOn(stage, { max: 1 })
    const connection = await pool.connection()

    await pool.end({ drainMs: 50 })

    await expect(connection.query('SELECT 1')).rejects.toThrow()
    await until(async () => (await stage.countSessions()) === 0)
  })

  test('refuses a second release, and a query after the first', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const connection = await pool.connection()
    connection.release()

    expect(() => connection.release()).toThrow(/released before/)
    await expect(connection.query('SELECT 1')).rejects.toThrow(/after the release/)
  })

  test('forgets the session state of a lease', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 1 })
    const isPostgres = engine === 'postgres'
    {
      await using connection = await pool.connection()
      await connection.query(isPostgres ? "SET application_name = 'left behind'" : "SET @left = 'behind'")
      await connection.query('CREATE TEMPORARY TABLE scratch (id int)')
    }
    await expect(pool.query('SELECT * FROM scratch')).rejects.toThrow(/scratch/)
    const { rows } = await pool.query(isPostgres ? 'SHOW application_name' : 'SELECT @left AS word')
    expect(rows[0]).toEqual(isPostgres ? { application_name: 'app' } : { word: null })
    // The search path and the database are part of the connection, not of the session's state.
    await pool.query('SELECT * FROM orders')
  })

  test('survives that its idle connections are killed', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 1 })
    const errors: Error[] = []
    const { rows } = await pool.query<{ id: number }>(ownId(engine))

    await kill(stage, rows[0]!.id)
    await until(() => pool.stats().total === 0)
    pool.on('error', (error) => errors.push(error))
    const again = await pool.query<{ id: number }>(ownId(engine))
    expect(again.rows[0]!.id).not.toBe(rows[0]!.id)
    await kill(stage, again.rows[0]!.id)
    await until(() => errors.length > 0)

    expect(pool.stats()).toMatchObject({ closed: { died: 2 }, counts: { lost: 2 } })
  })

  test('says what became of a statement whose connection was killed', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 2 })
    const isPostgres = engine === 'postgres'
    const write = isPostgres
      ? "INSERT INTO orders SELECT 1, 'late' FROM pg_sleep(600)"
      : "INSERT INTO orders SELECT 1, 'late' FROM (SELECT sleep(600)) AS s"
    const killed = new Set<number>()
    const killRunning = async (): Promise<void> => {
      const find = isPostgres
        ? `SELECT pid AS id FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`
        : `SELECT id AS id FROM information_schema.processlist WHERE state = 'User sleep' AND db = '{blue}'`
      let id: number | undefined
      // The server lists a session that it has killed for a moment longer.
      await until(async () => {
        id = (await stage.sql(find)).map((row) => Number(row['id'])).find((found) => !killed.has(found))
        return id !== undefined
      })
      killed.add(id!)
      await kill(stage, id!)
    }

    const single = pool.query(write).catch((error: unknown) => error)
    await killRunning()
    expect(await single).toBeInstanceOf(OutcomeUnknownError)

    const inside = pool.transaction((tx) => tx.query(write)).catch((error: unknown) => error)
    await killRunning()
    expect(await inside).toMatchObject({ code: 'CONNECTION_LOST', outcome: 'retryable' })
    expect((await pool.query('SELECT count(*) AS n FROM orders')).rows.map(({ n }) => Number(n))).toEqual([0])
  })

  test('keeps its minimum, and lets the rest go', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { min: 2, max: 6, idleTimeoutMs: 200 })
    await until(() => pool.stats().idle === 2)
    const connections = await Promise.all(Array.from({ length: 6 }, () => pool.connection()))
    expect(pool.stats()).toMatchObject({ total: 6, inUse: 6 })
    for (const connection of connections) connection.release()

    await until(() => pool.stats().total === 2)
    expect(pool.stats().closed.idle).toBe(4)
  })

  test('asks a connection that rested before it lends it', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 1, validateAfterIdleMs: 0 })
    const first = await pool.query<{ id: number }>(ownId(engine))
    const second = await pool.query<{ id: number }>(ownId(engine))
    expect(second.rows).toEqual(first.rows)
  })

  test('gives rows as the options of the driver say', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const driver = engine === 'postgres' ? { rowMode: 'array' } : { rowsAsArray: true }
    const { rows, rowCount } = await pool.query('SELECT 1, 2 UNION ALL SELECT 3, 4', [], { driver })
    expect({ rows, rowCount }).toEqual({
      rows: [
        [1, 2],
        [3, 4],
      ],
      rowCount: 2,
    })
  })

  test('does not lend one that has died without a word while it rested', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.blue!)
    await using proxy = await Proxy.open({ host: url.hostname, port: Number(url.port) })
    url.port = String(proxy.port)
    await using pool = createPool({
      url: url.href,
      min: 1,
      max: 1,
      validateAfterIdleMs: 0,
      connectTimeoutMs: 1_000,
      acquireTimeoutMs: 30_000,
    })
    const first = await pool.query<{ id: number }>(ownId(engine))
    proxy.setTrouble({ type: 'black-hole' })
    proxy.setTrouble(undefined, { areOldDead: true })
    const second = await pool.query<{ id: number }>(ownId(engine))
    expect(second.rows).not.toEqual(first.rows)
    expect(pool.stats()).toMatchObject({ closed: { invalid: 1 }, counts: { outcomeUnknown: 0 }, errors: {} })
  })

  test('opens a connection for each borrower and closes it after, when pooling is disabled', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { isEnabled: false, max: 2 })
    const ids = await Promise.all(Array.from({ length: 6 }, () => pool.query<{ id: number }>(ownId(engine))))
    expect(new Set(ids.map(({ rows }) => rows[0]!.id)).size).toBe(6)
    expect(pool.stats()).toMatchObject({ idle: 0, closed: { disabled: 6 } })
  })
})
