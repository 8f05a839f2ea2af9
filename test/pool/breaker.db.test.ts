/** What a breaker counts on real servers, and what becomes of those who wait for a host that says nothing any more. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Proxy } from '../../scripts/torture/proxy.ts'
import { createPool, OutcomeUnknownError } from '../../src/pool/index.ts'
import { createDatabase, describeEachEngine, runSql } from '../support/servers.ts'
import { listen, until } from './support.ts'

const LIMIT = 2

describeEachEngine('a host', (engine) => {
  const isPostgres = engine === 'postgres'

  test('that takes no more connections is busy and not broken', async () => {
    await using database = await createDatabase(engine)
    const user = `few_${randomBytes(4).toString('hex')}`
    const asRoot = (...sql: string[]) => runSql(engine, database.url, ...sql)
    await asRoot(
      ...(isPostgres
        ? [`CREATE ROLE ${user} LOGIN PASSWORD 'secret' CONNECTION LIMIT ${LIMIT}`]
        : [
            `CREATE USER ${user} IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS ${LIMIT}`,
            `GRANT ALL ON ${database.name}.* TO ${user}`,
          ]),
    )
    try {
      const url = new URL(database.url)
      url.username = user
      url.password = 'secret'
      await using pool = createPool({ url: url.href, min: 0, max: 10, acquireTimeoutMs: 30_000 })
      const rest = isPostgres ? 'SELECT pg_sleep(0.05)' : 'SELECT SLEEP(0.05)'
      await Promise.all(Array.from({ length: 60 }, () => pool.query(rest)))
      const { hosts, counts } = pool.stats()
      expect(counts.connectFailures).toBeGreaterThanOrEqual(3)
      expect(hosts[0]!.errors.full).toBe(counts.connectFailures)
      expect(hosts[0]!.breaker).toBe('closed')
      expect(hosts[0]!.total).toBeLessThanOrEqual(LIMIT)
    } finally {
      await asRoot(isPostgres ? `DROP ROLE ${user}` : `DROP USER ${user}`)
    }
  })

  test('that puts out who is idle is not broken', async () => {
    await using database = await createDatabase(engine)
    await using pool = createPool({ url: database.url, min: 0, max: 5 })
    // Session settings stay with a connection of the pool.
    const short = isPostgres
      ? `SELECT set_config('idle_session_timeout', '1s', false), pg_sleep(0.5)`
      : 'SET SESSION wait_timeout = 1 + SLEEP(0.5)'
    await Promise.all(Array.from({ length: 5 }, () => pool.query(short)))
    await until(() => pool.stats().counts.lost >= 3)
    expect(pool.stats().hosts[0]!.breaker).toBe('closed')
    await pool.query('SELECT 1')
  })

  test('that fails gets one connection to try, and no reads until that comes about', async () => {
    await using database = await createDatabase(engine)
    let [most, now, tried] = [0, 0, 0]
    // Accepts, says nothing for a while, and hangs up.
    await using broken = await listen((socket) => {
      tried += 1
      now += 1
      most = Math.max(most, now)
      socket.on('error', () => undefined)
      socket.on('close', () => (now -= 1))
      setTimeout(() => socket.destroy(), 30)
    })
    const url = new URL(database.url)
    url.host = `127.0.0.1:${broken.port}`
    await using pool = createPool({ url: database.url, replicas: [url.href], min: 6, max: 6, acquireTimeoutMs: 30_000 })
    const replica = () => pool.stats().hosts.find(({ role }) => role === 'replica')!
    await until(() => pool.stats().hosts.length === 2 && replica().breaker !== 'closed')
    expect(replica().evidence?.isReachable).toBe(false)
    await until(() => now === 0)
    ;[most, tried] = [0, 0]
    await until(() => tried >= 8)
    // One of the pool, and the monitor's own.
    expect(most).toBeLessThanOrEqual(2)
    await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rowCount: 1 })
  })

  test('that says nothing any more is not waited for without end, though nobody could take over', async () => {
    await using database = await createDatabase(engine)
    const url = new URL(database.url)
    await using proxy = await Proxy.open({ host: url.hostname, port: Number(url.port) })
    url.port = String(proxy.port)
    await using pool = createPool({ url: url.href, min: 1, max: 2 })
    await pool.query('CREATE TABLE written (id int PRIMARY KEY)')
    proxy.setTrouble({ type: 'black-hole' })
    await expect(pool.query('INSERT INTO written VALUES (1)')).rejects.toThrow(OutcomeUnknownError)
    proxy.setTrouble(undefined, { areOldDead: true })
    await expect(pool.query('INSERT INTO written VALUES (2)')).resolves.toMatchObject({ rowCount: 1 })
  })
})
