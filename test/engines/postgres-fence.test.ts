import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../../src/engines/engine.js'
import { raw } from '../../src/engines/sql.js'
import type { SchemaSpec } from '../../src/plan/schema.js'
import { makeTables, openApplication, openSides, type Sides } from './postgres-support.js'

const id = { type: 'bigint', notNull: true } as const
const SCHEMA: SchemaSpec = {
  orders: { columns: { id, note: { type: 'text' } }, primaryKey: ['id'] },
  events: {
    columns: { id, at: { type: 'datetime', notNull: true } },
    primaryKey: ['id', 'at'],
    partitionByMonth: 'at',
  },
}
const TABLES = ['orders', 'events']
/** Far above what an idle server needs; a loaded machine is slow. */
const BUDGET_MS = 10_000

describe('fence and lease (postgres)', () => {
  let sides: Sides
  let epoch = 1
  beforeAll(async () => {
    sides = await openSides()
    await makeTables(sides.blue, SCHEMA)
    await sides.blue.fence.prepare({ epoch, isWritable: true })
    await sides.blue.fence.arm(TABLES, {})
  })
  afterAll(() => sides[Symbol.asyncDispose]())

  const close = async () => {
    epoch += 1
    expect(await sides.blue.fence.close({ epoch, budgetMs: BUDGET_MS })).toMatchObject({ fenced: true })
  }
  const open = async () => {
    epoch += 1
    await sides.blue.fence.open(epoch)
  }

  test('a closed side refuses every kind of write, at its epoch, and opens again', async () => {
    await using application = await openApplication(sides.blue)
    await application.query(`INSERT INTO orders VALUES (1, 'before')`)
    await close()
    expect(await sides.blue.fence.read()).toEqual({ side: 'blue', epoch, isWritable: false })
    const writes = [
      `INSERT INTO orders VALUES (2)`,
      `INSERT INTO orders VALUES (1) ON CONFLICT DO NOTHING`,
      `UPDATE orders SET note = 'x' WHERE false`,
      `DELETE FROM orders`,
      `TRUNCATE orders`,
      `WITH w AS (INSERT INTO orders VALUES (3) RETURNING id) SELECT * FROM w`,
      `INSERT INTO events VALUES (1, now())`,
      `INSERT INTO events_default VALUES (1, '1990-01-01')`,
      `SET session_replication_role = replica; INSERT INTO orders VALUES (4)`,
    ]
    for (const write of writes) {
      await expect(application.query(write), write).rejects.toMatchObject({
        code: '25006',
        message: `crossfade: side blue is closed, epoch ${epoch}`,
      })
    }
    expect((await application.query('SELECT note FROM orders')).rows).toEqual([{ note: 'before' }])
    await open()
    await application.query(`UPDATE orders SET note = 'after'`)
    expect(await sides.blue.fence.read()).toEqual({ side: 'blue', epoch, isWritable: true })
  })

  test.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'a %s transaction with an old snapshot cannot write behind the fence',
    async (level) => {
      await using application = await openApplication(sides.blue)
      await application.query(`BEGIN ISOLATION LEVEL ${level}`)
      await application.query('SELECT count(*) FROM orders')
      await close()
      await expect(application.query(`UPDATE orders SET note = 'late'`)).rejects.toMatchObject({ code: '25006' })
      await application.query('ROLLBACK')
      await open()
    },
  )

  test("a session of Crossfade's own writes to a closed side, and its writers do not stand in the fence's way", async () => {
    await using own = await sides.blue.connect('writer')
    await own.transaction(async () => {
      await own.execute(raw(`UPDATE shop_blue.orders SET note = 'own'`))
      await close()
      await own.execute(raw(`UPDATE shop_blue.orders SET note = 'own again'`))
    })
    await open()
  })

  test('an error of the gate is SIDE_CLOSED, another read-only error is not', async () => {
    await using own = await sides.blue.connect('probe')
    await close()
    await own.execute(raw(`SET crossfade.sync = 'off'`))
    await expect(own.execute(raw('DELETE FROM shop_blue.orders'))).rejects.toMatchObject({ code: 'SIDE_CLOSED' })
    await open()
    const readOnly = own.transaction(() => own.execute(raw('DELETE FROM shop_blue.orders')), { snapshot: true })
    await expect(readOnly).rejects.toMatchObject({ code: 'READ_ONLY' })
  })

  test('a missed budget names the writer, leaves the side open, and lets waiting writers go on', async () => {
    await using writer = await openApplication(sides.blue)
    await using waiting = await openApplication(sides.blue)
    await writer.query(`SET application_name = 'long import'; BEGIN; UPDATE orders SET note = 'long'`)
    const attempt = sides.blue.fence.close({ epoch: epoch + 1, budgetMs: 150 })
    await waiting.query(`INSERT INTO orders VALUES (50)`)
    const result = await attempt
    expect(result).toMatchObject({ fenced: false, blockers: [expect.stringContaining('long import')] })
    expect(await sides.blue.fence.read()).toEqual({ side: 'blue', epoch, isWritable: true })
    const [oldest] = await sides.blue.fence.longTransactions(0)
    expect(oldest?.session).toContain('long import')
    await writer.query('COMMIT')
    expect(
      (await sides.blue.fence.longTransactions(0)).filter(({ session }) => session.includes('long import')),
    ).toEqual([])
    await close()
    await open()
  })

  test('a writer that locks rows first goes ahead of the fence instead of running it into its budget', async () => {
    await using holder = await openApplication(sides.blue)
    await using other = await openApplication(sides.blue)
    await other.query(`BEGIN; UPDATE orders SET note = 'other' WHERE id = 50`)
    await holder.query(`BEGIN; SELECT * FROM orders WHERE id = 1 FOR UPDATE`)
    const closing = sides.blue.fence.close({ epoch: epoch + 1, budgetMs: BUDGET_MS })
    await isWaiting(sides, `wait_event_type = 'Lock' AND application_name = 'crossfade/fence'`)
    // Queues behind the fence, which waits for `other`, which waits for the row: only the fence can give way.
    const update = holder.query(`UPDATE orders SET note = 'holder' WHERE id = 1`)
    const third = other.query(`UPDATE orders SET note = 'other' WHERE id = 1`)
    await update
    await holder.query('COMMIT')
    await third
    await other.query('COMMIT')
    expect(await closing).toMatchObject({ fenced: true })
    epoch += 1
    await open()
  })

  test('a prepared transaction that wrote keeps the fence out and is named', async () => {
    await using writer = await openApplication(sides.blue)
    await writer.query(`BEGIN; UPDATE orders SET note = 'two phases'; PREPARE TRANSACTION 'forgotten'`)
    const result = await sides.blue.fence.close({ epoch: epoch + 1, budgetMs: 100 })
    expect(result).toMatchObject({
      fenced: false,
      blockers: [expect.stringContaining(`prepared transaction 'forgotten'`)],
    })
    expect((await sides.blue.fence.longTransactions(0)).map(({ session }) => session).join()).toContain('forgotten')
    await writer.query(`ROLLBACK PREPARED 'forgotten'`)
  })

  test('no acknowledged write is missing and none comes after the fence, under load', async () => {
    let isStopped = false
    const write = async (n: number) => {
      await using client = await openApplication(sides.blue)
      const level = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'][n % 3]
      let acknowledged = 0
      for (let index = 0; !isStopped; index += 1) {
        try {
          await client.query(`BEGIN ISOLATION LEVEL ${level}; SELECT count(*) FROM orders WHERE id = ${n}`)
          await client.query(`INSERT INTO orders VALUES (${1000 + n * 100_000 + index})`)
          await client.query('COMMIT')
          acknowledged += 1
        } catch {
          await client.query('ROLLBACK')
        }
      }
      return acknowledged
    }
    const writers = [0, 1, 2, 3].map(write)
    await using counter = await sides.blue.connect('counter')
    const count = async () =>
      Number((await counter.query(raw('SELECT count(*) FROM shop_blue.orders WHERE id >= 1000')))[0]![0])
    await waitFor(async () => (await count()) > 20)
    await close()
    const atFence = await count()
    await open()
    await waitFor(async () => (await count()) > atFence)
    await close()
    isStopped = true
    const counted = await count()
    const acknowledged = (await Promise.all(writers)).reduce((sum, one) => sum + one, 0)
    expect(await count()).toBe(counted)
    expect(acknowledged).toBe(counted)
    await open()
  })

  test('gates can be looked at, taken off and put on again', async () => {
    const { fence } = sides.blue
    expect(await fence.isArmed(TABLES)).toBe(true)
    await using application = await openApplication(sides.blue)
    await application.query('ALTER TABLE orders DISABLE TRIGGER crossfade_blue_gate')
    expect(await fence.isArmed(TABLES)).toBe(false)
    await fence.arm(TABLES, {})
    expect(await fence.isArmed(TABLES)).toBe(true)
    await fence.disarm(['events'], {})
    expect(await fence.isArmed(['events'])).toBe(false)
    expect(await fence.isArmed(['orders'])).toBe(true)
  })

  test('preparing again keeps the state; both sides have a gate of their own in one database', async () => {
    await sides.blue.fence.prepare({ epoch: 77, isWritable: false })
    expect(await sides.blue.fence.read()).toEqual({ side: 'blue', epoch, isWritable: true })
    expect(await sides.green.fence.exists()).toBe(false)
    await makeTables(sides.green, SCHEMA)
    await sides.green.fence.prepare({ epoch, isWritable: false })
    await sides.green.fence.arm(['orders'], {})
    await using green = await openApplication(sides.green)
    await using blue = await openApplication(sides.blue)
    await expect(green.query('INSERT INTO orders VALUES (1)')).rejects.toMatchObject({ code: '25006' })
    await blue.query('INSERT INTO orders VALUES (800)')
    await sides.green.fence.remove()
    expect(await sides.green.fence.exists()).toBe(false)
  })

  test('a newer run waits for the older one, takes over, and the older one is refused', async () => {
    const { lease } = sides.blue
    await lease.take(1, 1000)
    await lease.take(1, 1000)
    await using old = await sides.blue.connect('old run')
    const events: string[] = []
    let finish = (): void => {}
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const writing = old.transaction(async () => {
      await lease.hold(old, 1)
      await finished
      events.push('old run commits')
    })
    const taking = lease.take(2, 30_000).then(() => events.push('new run has it'))
    await isWaiting(sides, `wait_event_type = 'Lock' AND application_name = 'crossfade/lease'`)
    finish()
    await Promise.all([writing, taking])
    expect(events).toEqual(['old run commits', 'new run has it'])
    await using fresh = await sides.blue.connect('new run')
    await expect(fresh.transaction(() => lease.hold(fresh, 1))).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await fresh.transaction(() => lease.hold(fresh, 2))
    await expect(lease.take(1, 100)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await lease.take(2, 100)
  })

  test('an older run that keeps its transaction open is ended after the grace period', async () => {
    const { lease } = sides.blue
    await using old: Session = await sides.blue.connect('stuck run')
    const stuck = old.transaction(async () => {
      await lease.hold(old, 2)
      await old.query(raw('SELECT pg_sleep(600)'))
    })
    const ended = expect(stuck).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await isWaiting(sides, `wait_event = 'PgSleep' AND application_name = 'crossfade/stuck run'`)
    await lease.take(3, 50)
    await ended
  })

  test('nothing is left', async () => {
    await sides.blue.fence.remove()
    await sides.blue.fence.remove()
    await sides.blue.lease.remove()
    await sides.blue.dropMeta()
    expect(await sides.blue.remains()).toEqual([])
    expect(await sides.green.remains()).toEqual([])
  })
})

/** Waits until some session is in this state. */
async function isWaiting(sides: Sides, condition: string): Promise<void> {
  await using observer = await openApplication(sides.blue)
  await waitFor(
    async () => ((await observer.query(`SELECT 1 FROM pg_stat_activity WHERE ${condition}`)).rowCount ?? 0) > 0,
  )
}

async function waitFor(isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setImmediate(resolve))
}
