/** Streams on a real replica: what goes there, and that rows that were given are never given again. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Replica } from '../../scripts/servers/replica.ts'
import { startReplicated, type ReplicatedServers } from '../../scripts/servers/replicated.ts'
import { withDatabase } from '../../scripts/servers/run-sql.ts'
import { ConnectionLostError, createPool, type Pool, type PoolOptions } from '../../src/pool/index.ts'
import { describeEachEngine, runSql } from '../support/servers.ts'
import { until } from './support.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 })

const ROWS = 20_000
const BIG = 'SELECT id, x FROM big ORDER BY id'

describeEachEngine('a stream of a pool with a replica', (engine) => {
  let servers: ReplicatedServers
  let replica: Replica
  const isPostgres = engine === 'postgres'
  const sql = (...statements: string[]) => runSql(engine, servers.clientUrl(servers.primary), ...statements)
  /** Writes this row and gives it. */
  const insert = (id: number) =>
    engine === 'mysql' ? `SELECT put(${id}) AS n` : `INSERT INTO t VALUES (${id}, ${id}) RETURNING n`

  beforeAll(async () => {
    servers = await startReplicated({ engine, say: () => undefined })
    replica = servers.replicas[0]!
    const numbers = 'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 200)'
    await sql(
      'CREATE TABLE big (id int PRIMARY KEY, x text)',
      `INSERT INTO big ${numbers} SELECT a.i * 200 + b.i, repeat('x', 1000) FROM n AS a CROSS JOIN n AS b LIMIT ${ROWS}`,
    )
    // MySQL has no RETURNING. With the rights of its owner it would write where `read_only` is set.
    if (engine === 'mysql') {
      await runSql(
        engine,
        withDatabase(servers.primary.adminUrl, 'app'),
        `CREATE FUNCTION put(id int) RETURNS int MODIFIES SQL DATA SQL SECURITY INVOKER
         BEGIN INSERT INTO t VALUES (id, id); RETURN id; END`,
      )
    }
  })
  afterAll(() => servers[Symbol.asyncDispose]())

  beforeEach(async () => {
    await sql('DROP TABLE IF EXISTS t', 'CREATE TABLE t (id int PRIMARY KEY, n int)', 'INSERT INTO t VALUES (1, 0)')
    await replica.catchUp()
  })

  const open = (options: PoolOptions = {}): Pool => {
    const pool = createPool({
      url: servers.clientUrl(servers.primary),
      replicas: [servers.clientUrl(replica)],
      min: 1,
      max: 4,
      acquireTimeoutMs: 60_000,
      connectTimeoutMs: 60_000,
      // MariaDB says of a replica that is paused that it does not replicate.
      maxLagMs: Infinity,
      replicaWaitMs: 50,
      ...options,
    })
    onTestFinished(() => pool.end())
    return pool
  }
  const routes = (pool: Pool) =>
    Object.fromEntries(pool.stats().reads.map(({ route, why, count }) => [`${route}: ${why}`, count]))
  const collect = async <R>(rows: AsyncIterable<R>): Promise<R[]> => {
    const all: R[] = []
    for await (const row of rows) all.push(row)
    return all
  }

  test('goes to the replica when it is certainly a read, or the caller says so; everything else to the primary', async () => {
    const pool = open({ replicaWaitMs: 30_000 })
    const isOnReplica = isPostgres ? 'SELECT pg_is_in_recovery() AS yes' : 'SELECT @@read_only = 1 AS yes'
    const asks = async (options?: object) =>
      Boolean((await collect(pool.stream<{ yes: unknown }>(isOnReplica, [], options)))[0]!.yes)
    expect(await asks()).toBe(false)
    expect(await asks({ route: 'replica' })).toBe(true)
    expect(await asks({ route: 'primary' })).toBe(false)
    expect(routes(pool)).toEqual({ 'replica: declared': 1 })

    expect(await collect(pool.stream('SELECT n FROM t'))).toEqual([{ n: 0 }])
    expect(await collect(pool.stream('SELECT n FROM t WHERE n > 5'))).toEqual([])
    expect(routes(pool)).toMatchObject({ 'replica: parsed': 2 })
    await collect(pool.stream('SELECT n FROM t', [], { route: 'primary' }))
    await collect(pool.stream('SELECT n FROM t FOR UPDATE'))
    await pool.transaction(async (tx) => {
      await tx.query('SELECT n FROM t')
      await collect(pool.stream('SELECT n FROM t'))
      await collect(tx.stream('SELECT n FROM t'))
    })
    {
      await using lease = await pool.connection()
      await collect(lease.stream('SELECT n FROM t'))
    }
    expect(routes(pool)).toEqual({ 'replica: declared': 1, 'replica: parsed': 2, 'primary: declared': 2 })
  })

  test('gives all rows in order, is left early, and its connection is lent again', async () => {
    const pool = open()
    const ids = (await collect(pool.stream<{ id: number }>(BIG, [], { batchRows: 100 }))).map(({ id }) => id)
    expect(ids).toHaveLength(ROWS)
    expect(ids.every((id, index) => index === 0 || id > ids[index - 1]!)).toBe(true)
    for (let round = 0; round < 5; round += 1) {
      let seen = 0
      for await (const row of pool.stream(BIG, [], { batchRows: 10 })) {
        seen += row === undefined ? 0 : 1
        if (seen === (round === 0 ? 1 : 15)) break
      }
    }
    // A busy machine may answer the monitor too late, now and then.
    const { 'replica: parsed': onReplica = 0, 'primary: no replica': elsewhere = 0, ...others } = routes(pool)
    expect([onReplica + elsewhere, others]).toEqual([6, {}])
    expect(onReplica).toBeGreaterThan(0)
    expect(pool.stats()).toMatchObject({ inUse: 0, inFlight: 0 })
    await using lease = await pool.connection()
    await lease.query('SELECT 1')
  })

  test('never shows less than an own write; a session that wrote nothing is served by the replica', async () => {
    const pool = open()
    const seen = (rows: AsyncIterable<{ n: number }>) => collect(rows).then((all) => all.map(({ n }) => n))
    const writer = pool.session()
    await replica.pauseReplay()
    onTestFinished(() => replica.resumeReplay().catch(() => undefined))
    await writer.run(() => pool.query('UPDATE t SET n = 1'))
    expect(await writer.run(() => seen(pool.stream('SELECT n FROM t')))).toEqual([1])
    expect(await pool.session().run(() => seen(pool.stream('SELECT n FROM t')))).toEqual([0])
    expect(routes(pool)).toEqual({ 'primary: behind': 1, 'replica: parsed': 1 })

    // A stream that may have written counts as a write, too.
    const streamer = pool.session()
    const select = isPostgres ? 'UPDATE t SET n = 2 RETURNING n' : insert(2)
    expect(await streamer.run(() => seen(pool.stream(select)))).toEqual([2])
    expect(await streamer.run(() => seen(pool.stream('SELECT n FROM t ORDER BY n DESC LIMIT 1')))).toEqual([2])

    await replica.resumeReplay()
    await replica.catchUp()
    // After it was late it is not waited for, but looked at.
    await until(async () => {
      const before = routes(pool)['replica: parsed'] ?? 0
      expect(await writer.run(() => seen(pool.stream('SELECT n FROM t ORDER BY n DESC LIMIT 1')))).toEqual([2])
      return routes(pool)['replica: parsed'] === before + 1
    })
  })

  test('begins on the primary when the replica refuses it, or is gone before the first row', async () => {
    const pool = open()
    expect(await collect(pool.stream(insert(5), [], { route: 'replica' }))).toEqual([{ n: 5 }])
    expect(routes(pool)).toEqual({ 'primary: refused': 1 })
    expect(await sql('SELECT count(*) AS n FROM t WHERE id = 5')).toMatchObject([{ n: expect.anything() as unknown }])

    await until(async () => (await collect(pool.stream('SELECT n FROM t'))).length === 2 && pool.stats().idle >= 2)
    await replica.kill()
    onTestFinished(() => replica.restart())
    expect(await collect(pool.stream('SELECT n FROM t ORDER BY n'))).toEqual([{ n: 0 }, { n: 5 }])
    await expect(collect(pool.stream('SELECT nothing FROM t'))).rejects.toThrow(/nothing/)
  })

  test('whose replica dies after it has given rows ends with an error, and does not begin again', async () => {
    const pool = open()
    let given = 0
    let last = 0
    const reading = (async () => {
      for await (const { id } of pool.stream<{ id: number }>(BIG, [], { batchRows: 10 })) {
        expect(id).toBeGreaterThan(last)
        last = id
        given += 1
        if (given === 25) await replica.kill()
      }
    })()
    onTestFinished(() => replica.restart())
    await expect(reading).rejects.toThrow(ConnectionLostError)
    expect(given).toBeGreaterThanOrEqual(25)
    expect(given).toBeLessThan(ROWS)
    expect(routes(pool)).toEqual({ 'replica: parsed': 1 })
    expect(pool.stats()).toMatchObject({ inFlight: 0, inUse: 0 })
    // The next one begins where there is somebody.
    expect(await collect(pool.stream('SELECT n FROM t'))).toEqual([{ n: 0 }])
  })

  test('ends when its signal aborts, also while it waits for the replica to show an own write', async () => {
    const pool = open({ replicaWaitMs: 60_000 })
    await replica.pauseReplay()
    onTestFinished(() => replica.resumeReplay().catch(() => undefined))
    await pool.query('UPDATE t SET n = 1')
    const controller = new AbortController()
    const waiting = collect(pool.stream('SELECT n FROM t', [], { signal: controller.signal }))
    const outcome = waiting.catch((error: unknown) => error)
    await until(() => pool.stats().hosts.some(({ role, inUse }) => role === 'replica' && inUse === 1))
    const reason = new Error('changed my mind')
    controller.abort(reason)
    // MariaDB's wait is a statement of the server, which only its end would interrupt.
    if (!isPostgres) await replica.resumeReplay()
    expect(await outcome).toBe(reason)
    await until(() => pool.stats().inUse === 0)
  })

  test('leaves nothing behind', async () => {
    const pool = open()
    await collect(pool.stream(BIG))
    await pool.stream(BIG).next()
    await pool.end({ drainMs: 0 })
    const sessions = isPostgres
      ? `SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'app'`
      : `SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'app'`
    for (const server of [servers.primary, replica]) {
      await until(async () => Number((await runSql(engine, server.adminUrl, sessions))[0]!['n']) === 0)
    }
  })
})
