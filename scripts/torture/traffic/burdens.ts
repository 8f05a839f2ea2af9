/** What makes life hard for everybody else in the same databases: applications do all of it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'crossfade/pool'
import { openPoolDriver } from '../../../src/engines/pool-driver.js'
import type { EngineName, Side } from '../../../src/engines/engine.js'
import { isContention, isUnclear } from '../../appointments/application/outcomes.js'
import { Session } from '../../appointments/application/session.js'
import { Random, saltOf } from '../../appointments/generator/random.js'
import type { ShopFact, ShopLedger } from './shop-ledger.js'

/** Lends all connections of the pool to borrowers that do nothing with them. */
export async function saturate(pool: Pool, ms: number): Promise<void> {
  const until = performance.now() + ms
  const { max } = pool.stats()
  const borrow = async (): Promise<void> => {
    while (performance.now() < until)
      try {
        await pool.transaction(() => delay(Math.max(0, until - performance.now())), { retry: false })
      } catch {
        await delay(50)
      }
  }
  await Promise.all(Array.from({ length: 2 * max }, borrow))
}

export interface HoldOptions {
  readonly urls: Readonly<Record<Side, string>>
  readonly side: Side
  readonly ms: number
}

/** A transaction that has written and stays open. What it wrote it takes back by rolling back. */
export async function holdTransaction({ urls, side, ms }: HoldOptions): Promise<void> {
  const connection = await (await openPoolDriver(urls[side])).connect({ timeoutMs: 5_000, application: 'report' })
  try {
    await connection.begin({})
    await connection.query(`UPDATE shops SET name = 'held' WHERE id = 2`, [])
    await delay(ms)
    await connection.rollback()
  } finally {
    if (!connection.isDead) await connection.close()
  }
}

export interface ContendOptions {
  readonly pool: Pool
  readonly ledger: ShopLedger
  readonly engine: EngineName
  readonly ms: number
  readonly seed: number
}

const FIGHTERS = 6
const BONES = 2

/** Transactions that lock the same rows in any order, serializable: most of them lose, and are run again. */
export async function contend({ pool, ledger, engine, ms, seed }: ContendOptions): Promise<void> {
  const bones: { key: string; id: string }[] = []
  for (let index = 0; index < BONES; index += 1) {
    const key = ledger.newKey()
    await write(async () => {
      const id = await pool.transaction((transaction) => {
        const session = new Session(transaction, engine)
        const word: Record<string, string> = session.isBlue ? { state: 'paid' } : { status: 'completed' }
        return session.insert('orders', { item_id: 1, reference: key, ...word, cents: 0 })
      })
      bones.push({ key, id })
      return [{ type: 'present', entity: 'order', key, values: { state: 'paid' } }]
    }, key)
  }
  const until = performance.now() + ms
  const fight = async (index: number): Promise<void> => {
    const random = new Random(saltOf(`contention ${seed}`)).reseed(index, 1)
    while (performance.now() < until && bones.length > 0) {
      const order = random.chance(0.5) ? bones : bones.toReversed()
      try {
        await pool.transaction(
          async (transaction) => {
            const session = new Session(transaction, engine)
            for (const { id } of order) {
              await session.row('SELECT cents FROM orders WHERE id = ?', id)
              await session.update('orders', { cents: random.int(1000) }, { id })
            }
          },
          { isolation: 'serializable' },
        )
      } catch (error) {
        if (!isContention(error)) await delay(100)
      }
    }
  }
  await Promise.all(Array.from({ length: FIGHTERS }, (_, index) => fight(index)))

  /** The cents of the bones are nobody's; that they are there, once, is the ledger's. */
  async function write(work: () => Promise<ShopFact[]>, key: string): Promise<void> {
    try {
      ledger.acknowledge(await work())
    } catch (error) {
      if (isUnclear(error)) ledger.doubt([{ type: 'present', entity: 'order', key, values: { state: 'paid' } }])
    }
  }
}
