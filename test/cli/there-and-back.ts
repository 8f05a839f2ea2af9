/** The shop there and back by the command line, with writes at every stage; what the tests of a migration share. */
import { expect } from 'vitest'
import { createShop, SHOP_PLAN, SHOP_TABLES, type Shop } from '../support/shop.js'
import type { ServerEngine } from '../support/servers.js'

/** Everything of blue that a plan covers, as text. */
export async function blueRows(shop: Shop): Promise<string> {
  const rows = []
  for (const table of SHOP_TABLES) rows.push([table, await shop.sql('blue', `SELECT * FROM ${table} ORDER BY id`)])
  return JSON.stringify(rows)
}

export const count = async (shop: Shop, side: 'blue' | 'green', statement: string): Promise<number> =>
  Number((await shop.sql(side, `SELECT COUNT(*) AS n FROM ${statement}`))[0]?.['n'])

export async function goThereAndBack(engine: ServerEngine): Promise<void> {
  await using shop = await createShop(engine)
  const before = await blueRows(shop)

  const waiting = await shop.cli(['run', SHOP_PLAN, '--json'])
  expect(waiting.stderr).toBe('')
  expect(waiting.exitCode, waiting.stdout).toBe(6)
  expect(await count(shop, 'green', `orders WHERE source = 'old_orders'`)).toBe(2)
  expect(await count(shop, 'green', `items WHERE kind = 'service'`)).toBe(3)

  // What the application writes while no orchestrator runs is queued and not lost.
  await shop.sql(
    'blue',
    `INSERT INTO orders (item_id, reference, state, cents) VALUES (3, 'queued', 'paid', 77)`,
    `UPDATE shops SET name = 'renamed' WHERE id = 1`,
    `UPDATE services SET item_ref = '3' WHERE id = 1`,
    `DELETE FROM staff_items WHERE id = 1`,
    `DELETE FROM shops WHERE id = 3`,
  )
  const switched = await shop.cli(['run', SHOP_PLAN, '--json', '--yes', '--until', 'validate'])
  expect(switched.stderr).toBe('')
  expect(switched.exitCode, switched.stdout).toBe(0)
  expect(switched.lines.filter((line) => line['type'] === 'switched')).toHaveLength(1)
  expect(await shop.sql('green', `SELECT shop_name FROM items WHERE id = 1`)).toEqual([{ shop_name: 'renamed' }])
  expect(await count(shop, 'green', `orders WHERE reference = 'queued'`)).toBe(1)
  expect(await count(shop, 'green', `shops WHERE id = 3`)).toBe(0)
  await expect(shop.sql('blue', `UPDATE orders SET cents = 0 WHERE id = 1`)).rejects.toThrow(
    /crossfade: side blue is closed/,
  )

  await shop.sql(
    'green',
    `INSERT INTO orders (item_id, reference, status, cents) VALUES (1, 'born', 'completed', 500)`,
    `UPDATE orders SET status = 'completed' WHERE reference = 'a'`,
    `DELETE FROM orders WHERE reference = 'b'`,
    `UPDATE assignments SET rate = 99 WHERE staff = 'bob'`,
  )
  const back = await shop.cli(['rollback', SHOP_PLAN, '--json'])
  expect(back.stderr).toBe('')
  expect(back.exitCode, back.stdout).toBe(5)
  expect(await shop.sql('blue', `SELECT reference, state, cents FROM orders ORDER BY id`)).toEqual([
    { reference: 'a', state: 'paid', cents: 100 },
    { reference: 'c', state: 'odd', cents: 1 },
    { reference: 'queued', state: 'paid', cents: 77 },
    { reference: 'born', state: 'paid', cents: 500 },
  ])
  expect(await shop.sql('blue', `SELECT rate FROM item_staff WHERE staff = 'bob'`)).toEqual([{ rate: 99 }])
  expect(await shop.sql('blue', `SELECT fax FROM shops WHERE id = 1`)).toEqual([{ fax: '123' }])
  expect(before).not.toBe(await blueRows(shop))

  const report = JSON.parse((await shop.cli(['report', SHOP_PLAN])).stdout) as {
    outcome: string
    switches: unknown[]
  }
  expect(report.outcome).toBe('rolled-back')
  expect(report.switches).toHaveLength(2)
  expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
  expect(await shop.remains()).toEqual([])
  await shop.sql('blue', `UPDATE orders SET cents = 2 WHERE id = 1`)
}
