import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createShop, finished, SHOP_PLAN, type Shop } from '../support/shop.ts'
import { describeEachEngine } from '../support/servers.ts'
import { blueStatements, greenStatements } from './shop-changes.ts'

/** Few between two looks: another change of the same row would hide one that was not routed. */
const STATEMENTS = 25
const ROUNDS = 8

/** @returns how many of the statements the server took. */
async function change(
  shop: Shop,
  side: 'blue' | 'green',
  statements: fc.Arbitrary<string>,
  seed: number,
): Promise<number> {
  let taken = 0
  for (const statement of fc.sample(statements, { seed, numRuns: STATEMENTS }))
    await shop.sql(side, statement).then(
      () => (taken += 1),
      () => undefined,
    )
  return taken
}

describeEachEngine('random changes of the application', (engine) => {
  test('reach green and come back, whatever they move, merge, cascade or take away', async () => {
    await using shop = await createShop(engine)
    for (let seed = 1; seed <= ROUNDS; seed += 1) {
      // A run that ends with 6 has compared both sides and the round trip, row by row, and found them equal.
      const run = await shop.cli(['run', SHOP_PLAN])
      expect(run.exitCode, `before seed ${seed}: ${run.stdout}${run.stderr}`).toBe(6)
      expect(await change(shop, 'blue', blueStatements, seed)).toBeGreaterThan(STATEMENTS / 3)
    }
    const there = await shop.cli(['run', SHOP_PLAN, '--yes', '--until', 'validate'])
    expect(there.exitCode, there.stdout + there.stderr).toBe(0)

    const serving = shop.spawn(['run', SHOP_PLAN, '--wait'])
    const served = finished(serving)
    expect(await change(shop, 'green', greenStatements, 99)).toBeGreaterThan(STATEMENTS / 3)
    const verified = await shop.cli(['verify', SHOP_PLAN])
    expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0)
    const back = await shop.cli(['rollback', SHOP_PLAN])
    expect(back.exitCode, back.stdout + back.stderr).toBe(5)
    expect((await served).exitCode).toBe(5)
    expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  })
})
