/** How many connections a host sees that has failed, while many wait for it: counted where they arrive. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createPool } from '../../src/pool/index.ts'
import { createDatabase, describeEachEngine, runSql } from '../support/servers.ts'
import { listen, until } from './support.ts'

const BORROWERS = 60
const MAX = 20

/** A way to a server that hangs up, keeps whoever comes waiting, or lets pass. */
async function openDoor(url: string) {
  const { hostname, port } = new URL(url)
  const inside = new Set<Socket>()
  const waiting: Socket[] = []
  let [most, tried] = [0, 0]
  let mode: 'hang up' | 'wait' | 'pass' = 'hang up'
  const pass = (near: Socket) => {
    const far = connect(Number(port), hostname)
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('error', () => undefined).on('close', () => near.destroy())
  }
  const server = await listen((socket) => {
    tried += 1
    inside.add(socket)
    most = Math.max(most, inside.size)
    socket.on('error', () => undefined).on('close', () => inside.delete(socket))
    if (mode === 'hang up') setTimeout(() => socket.destroy(), 20)
    else if (mode === 'pass') pass(socket)
    else waiting.push(socket)
  })
  const through = new URL(url)
  through.port = String(server.port)
  return {
    url: through.href,
    set: (next: typeof mode) => (mode = next),
    /** Who is kept waiting; nobody else is inside then. */
    get waiting() {
      return waiting.length === inside.size ? waiting.length : 0
    },
    get isEmpty() {
      return inside.size === 0
    },
    /** The most at a time, and all, since the last call. */
    count() {
      const counted = { most, tried }
      most = inside.size
      tried = 0
      return counted
    },
    refuseWaiting: () => waiting.splice(0).forEach((socket) => socket.destroy()),
    letPass() {
      mode = 'pass'
      waiting.splice(0).forEach(pass)
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of inside) socket.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}

describeEachEngine('a host that has failed', (engine) => {
  test('is tried by one connection at a time, however many wait; when that comes about, all of them are served', async () => {
    await using database = await createDatabase(engine)
    await using door = await openDoor(database.url)
    await using pool = createPool({
      url: door.url,
      min: 0,
      max: MAX,
      acquireTimeoutMs: 120_000,
      connectTimeoutMs: 120_000,
    })
    const breaker = () => pool.stats().hosts[0]?.breaker
    const served = Promise.all(Array.from({ length: BORROWERS }, () => pool.query('SELECT 1 AS one')))
    // Those that were on their way when it failed are gone.
    const isAlone = () => pool.stats().waiting === BORROWERS && pool.stats().connecting <= 1
    await until(() => pool.stats().hosts.some((host) => host.breaker !== 'closed') && isAlone())
    door.set('wait')
    await until(() => door.waiting === 1)
    door.count()

    // The breaker's pause doubles with each of them.
    for (let trial = 0; trial < 3; trial += 1) {
      await until(() => breaker() === 'half-open' && door.waiting === 1)
      // More of them come, the pause of the breaker ends again and again: the one that is tried is waited for.
      const late = Array.from({ length: 20 }, () => new AbortController())
      const more = late.map(({ signal }) => pool.query('SELECT 1', [], { signal }))
      await sleep(700)
      expect(pool.stats()).toMatchObject({ connecting: 1, total: 1, waiting: BORROWERS + 20 })
      for (const controller of late) controller.abort()
      expect((await Promise.allSettled(more)).map(({ status }) => status)).not.toContain('fulfilled')
      door.refuseWaiting()
      await until(() => door.isEmpty)
      // Its failure opens the breaker, and the next one is alone as well.
      await until(() => door.waiting === 1)
      expect(door.count()).toEqual({ most: 1, tried: 1 })
    }

    door.letPass()
    expect((await served).every(({ rows }) => rows.length === 1)).toBe(true)
    expect(breaker()).toBe('closed')
    expect(door.count().most).toBeLessThanOrEqual(MAX)

    await pool.end()
    const sessions =
      engine === 'postgres'
        ? 'SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
        : 'SELECT count(*) AS n FROM information_schema.processlist WHERE db = database() AND id <> connection_id()'
    await until(async () => Number((await runSql(engine, database.url, sessions))[0]!['n']) === 0)
  })
})
