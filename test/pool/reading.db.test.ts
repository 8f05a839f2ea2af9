/** Reads on real streaming replicas: what goes there, and that no read is older than an own write. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { startReplicated, type ReplicatedServers } from '../../scripts/servers/replicated.ts'
import { withDatabase } from '../../scripts/servers/run-sql.ts'
import type { Replica } from '../../scripts/servers/replica.ts'
import { openGateBoard } from '../../src/engines/gate-board.ts'
import { createPool, type Pool, type PoolOptions } from '../../src/pool/index.ts'
import { describeEachEngine, runSql } from '../support/servers.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 })

describeEachEngine('reads of a pool with a replica', (engine) => {
  let servers: ReplicatedServers
  let replica: Replica
  const sql = (...statements: string[]) => runSql(engine, servers.clientUrl(servers.primary), ...statements)
  const isPostgres = engine === 'postgres'
  const p = (index: number) => (isPostgres ? `$${index}` : '?')

  beforeAll(async () => {
    servers = await startReplicated({ engine, say: () => {} })
    replica = servers.replicas[0]!
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
      max: 10,
      acquireTimeoutMs: 60_000,
      connectTimeoutMs: 60_000,
      // MariaDB says of a replica that is paused that it does not replicate.
      maxLagMs: Infinity,
      ...options,
    })
    onTestFinished(() => pool.end())
    return pool
  }
  const read = async (pool: Pool, id = 1) => {
    const { rows } = await pool.query<{ n: number }>(`SELECT n FROM t WHERE id = ${p(1)}`, [id])
    return rows[0]?.n
  }
  const write = (pool: Pool, n: number, id = 1) => pool.query(`UPDATE t SET n = ${p(1)} WHERE id = ${p(2)}`, [n, id])
  /** `replica parsed 3, primary behind 1`, for example. */
  const routes = (pool: Pool) =>
    Object.fromEntries(pool.stats().reads.map(({ route, why, count }) => [`${route}: ${why}`, count]))
  const pause = async () => {
    await replica.pauseReplay()
    onTestFinished(() => replica.resumeReplay().catch(() => undefined))
  }

  test('go to the replica when they are certainly reads, or the caller says so; everything else to the primary', async () => {
    const pool = open()
    const isOnReplica = isPostgres ? 'SELECT pg_is_in_recovery() AS yes' : 'SELECT @@read_only = 1 AS yes'
    const asks = async (options?: object) => Boolean((await pool.query(isOnReplica, [], options)).rows[0]!['yes'])
    expect(await asks()).toBe(false)
    expect(await asks({ route: 'replica' })).toBe(true)
    expect(await asks({ route: 'primary' })).toBe(false)
    const inTransaction = (options: object) =>
      pool.transaction(async (tx) => Boolean((await tx.query(isOnReplica)).rows[0]!['yes']), options)
    expect(await inTransaction({ readOnly: true })).toBe(true)
    expect(await inTransaction({ readOnly: true, route: 'primary' })).toBe(false)
    expect(await inTransaction({ readOnly: true, isolation: 'serializable' })).toBe(false)
    expect(await inTransaction({})).toBe(false)
    {
      await using lease = await pool.connection()
      expect(Boolean((await lease.query(isOnReplica)).rows[0]!['yes'])).toBe(false)
    }

    const before = routes(pool)['replica: parsed'] ?? 0
    expect(await read(pool)).toBe(0)
    await pool.transaction(async (tx) => {
      await tx.query('SELECT n FROM t')
      // Inside a transaction nothing leaves the primary, nor what is asked beside it.
      await read(pool)
    })
    await pool.query('SELECT n FROM t FOR UPDATE')
    await pool.query('SELECT n FROM t', [], { route: 'primary' })
    expect(routes(pool)['replica: parsed']).toBe(before + 1)
  })

  test('never show less than an own write while replay is paused; a session that wrote nothing is served by the replica', async () => {
    const pool = open({ replicaWaitMs: 50 })
    const writer = pool.session()
    const reader = pool.session()
    await writer.run(() => write(pool, 1))
    expect(await writer.run(() => read(pool))).toBe(1)
    expect(routes(pool)).toEqual({ 'replica: parsed': 1 })

    await pause()
    for (const n of [2, 3]) {
      await writer.run(() => write(pool, n))
      expect(await writer.run(() => read(pool))).toBe(n)
      const { rows } = await writer.run(() => pool.transaction((tx) => tx.query('SELECT n FROM t'), { readOnly: true }))
      expect(rows).toEqual([{ n }])
      // The replica really is behind, and really is read.
      expect(await reader.run(() => read(pool))).toBe(1)
      // Outside a session, the writes of the whole pool count.
      expect(await read(pool)).toBe(n)
    }
    expect(routes(pool)).toEqual({
      'replica: parsed': 3,
      'primary: behind': 6,
    })

    // In a lease and in a transaction that failed: whatever might have written counts.
    const lessee = pool.session()
    await lessee.run(async () => {
      await using lease = await pool.connection()
      await lease.query(`UPDATE t SET n = ${p(1)}`, [4])
    })
    expect(await lessee.run(() => read(pool))).toBe(4)
    const holder = pool.session()
    await holder.run(() => pool.transaction((tx) => tx.query(`UPDATE t SET n = ${p(1)}`, [5])))
    expect(await holder.run(() => read(pool))).toBe(5)

    await replica.resumeReplay()
    await replica.catchUp()
    await vi.waitFor(
      async () => {
        const before = routes(pool)['replica: parsed']!
        expect(await writer.run(() => read(pool))).toBe(5)
        expect(routes(pool)['replica: parsed']).toBe(before + 1)
      },
      { timeout: 60_000 },
    )
  })

  test('wait for the replica that comes within the budget', async () => {
    const pool = open({ replicaWaitMs: 60_000 })
    await pause()
    await write(pool, 7)
    const reading = read(pool)
    await replica.resumeReplay()
    expect(await reading).toBe(7)
    expect(routes(pool)).toEqual({ 'replica: parsed': 1 })
  })

  test('with "global" every session sees every write, with "none" no read waits', async () => {
    const all = open({ consistency: 'global', replicaWaitMs: 0 })
    const whatever = open({ consistency: 'none' })
    await pause()
    await all.session().run(() => write(all, 1))
    await whatever.session().run(() => write(whatever, 2))
    expect(await all.session().run(() => read(all))).toBe(2)
    expect(await read(whatever)).toBe(0)
  })

  test('are never older than an own write, by many at once, while replay stops and goes on', async () => {
    const pool = open({ replicaWaitMs: 20, max: 8 })
    const clients = 16
    await sql(
      'DELETE FROM t',
      `INSERT INTO t VALUES ${Array.from({ length: clients }, (_, id) => `(${id}, 0)`).join()}`,
    )
    await replica.catchUp()
    let isOver = false
    const flapping = (async () => {
      while (!isOver) {
        await replica.pauseReplay()
        await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60))
        await replica.resumeReplay()
        await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60))
      }
    })()
    const stale: string[] = []
    const work = async (id: number) => {
      for (let n = 1; n <= 40; n += 1) {
        if (n % 3 === 0) await pool.transaction((tx) => tx.query(`UPDATE t SET n = ${n} WHERE id = ${id}`))
        else await write(pool, n, id)
        for (let look = 0; look < 3; look += 1) {
          const seen = await read(pool, id)
          if (seen !== n) stale.push(`client ${id} wrote ${n} and read ${seen}`)
        }
      }
    }
    await Promise.all(Array.from({ length: clients }, (_, id) => pool.session().run(() => work(id))))
    isOver = true
    await flapping
    expect(stale).toEqual([])
    // Both ways were gone, or nothing was shown.
    expect(routes(pool)).toMatchObject({ 'replica: parsed': expect.any(Number), 'primary: behind': expect.any(Number) })
  })

  test('after a switch, positions of the former side count for nothing', async () => {
    const names = isPostgres ? { blue: 'blue', green: 'green' } : { blue: 'app', green: 'app_green' }
    const admin = servers.primary.adminUrl
    const database = isPostgres ? withDatabase(admin, 'app') : admin
    await runSql(
      engine,
      database,
      ...(isPostgres ? ['CREATE SCHEMA blue', 'CREATE SCHEMA green'] : ['CREATE DATABASE app_green']),
      ...(isPostgres ? ['CREATE TABLE blue.t (id int, n int)', 'INSERT INTO blue.t VALUES (1, 0)'] : []),
      `CREATE TABLE ${names.green}.t (id int, n int)`,
      `INSERT INTO ${names.green}.t VALUES (1, 0)`,
    )
    const url = (server: { adminUrl: string }, side: 'blue' | 'green') =>
      isPostgres ? `${withDatabase(server.adminUrl, 'app')}?schema=${side}` : withDatabase(server.adminUrl, names[side])
    const meta = 'crossfade_reading'
    const board = await openGateBoard(url(servers.primary, 'blue'), { meta })
    onTestFinished(async () => {
      await board.remove()
      await board.close()
    })
    await board.prepare({ side: 'blue', epoch: 1 })
    const options = {
      blue: url(servers.primary, 'blue'),
      green: url(servers.primary, 'green'),
      journal: url(servers.primary, 'blue'),
      meta,
      replicas: { blue: [url(replica, 'blue')], green: [url(replica, 'green')] },
      replicaWaitMs: 50,
      maxLagMs: Infinity,
    }
    const pool = createPool({ ...options, min: 1, max: 4, acquireTimeoutMs: 60_000, connectTimeoutMs: 60_000 })
    onTestFinished(() => pool.end())
    const session = pool.session()
    await session.run(() => write(pool, 1))
    expect(await session.run(() => read(pool))).toBe(1)
    expect(routes(pool)).toEqual({ 'replica: parsed': 1 })

    await replica.catchUp()
    await pause()
    await board.hold({ holdId: 'h', leaseMs: 60_000 })
    await board.clientsReady('h', 60_000)
    // What the switch brings over behind the fence.
    await runSql(engine, database, `UPDATE ${names.green}.t SET n = 1`)
    await board.release({ side: 'green', epoch: 2 })
    await vi.waitFor(() => expect(pool.stats().side).toBe('green'), { timeout: 60_000 })
    expect(await session.run(() => read(pool))).toBe(1)
    expect(await pool.session().run(() => read(pool))).toBe(0)
    await replica.resumeReplay()
    await replica.catchUp()
    expect(await pool.session().run(() => read(pool))).toBe(1)
  })

  test('go on at the primary when the replica refuses, lags too far or is gone', async () => {
    const pool = open({ replicaWaitMs: 50 })
    expect(await read(pool)).toBe(0)
    // The caller says it is a read; the replica knows better, and nothing has happened there.
    await pool.query('UPDATE t SET n = 3', [], { route: 'replica' })
    expect(routes(pool)).toEqual({ 'replica: parsed': 1, 'primary: refused': 1 })
    await pause()
    // By others, so that nobody waits for it: the replica has no such table yet.
    await sql('CREATE TABLE later (n int)', 'INSERT INTO later VALUES (9)')
    onTestFinished(() => sql('DROP TABLE later').then(() => undefined))
    expect((await pool.query('SELECT n FROM later')).rows).toEqual([{ n: 9 }])

    const strict = open({ maxLagMs: 0 })
    await vi.waitFor(async () => {
      expect(await read(strict)).toBe(3)
    })
    expect(routes(strict)['replica: parsed'] ?? 0).toBe(0)

    await replica.kill()
    expect(await read(pool)).toBe(3)
    await write(pool, 4)
    expect(await read(pool)).toBe(4)
    await replica.restart()
    await replica.resumeReplay()
    await vi.waitFor(async () => {
      const before = routes(pool)['replica: parsed']!
      expect(await read(pool)).toBe(4)
      expect(routes(pool)['replica: parsed']).toBe(before + 1)
    })
  })
})
