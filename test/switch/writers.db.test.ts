import { expect, test } from 'vitest'
import { createShop, SHOP_PLAN, type Shop } from '../support/shop.ts'
import { describeEachEngine } from '../support/servers.ts'
import { startWriters, type Writers } from './writers.ts'

const WRITERS = 64

/** Orders of the writers on a side, by reference; a reference that is there twice shows. */
async function written(shop: Shop, side: 'blue' | 'green'): Promise<[string, number][]> {
  const rows = await shop.sql(side, `SELECT reference, cents FROM orders WHERE reference LIKE 'w%' ORDER BY reference`)
  return rows.map(({ reference, cents }) => [String(reference), Number(cents)])
}

const sorted = (entries: Iterable<[string, number]>): [string, number][] =>
  [...entries].sort(([left], [right]) => (left < right ? -1 : 1))

describeEachEngine('64 writers in all isolation levels, pooled and plain', (engine) => {
  test('lose nothing over the switch and over the way back', async () => {
    await using shop = await createShop(engine)
    await using writers: Writers = startWriters(shop, shop.meta, WRITERS)

    const there = await shop.cli(['run', SHOP_PLAN, '--yes', '--until', 'validate'])
    expect(there.exitCode, there.stdout + there.stderr).toBe(0)
    const atGreen = writers.acknowledged.size
    const back = await shop.cli(['rollback', SHOP_PLAN])
    expect(back.exitCode, back.stdout + back.stderr).toBe(5)
    await writers.stop()

    expect(writers.failures).toEqual([])
    expect(writers.refused).toBeGreaterThan(0)
    expect(writers.acknowledged.size).toBeGreaterThan(atGreen)
    expect(sorted(await written(shop, 'blue'))).toEqual(sorted(writers.acknowledged))

    // Everything that both sides have is the same: nothing was written on a side behind its fence.
    const onGreen = new Map(await written(shop, 'green'))
    const onBlue = new Map(await written(shop, 'blue'))
    for (const reference of onGreen.keys()) expect(onBlue.has(reference)).toBe(true)
    expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  }, 120_000)
})
