/** Rows that are written all the time, as counters are: no look at them from outside ever sees both sides equal. */
import { expect, test } from 'vitest'
import { openApplication } from '../support/application.js'
import { describeEachEngine } from '../support/servers.js'
import { createShop, SHOP_PLAN, type CliResult, type Shop } from '../support/shop.js'

const WRITERS = 3

/** Counts in one row of a side as fast as it can, on several connections, until it is told to stop. */
async function keepHot(shop: Shop, side: 'blue' | 'green'): Promise<{ stop(): Promise<number> }> {
  const connections = await Promise.all(Array.from({ length: WRITERS }, () => openApplication(shop, side)))
  let isOver = false
  let writes = 0
  const work = connections.map(async ({ run }) => {
    while (!isOver) {
      await run('UPDATE orders SET cents = cents + 1 WHERE id = 1')
      writes += 1
    }
  })
  return {
    async stop() {
      isOver = true
      await Promise.all(work)
      await Promise.all(connections.map(({ close }) => close()))
      return writes
    },
  }
}

const passes = (run: CliResult): unknown[] => run.lines.filter(({ type }) => type === 'pass-done')

describeEachEngine('rows that never rest', (engine) => {
  test('are verified at one exact moment, there and back', async () => {
    await using shop = await createShop(engine)
    const onBlue = await keepHot(shop, 'blue')
    const there = await shop.cli(['run', SHOP_PLAN, '--json', '--until', 'dual-write-sync'])
    const written = await onBlue.stop()
    expect(there.exitCode, there.stdout + there.stderr).toBe(0)
    expect(passes(there)).toMatchObject([
      { direction: 'forward', differences: 0, skipped: 0 },
      { direction: 'reverse', differences: 0, skipped: 0 },
    ])
    expect((await shop.cli(['run', SHOP_PLAN, '--yes', '--until', 'cutover'])).exitCode).toBe(0)

    const onGreen = await keepHot(shop, 'green')
    const validated = await shop.cli(['run', SHOP_PLAN, '--json', '--until', 'validate'])
    const more = await onGreen.stop()
    expect(validated.exitCode, validated.stdout + validated.stderr).toBe(0)
    expect(passes(validated)).toMatchObject([{ direction: 'reverse', differences: 0, skipped: 0 }])

    expect((await shop.cli(['rollback', SHOP_PLAN])).exitCode).toBe(5)
    const [row] = await shop.sql('blue', 'SELECT cents FROM orders WHERE id = 1')
    expect(Number(row?.['cents'])).toBe(100 + written + more)
    expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  }, 400_000)
})
