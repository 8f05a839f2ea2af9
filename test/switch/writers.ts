/** Clients that write orders, over the pool and over plain connections, and remember what was acknowledged. */
import { setTimeout as delay } from 'node:timers/promises'
import { createPool, type Isolation, type Pool } from 'crossfade/pool'
import { openPoolDriver, type DriverConnection } from '../../src/engines/pool-driver.ts'
import type { Side } from '../../src/engines/engine.ts'
import { isContention, isUnclear } from '../../scripts/appointments/application/outcomes.ts'
import type { Shop } from '../support/shop.ts'

const ISOLATIONS: readonly Isolation[] = ['read committed', 'repeatable read', 'serializable']

/** On average: about 1,000 transactions per second of all clients, which two cores bear beside everything else. */
const PAUSE_MS = 60

interface Transaction {
  readonly side: Side
  query(
    text: string,
    params?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; insertId?: number | string }>
}

export interface Writers extends AsyncDisposable {
  /** What must be there, by reference. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** Errors that no application expects. */
  readonly failures: readonly string[]
  /** Transactions of plain clients that a fence refused. */
  readonly refused: number
  stop(): Promise<void>
}

/** `count` clients, half of each kind; each third in another isolation level. */
export function startWriters(shop: Shop, meta: string, count: number): Writers {
  const acknowledged = new Map<string, number>()
  const failures: string[] = []
  const stopped = new AbortController()
  let refused = 0
  const pool = createPool({
    blue: shop.blueUrl,
    green: shop.greenUrl,
    journal: shop.blueUrl,
    meta,
    max: count / 2,
    acquireTimeoutMs: 30_000,
  })
  const loops = Array.from({ length: count }, (_, index) => write(index))

  async function write(index: number): Promise<void> {
    const isolation = ISOLATIONS[index % ISOLATIONS.length]!
    const client = index % 2 === 0 ? pooled(pool, isolation) : plain(shop, isolation, () => (refused += 1))
    let last = ''
    for (let turn = 1; !stopped.signal.aborted; turn += 1) {
      const reference = `w${index}-${turn}`
      try {
        last = await client.run(async (transaction) => {
          const id = await insert(shop, transaction, reference, turn)
          // The order before this one changes again: an update of a row that sync may have in its hands.
          if (turn > 1) await update(shop, transaction, last, turn * 10)
          return id
        })
        acknowledged.set(reference, turn)
        if (turn > 1) acknowledged.set(`w${index}-${turn - 1}`, turn * 10)
        await delay(2 * PAUSE_MS * Math.random())
      } catch (error) {
        if (isContention(error)) {
          turn -= 1
          continue
        }
        failures.push(`${isUnclear(error) ? 'unclear' : 'failed'}: ${String(error)}`)
        break
      }
    }
    await client.close()
  }

  const stop = async (): Promise<void> => {
    stopped.abort()
    await Promise.all(loops)
    await pool.end()
  }
  return {
    acknowledged,
    failures,
    get refused() {
      return refused
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

const place = (shop: Shop, index: number): string => (shop.engine === 'postgres' ? `$${index}` : '?')

async function insert(shop: Shop, { side, query }: Transaction, reference: string, cents: number): Promise<string> {
  const [column, word] = side === 'blue' ? ['state', 'paid'] : ['status', 'completed']
  const returning = shop.engine === 'postgres' ? ' RETURNING id' : ''
  const { rows, insertId } = await query(
    `INSERT INTO orders (item_id, reference, ${column}, cents) VALUES (1, ${place(shop, 1)}, '${word}', ${place(shop, 2)})${returning}`,
    [reference, cents],
  )
  return String(rows[0]?.['id'] ?? insertId)
}

const update = (shop: Shop, { query }: Transaction, id: string, cents: number): Promise<unknown> =>
  query(`UPDATE orders SET cents = ${place(shop, 1)} WHERE id = ${place(shop, 2)}`, [cents, id])

interface Client {
  run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

const pooled = (pool: Pool, isolation: Isolation): Client => ({
  run: (work) =>
    pool.transaction(({ side, query }) => work({ side, query: (text, params) => query(text, params) }), { isolation }),
  close: () => Promise.resolve(),
})

/** Knows nothing of Crossfade but two URLs: where one side refuses it, it tries the other. */
function plain(shop: Shop, isolation: Isolation, onRefused: () => void): Client {
  let side: Side = 'blue'
  let connection: DriverConnection | undefined
  const close = async (): Promise<void> => {
    await connection?.close()
    connection = undefined
  }
  const once = async <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => {
    connection ??= await (
      await openPoolDriver(side === 'blue' ? shop.blueUrl : shop.greenUrl)
    ).connect({
      timeoutMs: 10_000,
      application: 'writer',
    })
    const own = connection
    try {
      await own.begin({ isolation })
      const result = await work({ side, query: (text, params = []) => own.query(text, params) })
      if (!(await own.commit())) throw new Error('the server rolled the transaction back')
      return result
    } catch (error) {
      if (!own.isDead && own.isInTransaction) await own.rollback()
      if (own.isDead) connection = undefined
      throw error
    }
  }
  return {
    close,
    async run(work) {
      for (;;)
        try {
          return await once(work)
        } catch (error) {
          if (!isRefusal(error)) throw error
          onRefused()
          await close()
          side = side === 'blue' ? 'green' : 'blue'
        }
    },
  }
}

function isRefusal(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause)
    if (/crossfade: side \w+ is closed/.test(current.message)) return true
  return false
}
