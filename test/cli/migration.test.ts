import { expect, test } from 'vitest'
import { createShop, finished, SHOP_PLAN } from '../support/shop.js'
import { blueRows, count, goThereAndBack } from './there-and-back.js'
import { describeEachEngine } from '../support/servers.js'

describeEachEngine('a migration by the command line', (engine) => {
  test('goes to green, keeps the way back, and comes back with every write', () => goThereAndBack(engine), 90_000)

  test('what somebody spoiled on blue behind its fence is mended before blue serves again', async () => {
    await using shop = await createShop(engine)
    const plan = SHOP_PLAN.replace('shop.ts', 'shop-patient.ts')
    expect((await shop.cli(['run', plan, '--yes', '--until', 'validate'])).exitCode).toBe(0)
    const passes = engine === 'postgres' ? `SET crossfade.sync = 'on'` : 'SET @crossfade_sync = 1'
    await shop.sql('blue', passes, `DELETE FROM orders WHERE reference = 'b'`)
    expect(await count(shop, 'blue', `orders WHERE reference = 'b'`)).toBe(0)

    const back = await shop.cli(['rollback', plan])
    expect(back.exitCode, back.stdout + back.stderr).toBe(5)
    expect(back.stdout).toContain('the way back was refused; written again on blue: ~orders')
    expect(await count(shop, 'blue', `orders WHERE reference = 'b'`)).toBe(1)
    expect((await shop.cli(['complete', plan])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  })

  test('abort leaves blue as it was and nothing behind', async () => {
    await using shop = await createShop(engine)
    const before = await blueRows(shop)
    expect((await shop.cli(['run', SHOP_PLAN, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    expect((await shop.cli(['abort', SHOP_PLAN])).exitCode).toBe(0)
    expect(await blueRows(shop)).toBe(before)
    expect(await shop.remains()).toEqual([])
  })

  test('goes on after SIGKILL at each step of the switch', async () => {
    await using shop = await createShop(engine)
    expect((await shop.cli(['run', SHOP_PLAN, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    for (const step of ['arm', 'hold', 'fence', 'drain', 'verify', 'switch']) {
      const killed = await finished(
        shop.spawn(['run', SHOP_PLAN, '--yes', '--until', 'cutover'], { CROSSFADE_CRASH_AT: step }),
      )
      expect(killed.exitCode, `${step}: ${killed.stdout}${killed.stderr}`).toBeNull()
    }
    // The kill after `switch` came behind the commit: the next run finds green in charge and opens it.
    const resumed = await shop.cli(['run', SHOP_PLAN, '--yes', '--until', 'validate'])
    expect(resumed.exitCode, resumed.stdout + resumed.stderr).toBe(0)
    await shop.sql('green', `UPDATE orders SET cents = 4 WHERE reference = 'a'`)
    await expect(shop.sql('blue', `UPDATE orders SET cents = 0 WHERE id = 1`)).rejects.toThrow(/closed/)
    for (const step of ['hold', 'fence', 'drain', 'verify', 'switch']) {
      const killed = await finished(shop.spawn(['rollback', SHOP_PLAN], { CROSSFADE_CRASH_AT: step }))
      expect(killed.exitCode, `back, ${step}: ${killed.stdout}${killed.stderr}`).toBeNull()
    }
    const back = await shop.cli(['run', SHOP_PLAN])
    expect(back.exitCode, back.stdout + back.stderr).toBe(5)
    expect(await shop.sql('blue', `SELECT cents FROM orders WHERE reference = 'a'`)).toEqual([{ cents: 4 }])
    expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  })
})
