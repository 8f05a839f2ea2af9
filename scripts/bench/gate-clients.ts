/**
 * A program of its own: an application whose clients write five rows in each transaction and remember what was acknowledged. Each row
 * carries the side and the epoch of its transaction, so that a row in the wrong place shows where it came from.
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { createPool } from 'crossfade/pool'
import { serve } from './child.js'
import { SHOPS } from './data.js'
import type { BenchEngine } from './place.js'

export interface GateClientSettings {
  readonly engine: BenchEngine
  readonly blueUrl: string
  readonly greenUrl: string
  readonly meta: string
  readonly clients: number
  /** Number of the first client. */
  readonly first: number
  readonly thinkMs: number
}

export interface GateClientReport {
  /** By client: acknowledged transactions, numbered from 0. */
  readonly acknowledged: readonly { readonly client: number; readonly transactions: number }[]
  readonly errors: readonly string[]
  /** Transactions that the fence refused, and the pool ran again. */
  readonly refused: number
  /** How long the gate of this process was closed, each time. */
  readonly holdsMs: readonly number[]
}

/** `begin`: the clients write from now on. `end`: answers with the report. */
export interface GateClientCommand {
  readonly type: 'begin' | 'end'
}

export const WRITES = 5
/** Keys of a client: far above those that were there, and never those of another one. */
export const firstKeyOf = (client: number): number => 1_000_000_000 + client * 1_000_000

/** Only the program of {@link serve} has settings. */
if (process.argv[2]?.startsWith('{') === true && process.send !== undefined)
  run(JSON.parse(process.argv[2]) as GateClientSettings)

function run({ engine, blueUrl, greenUrl, meta, clients, first, thinkMs }: GateClientSettings): void {
  const pool = createPool({ blue: blueUrl, green: greenUrl, journal: blueUrl, meta, name: 'gate proof', max: clients })
  const stopping = new AbortController()
  // Each client listens.
  setMaxListeners(0, stopping.signal)
  const acknowledged = Array.from({ length: clients }, (_, index) => ({ client: first + index, transactions: 0 }))
  const errors: string[] = []
  const holdsMs: number[] = []
  let closedAt: number | undefined
  pool.on('gate', (state) => {
    if (state !== 'open') closedAt ??= performance.now()
    else if (closedAt !== undefined) {
      holdsMs.push(performance.now() - closedAt)
      closedAt = undefined
    }
  })
  const marks = (count: number) =>
    Array.from({ length: count }, (_, index) => (engine === 'postgres' ? `$${index + 1}` : '?')).join(', ')
  const sql = {
    blue: `INSERT INTO orders (id, shop_id, reference, state, cents, paid, created_at) VALUES (${marks(7)})`,
    green: `INSERT INTO sales (id, shop_id, reference, status, amount_cents, is_paid, created_at, shop_name, contact) VALUES (${marks(9)})`,
  }
  const client = async (mine: (typeof acknowledged)[number]): Promise<void> => {
    while (!stopping.signal.aborted) {
      await delay(-Math.log(1 - Math.random()) * thinkMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (stopping.signal.aborted) return
      try {
        await pool.transaction(async (connection) => {
          const { side, epoch } = connection
          for (let write = 0; write < WRITES; write += 1) {
            const id = firstKeyOf(mine.client) + mine.transactions * WRITES + write
            const shop = (id % SHOPS) + 1
            const reference = `${side}-${epoch}-${mine.client}-${mine.transactions}-${write}`
            const common = [
              id,
              shop,
              reference,
              side === 'blue' ? 'new' : 'pending',
              write,
              false,
              '2026-01-02 03:04:05',
            ]
            const more = side === 'blue' ? [] : [`Shop ${shop} Größe & Co`, '{"email": null, "phone": null}']
            await connection.query(sql[side], [...common, ...more])
          }
        })
        mine.transactions += 1
      } catch (error) {
        errors.push(String(error))
      }
    }
  }
  let running: Promise<unknown> = Promise.resolve()
  serve(async ({ type }: GateClientCommand): Promise<GateClientReport | null> => {
    if (type === 'begin') {
      running = Promise.all(acknowledged.map(client))
      return null
    }
    stopping.abort()
    await running
    const { refused } = pool.stats().counts
    await pool.end()
    return { acknowledged, errors, refused, holdsMs }
  })
}
