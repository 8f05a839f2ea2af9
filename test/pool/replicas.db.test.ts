/** Two real replicas: how they share the reads, and what keeps one of them from getting any. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Replica } from '../../scripts/servers/replica.ts'
import { startReplicated, type ReplicatedServers } from '../../scripts/servers/replicated.ts'
import type { Server } from '../../scripts/servers/index.ts'
import { createPool, type Pool, type PoolOptions } from '../../src/pool/index.ts'
import { describeEachEngine, runSql } from '../support/servers.ts'
import { listenTo } from './channels.ts'
import { until } from './support.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 })

describeEachEngine('a pool with two replicas', (engine) => {
  let servers: ReplicatedServers
  let one: Replica
  let other: Replica
  const isPostgres = engine === 'postgres'
  const sql = (...statements: string[]) => runSql(engine, servers.clientUrl(servers.primary), ...statements)
  const addressOf = (server: Server) => new URL(servers.clientUrl(server)).host

  beforeAll(async () => {
    servers = await startReplicated({ engine, replicas: 2, say: () => undefined })
    one = servers.replicas[0]!
    other = servers.replicas[1]!
  })
  afterAll(() => servers[Symbol.asyncDispose]())

  beforeEach(async () => {
    await sql('DROP TABLE IF EXISTS t', 'CREATE TABLE t (id int PRIMARY KEY, n int)', 'INSERT INTO t VALUES (1, 0)')
    await Promise.all([one.catchUp(), other.catchUp()])
  })

  let count = 0
  const open = (options: PoolOptions = {}): Pool => {
    const pool = createPool({
      url: servers.clientUrl(servers.primary),
      replicas: [servers.clientUrl(one), servers.clientUrl(other)],
      name: `replicas ${(count += 1)}`,
      min: 1,
      max: 10,
      acquireTimeoutMs: 60_000,
      connectTimeoutMs: 60_000,
      consistency: 'none',
      ...options,
    })
    onTestFinished(() => pool.end())
    return pool
  }
  const areUp = (pool: Pool) =>
    until(() => pool.stats().hosts.length === 3 && pool.stats().hosts.every(({ idle }) => idle > 0))
  const hostOf = (pool: Pool, server: Server) =>
    pool.stats().hosts.find(({ host }) => host.includes(`${addressOf(server)}/`))!
  /** How often a connection to each was lent. */
  const lent = (pool: Pool) =>
    [servers.primary, one, other].map((server) => hostOf(pool, server).use.count + hostOf(pool, server).inUse)
  const lentDuring = async (pool: Pool, work: () => Promise<unknown>) => {
    const before = lent(pool)
    await work()
    return lent(pool).map((times, index) => times - before[index]!)
  }
  const read = async (pool: Pool) => (await pool.query<{ n: number }>('SELECT n FROM t WHERE id = 1')).rows[0]!.n
  const readMany = async (pool: Pool, clients: number, each: number) => {
    const all = Array.from({ length: clients }, async () => {
      const seen: number[] = []
      for (let round = 0; round < each; round += 1) seen.push(await read(pool))
      return seen
    })
    return (await Promise.all(all)).flat()
  }
  /** A read that goes on until it is told to end. */
  const startRead = async (pool: Pool) => {
    let end: () => void = () => undefined
    const told = new Promise<void>((resolve) => (end = resolve))
    let begun: () => void = () => undefined
    const isBegun = new Promise<void>((resolve) => (begun = resolve))
    const work = async (tx: { query(text: string): Promise<unknown> }) => {
      await tx.query('SELECT n FROM t')
      begun()
      await told
    }
    const done = pool.transaction(work, { readOnly: true })
    await isBegun
    return async () => {
      end()
      await done
    }
  }

  test('lets them share the load, and gives the next read to the one with the least work under way', async () => {
    const pool = open()
    await areUp(pool)
    const [primary, first, second] = await lentDuring(pool, () => readMany(pool, 8, 50))
    expect(primary).toBe(0)
    expect(first! + second!).toBe(400)
    // Half of it each, were they always equally quick.
    expect(Math.min(first!, second!)).toBeGreaterThan(100)

    await pool.setHost(addressOf(other), 'drained')
    const ends = await Promise.all([startRead(pool), startRead(pool), startRead(pool)])
    await pool.setHost(addressOf(other), 'auto')
    await until(() => hostOf(pool, other).idle > 0)
    expect(hostOf(pool, one).inUse).toBe(3)
    const busy = await lentDuring(pool, () => readMany(pool, 1, 20))
    expect(busy).toEqual([0, 0, 20])
    await Promise.all(ends.map((end) => end()))
    expect(pool.stats().inUse).toBe(0)
  })

  test('gives nothing new to one that the operator drained, and reads on the primary when both are', async () => {
    const pool = open()
    using channels = listenTo(pool.stats().name)
    await areUp(pool)
    const [endOne, endOther] = [await startRead(pool), await startRead(pool)]
    expect([hostOf(pool, one).inUse, hostOf(pool, other).inUse]).toEqual([1, 1])

    await pool.setHost(addressOf(one), 'drained')
    expect(await lentDuring(pool, () => readMany(pool, 6, 10))).toEqual([0, 0, 60])
    // What it had goes on and ends.
    expect(hostOf(pool, one).inUse).toBe(1)
    await endOne()
    await until(() => hostOf(pool, one).total === 0)

    await pool.setHost(addressOf(other), 'drained')
    expect(await lentDuring(pool, () => readMany(pool, 6, 10))).toEqual([60, 0, 0])
    const atPrimary = channels.about('read').slice(-60)
    expect(new Set(atPrimary.map(({ route, why }) => `${route}: ${why}`))).toEqual(new Set(['primary: no replica']))

    await pool.setHost(addressOf(one), 'auto')
    await until(() => hostOf(pool, one).idle > 0)
    await endOther()
    await until(() => hostOf(pool, other).total === 0)
    const [primary, first, second] = await lentDuring(pool, () => readMany(pool, 2, 10))
    expect([first! > 0, second]).toEqual([true, 0])
    expect(primary! + first!).toBe(20)
    await pool.setHost(addressOf(other), 'auto')
    await until(() => hostOf(pool, other).idle > 0)
    const both = await lentDuring(pool, () => readMany(pool, 8, 20))
    expect([both[0], both[1]! > 0, both[2]! > 0]).toEqual([0, true, true])
  })

  test('does not let writes wait, nor those who wait for a replica be lost, while the operator drains', async () => {
    const pool = open({ max: 2 })
    await areUp(pool)
    const ends = [await startRead(pool), await startRead(pool), await startRead(pool), await startRead(pool)]
    const waiting = readMany(pool, 5, 1)
    await until(() => pool.stats().waiting === 5)
    await pool.setHost(addressOf(one), 'drained')
    await pool.setHost(addressOf(other), 'drained')
    // Nobody is left whom they could wait for.
    expect(await waiting).toEqual([0, 0, 0, 0, 0])
    await pool.query('UPDATE t SET n = 1')
    await Promise.all(ends.map((end) => end()))
    await until(() => hostOf(pool, one).total + hostOf(pool, other).total === 0)
  })

  test('leaves one out that lags too far, and takes it back when it has caught up', async () => {
    const pool = open({ maxLagMs: 500 })
    using channels = listenTo(pool.stats().name)
    await areUp(pool)
    await readMany(pool, 8, 5)
    await one.pauseReplay()
    onTestFinished(() => one.resumeReplay().catch(() => undefined))
    await sql('UPDATE t SET n = 1')
    await other.catchUp()

    // The monitor asks how far it is behind, and no read pays for that.
    const isFresh = (seen: number[]) => seen.every((n) => n === 1)
    await until(async () => isFresh(await readMany(pool, 8, 5)) && (hostOf(pool, one).evidence?.lagMs ?? 0) > 500)
    const until3s = performance.now() + 3_000
    const [, first] = await lentDuring(pool, async () => {
      while (performance.now() < until3s) expect(isFresh(await readMany(pool, 4, 5))).toBe(true)
    })
    expect(first).toBe(0)

    // When the other one is behind as well, the primary is read.
    await other.pauseReplay()
    onTestFinished(() => other.resumeReplay().catch(() => undefined))
    await sql('UPDATE t SET n = 2')
    await until(() => (hostOf(pool, other).evidence?.lagMs ?? 0) > 500)
    await until(async () => (await readMany(pool, 4, 5)).every((n) => n === 2))
    expect(channels.about('read').some(isLagging)).toBe(true)
    await other.resumeReplay()
    await other.catchUp()
    await sql('UPDATE t SET n = 1')
    await other.catchUp()

    await one.resumeReplay()
    await one.catchUp()
    await until(async () => {
      const [, first] = await lentDuring(pool, async () => expect(isFresh(await readMany(pool, 8, 5))).toBe(true))
      return first! > 5
    })
  })

  test('leaves one out that is frozen, whose readers are served elsewhere, and takes it back', async () => {
    const pool = open({ acquireTimeoutMs: 30_000 })
    await areUp(pool)
    await one.kill('SIGSTOP')
    onTestFinished(() => one.kill('SIGCONT'))
    // Nobody is told anything: what was sent there ends only when the silence has lasted too long.
    const seen = await readMany(pool, 8, 20)
    expect(new Set(seen)).toEqual(new Set([0]))
    await until(() => hostOf(pool, one).evidence?.isReachable === false)
    const [primary, first] = await lentDuring(pool, () => readMany(pool, 8, 20))
    expect([primary, first]).toEqual([0, 0])

    await one.kill('SIGCONT')
    await until(async () => {
      const [, again] = await lentDuring(pool, () => readMany(pool, 8, 5))
      return again! > 5
    })
  })

  test('leaves nothing behind', async () => {
    const pool = open()
    await areUp(pool)
    await readMany(pool, 8, 5)
    await pool.setHost(addressOf(one), 'drained')
    await pool.setHost(addressOf(other), 'maintenance')
    await readMany(pool, 8, 5)
    await pool.end()
    const sessions = isPostgres
      ? `SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'app'`
      : `SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'app'`
    for (const server of [servers.primary, one, other]) {
      await until(async () => Number((await runSql(engine, server.adminUrl, sessions))[0]!['n']) === 0)
    }
  })
})

const isLagging = ({ route, why }: { route: string; why: string }): boolean => route === 'primary' && why === 'lagging'
