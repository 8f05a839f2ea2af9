/** How the things that writers of the shop make are found on each side. */
import type { Side } from '../../../src/engines/engine.js'
import { openPoolDriver } from '../../../src/engines/pool-driver.js'
import { elementsOf } from '../../appointments/application/session.js'
import { compareStates, Verdict, type Findings } from '../../appointments/ledger/compare.js'
import type { Fact, Ledger, Values } from '../../appointments/ledger/ledger.js'

/** `order`: one row becomes one row. `shop`: a row with the price that is folded into it. */
export type ShopThing = 'order' | 'shop'
export type ShopLedger = Ledger<ShopThing>
export type ShopFact = Fact<ShopThing>

const TIMEOUT_MS = 10_000

const QUERIES: Readonly<Record<Side, Readonly<Record<ShopThing, string>>>> = {
  blue: {
    order: 'SELECT reference, cents, state FROM orders',
    shop: 'SELECT name AS reference, amount AS price FROM shops LEFT JOIN prices ON prices.shop_id = shops.id',
  },
  green: {
    order: `SELECT reference, cents, CASE status WHEN 'completed' THEN 'paid' WHEN 'pending' THEN 'new' ELSE status END AS state FROM orders`,
    shop: 'SELECT name AS reference, prices FROM shops',
  },
}

/** Holds the ledger against everything that has one of its keys on a side. */
export async function checkShopLedger(side: Side, url: string, ledger: ShopLedger): Promise<Findings> {
  const connection = await (await openPoolDriver(url)).connect({ timeoutMs: TIMEOUT_MS, application: 'ledger' })
  const verdict = new Verdict(20)
  try {
    for (const entity of ['order', 'shop'] as const) {
      const column = entity === 'order' ? 'reference' : 'name'
      const { rows } = await connection.query(`${QUERIES[side][entity]} WHERE ${column} LIKE '${ledger.prefix}%'`, [])
      const found = new Map<string, Values[]>()
      for (const row of rows) {
        const key = String(row['reference'])
        found.set(key, [...(found.get(key) ?? []), entity === 'order' ? orderValues(row) : shopValues(row)])
      }
      compareStates({ entity, states: ledger.states(entity), found, verdict })
    }
  } finally {
    await connection.close()
  }
  return verdict.read()
}

const orderValues = (row: Record<string, unknown>): Values => ({
  cents: String(row['cents']),
  state: String(row['state']),
})

function shopValues(row: Record<string, unknown>): Values {
  if ('price' in row) return { price: amountOf(row['price']) }
  const prices = elementsOf(row['prices'])
  return { price: prices.map(({ amount }) => amountOf(amount)).join(' and ') }
}

/** A shop without its price is another finding than one with a wrong price. */
const amountOf = (amount: unknown): string => (amount === null ? 'none' : Number(amount).toFixed(2))
