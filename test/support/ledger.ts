/** An application that knows two URLs and nothing of Crossfade, and remembers what was acknowledged. */
import type { Side } from '../../src/engines/engine.js'
import type { Shop } from './shop.js'

export interface Ledger extends AsyncDisposable {
  /** Waits until so many more orders are acknowledged. */
  grow(count: number): Promise<void>
  /** Ends the writing. @returns the cents of each order by its reference. */
  close(): Promise<ReadonlyMap<string, number>>
}

const LANES = 2

/** Where one side refuses an order, it is given to the other. Each order is written twice: made, then changed. */
export function openLedger(shop: Shop, prefix: string): Ledger {
  const acknowledged = new Map<string, number>()
  let isOpen = true
  let onGrowth = (): void => {}
  const lanes = Array.from({ length: LANES }, (_, lane) => write(lane))
  // Told by `close`; until then nobody waits for it.
  for (const lane of lanes) lane.catch(() => undefined)

  async function write(lane: number): Promise<void> {
    let side: Side = 'blue'
    for (let turn = 1; isOpen; turn += 1) {
      const reference = `${prefix}${lane}-${turn}`
      for (const [cents, isNew] of [
        [turn, true],
        [turn * 10, false],
      ] as const) {
        side = await writeSomewhere(shop, side, (on) =>
          isNew ? insert(shop, on, reference, cents) : update(shop, on, reference, cents),
        )
        acknowledged.set(reference, cents)
      }
      onGrowth()
    }
  }

  const close = async (): Promise<ReadonlyMap<string, number>> => {
    isOpen = false
    await Promise.all(lanes)
    return acknowledged
  }
  return {
    async grow(count) {
      const wanted = acknowledged.size + count
      const grown = new Promise<void>((resolve) => {
        onGrowth = () => {
          if (acknowledged.size >= wanted) resolve()
        }
      })
      await Promise.race([grown, ...lanes])
    },
    close,
    [Symbol.asyncDispose]: async () => {
      await close().catch(() => undefined)
    },
  }
}

/** @returns the side that took it. */
async function writeSomewhere(shop: Shop, first: Side, write: (side: Side) => Promise<boolean>): Promise<Side> {
  for (let side = first; ; side = side === 'blue' ? 'green' : 'blue')
    try {
      if (await write(side)) return side
    } catch (error) {
      if (!/crossfade: side \w+ is closed/.test(String(error)) && !isNothingDone(error)) throw error
    }
}

/** Green before its schema is made, or a deadlock with sync. */
const isNothingDone = (error: unknown): boolean =>
  /does not exist|doesn't exist|deadlock|try restarting/i.test(String(error))

async function insert(shop: Shop, side: Side, reference: string, cents: number): Promise<boolean> {
  const [column, word] = side === 'blue' ? ['state', 'paid'] : ['status', 'completed']
  await shop.sql(
    side,
    `INSERT INTO orders (item_id, reference, ${column}, cents) VALUES (1, '${reference}', '${word}', ${cents})`,
  )
  return true
}

/** Row triggers say nothing where there is no such row, as on a closed side that has yet to get it. */
async function update(shop: Shop, side: Side, reference: string, cents: number): Promise<boolean> {
  const statement = `UPDATE orders SET cents = ${cents} WHERE reference = '${reference}'`
  const counted =
    shop.engine === 'postgres' ? [`${statement} RETURNING 1 AS n`] : [statement, 'SELECT ROW_COUNT() AS n']
  const [row] = await shop.sql(side, ...counted)
  return Number(row?.['n'] ?? 0) === 1
}

/** Orders of a ledger on a side. A reference that is there twice shows. */
export async function ledgerOn(shop: Shop, side: Side, prefix: string): Promise<[string, number][]> {
  const rows = await shop.sql(
    side,
    `SELECT reference, cents FROM orders WHERE reference LIKE '${prefix}%' ORDER BY reference`,
  )
  return rows.map(({ reference, cents }) => [String(reference), Number(cents)])
}
