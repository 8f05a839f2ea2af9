/** Whatever an orchestrator sends that was left behind: once a newer run has a side, nobody executes it there. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SideTools } from '../../src/engines/engine.js'
import { openSide } from '../../src/engines/open-side.js'
import { metaNames } from '../../src/engines/postgres/meta.js'
import { raw } from '../../src/engines/sql.js'
import { describeEachEngine } from '../support/servers.js'
import { createShop, type Shop } from '../support/shop.js'

const GRACE_MS = 500

describeEachEngine('sessions of a run', (engine) => {
  let shop: Shop
  let run = 0
  const open = (): Promise<SideTools> => openSide(shop.blueUrl, 'blue', shop.meta)
  /** Two runs that follow one another. */
  const openTwo = async (): Promise<{ old: SideTools; oldRun: number; next: SideTools; nextRun: number }> => {
    run += 2
    return { old: await open(), oldRun: run - 1, next: await open(), nextRun: run }
  }
  beforeAll(async () => {
    shop = await createShop(engine)
  })
  afterAll(() => shop[Symbol.asyncDispose]())

  test('change nothing any more when a newer run has the side: no DDL, no fence, no capture, no queue', async () => {
    const { old, oldRun, next, nextRun } = await openTwo()
    await using _old = old
    await using _next = next
    await old.lease.take(oldRun, GRACE_MS)
    await old.fence.prepare({ epoch: 1, isWritable: true })
    await old.fence.arm(['orders'], {})
    await old.capture.install([{ table: 'orders', columns: ['id'] }], {})
    await old.fence.read()
    await using session = await old.connect('schema')
    await next.lease.take(nextRun, GRACE_MS)
    expect(await next.fence.close({ epoch: 2, budgetMs: 2000 })).toMatchObject({ fenced: true })

    await expect(session.execute(raw('DROP TABLE orders'))).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    const refused = { code: 'LEASE_LOST' }
    await expect(old.connect('schema')).rejects.toMatchObject(refused)
    await expect(old.fence.open(1)).rejects.toMatchObject(refused)
    await expect(old.fence.close({ epoch: 9, budgetMs: 100 })).rejects.toMatchObject(refused)
    await expect(old.fence.disarm(['orders'], {})).rejects.toMatchObject(refused)
    await expect(old.fence.remove()).rejects.toMatchObject(refused)
    await expect(old.capture.remove()).rejects.toMatchObject(refused)
    await expect(old.lease.remove()).rejects.toMatchObject(refused)
    await expect(old.lease.take(oldRun, GRACE_MS)).rejects.toMatchObject(refused)

    expect(await next.fence.read()).toEqual({ side: 'blue', epoch: 2, isWritable: false })
    expect(await next.fence.isArmed(['orders'])).toBe(true)
    await expect(shop.sql('blue', `UPDATE orders SET cents = 1 WHERE id = 1`)).rejects.toThrow(/side blue is closed/)
    await next.fence.open(1)
    await next.fence.remove()
    await next.capture.remove()
    await next.lease.remove()
    // Whoever removed the migration leaves no run that an older one could still be.
    await expect(old.connect('schema')).rejects.toMatchObject(refused)
  })

  test('that are opened while a newer run takes the side are refused or ended, never let in behind it', async () => {
    const { old, oldRun, next, nextRun } = await openTwo()
    await using _old = old
    await using _next = next
    await shop.sql('blue', 'CREATE TABLE marks (id int)')
    await old.lease.take(oldRun, GRACE_MS)
    let written = 0
    let isTaken = false
    const errors = new Set<string>()
    const loops = Array.from({ length: 6 }, async () => {
      for (let isOver = false; !isOver;) {
        // The last one begins when the side is taken.
        isOver = isTaken
        try {
          await using session = await old.connect('old run')
          for (let index = 0; index < 3; index += 1) {
            await session.execute(raw('INSERT INTO marks VALUES (1)'))
            written += 1
          }
        } catch (error) {
          errors.add((error as { code: string }).code)
        }
      }
    })
    while (written < 20) await new Promise((resolve) => setImmediate(resolve))
    await next.lease.take(nextRun, GRACE_MS)
    const count = async (): Promise<number> =>
      Number((await shop.sql('blue', 'SELECT COUNT(*) AS n FROM marks'))[0]!['n'])
    const before = await count()
    isTaken = true
    await Promise.all(loops)
    expect(await count()).toBe(before)
    expect(errors).toContain('LEASE_LOST')
    for (const code of errors) expect(['LEASE_LOST', 'CONNECTION_LOST']).toContain(code)
    await next.lease.remove()
    await shop.sql('blue', 'DROP TABLE marks')
  })

  test('that were stopped with the lock of the fence in hand give it back to a newer run', async () => {
    const { old, oldRun, next, nextRun } = await openTwo()
    await using _old = old
    await using _next = next
    await old.lease.take(oldRun, GRACE_MS)
    await old.fence.prepare({ epoch: 1, isWritable: true })
    await old.fence.arm(['orders'], {})
    await using session = await old.connect('fence')
    const names = metaNames('blue', old.location.namespace, shop.meta)
    await session.execute(
      raw(
        engine === 'postgres'
          ? `SELECT pg_advisory_lock(${names.gateLock.text})`
          : `LOCK TABLES ${shop.meta}.blue_authority WRITE`,
      ),
    )
    const write = shop.sql('blue', `UPDATE orders SET cents = 77 WHERE id = 1`)
    await next.lease.take(nextRun, GRACE_MS)
    await write
    expect(await shop.sql('blue', `SELECT cents FROM orders WHERE id = 1`)).toEqual([{ cents: 77 }])
    await next.fence.remove()
    await next.lease.remove()
    await next.dropMeta()
    expect(await next.remains()).toEqual([])
  })
})
