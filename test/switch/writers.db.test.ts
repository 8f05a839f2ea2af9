import { createPool } from 'crossfade/pool'
import { expect, test } from 'vitest'
import { checkShopLedger } from '../../scripts/torture/traffic/shop-ledger.ts'
import { startWriters } from '../../scripts/torture/traffic/writers.ts'
import { createShop, SHOP_PLAN } from '../support/shop.ts'
import { describeEachEngine } from '../support/servers.ts'

const WRITERS = 64

/** On average: about 1,000 transactions per second of all writers, which two cores bear beside everything else. */
const PAUSE_MS = 60

describeEachEngine('64 writers in all isolation levels, pooled and plain', (engine) => {
  test('lose nothing over the switch and over the way back', async () => {
    await using shop = await createShop(engine)
    const urls = { blue: shop.blueUrl, green: shop.greenUrl }
    const half = WRITERS / 2
    await using pool = createPool({
      ...urls,
      journal: shop.blueUrl,
      meta: shop.meta,
      max: half,
      acquireTimeoutMs: 30_000,
    })
    const failures: string[] = []
    await using writers = startWriters({
      engine,
      pool,
      urls,
      pooled: half,
      plain: half,
      pauseMs: PAUSE_MS,
      seed: 1,
      onFailure: (error) => failures.push(String(error)),
    })

    const there = await shop.cli(['run', SHOP_PLAN, '--yes', '--until', 'validate'])
    expect(there.exitCode, there.stdout + there.stderr).toBe(0)
    const atGreen = writers.ledger.acknowledged
    const back = await shop.cli(['rollback', SHOP_PLAN])
    expect(back.exitCode, back.stdout + back.stderr).toBe(5)
    await writers.stop()

    expect(failures).toEqual([])
    expect(writers.lost).toEqual([])
    expect(writers.refused).toBeGreaterThan(0)
    expect(writers.ledger.acknowledged).toBeGreaterThan(atGreen)
    const nothing = { lost: 0, duplicated: 0, wrong: 0, details: [] }
    expect(await checkShopLedger('blue', urls.blue, writers.ledger)).toEqual(nothing)

    // Nothing was written on green that was not acknowledged there: behind its fence, for example.
    const onGreen = await shop.sql('green', `SELECT reference FROM orders WHERE reference LIKE 'app-%'`)
    const known = writers.ledger.states('order')
    expect(onGreen.filter(({ reference }) => !known.has(String(reference)))).toEqual([])
    expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])

    const [lost, wrong, twice] = await shop.sql('blue', `SELECT id FROM orders WHERE reference LIKE 'app-%' LIMIT 3`)
    await shop.sql(
      'blue',
      `DELETE FROM orders WHERE id = ${String(lost?.['id'])}`,
      `UPDATE orders SET cents = -1 WHERE id = ${String(wrong?.['id'])}`,
      'DROP INDEX orders_reference' + (engine === 'postgres' ? '' : ' ON orders'),
      `INSERT INTO orders (item_id, reference, state, cents) SELECT item_id, reference, state, cents FROM orders WHERE id = ${String(twice?.['id'])}`,
    )
    expect(await checkShopLedger('blue', urls.blue, writers.ledger)).toMatchObject({ lost: 1, wrong: 1, duplicated: 1 })
  })
})
