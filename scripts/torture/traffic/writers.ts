/** Writers of the shop, pooled and plain, in all isolation levels, and the ledger of what was acknowledged to them. */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Isolation, Pool } from 'crossfade/pool'
import type { EngineName, Side } from '../../../src/engines/engine.js'
import { isContention, isUnclear } from '../../appointments/application/outcomes.js'
import { Session } from '../../appointments/application/session.js'
import { Random, saltOf } from '../../appointments/generator/random.js'
import { Ledger } from '../../appointments/ledger/ledger.js'
import { plain, pooled, type Client } from './clients.js'
import { drawOperation, forget, LostThingError, type Deed, type Possessions } from './operations.js'
import type { ShopLedger, ShopThing } from './shop-ledger.js'

const ISOLATIONS: readonly Isolation[] = ['read committed', 'repeatable read', 'serializable']
/** Before a writer that lost its server knocks again. */
const AFTER_FAILURE_MS = 100

export interface WriterOptions {
  readonly engine: EngineName
  /** Ended by the caller. */
  readonly pool: Pool
  readonly urls: Readonly<Record<Side, string>>
  readonly pooled: number
  readonly plain: number
  /** Pause between two transactions of a writer, on average. */
  readonly pauseMs: number
  readonly seed: number
  /** Told of each transaction that failed for another reason than contention. */
  readonly onFailure?: (error: unknown) => void
}

export interface Writers extends AsyncDisposable {
  readonly ledger: ShopLedger
  /** Writes that a later transaction of their own writer did not find. */
  readonly lost: readonly string[]
  /** Transactions that failed, those with an unknown outcome too. */
  readonly failed: number
  /** Transactions of plain writers that a fence refused. */
  readonly refused: number
  /** Transactions acknowledged to pooled writers. */
  readonly acknowledgedByPool: number
  /** Lets each writer end its transaction. Safe to repeat. */
  stop(): Promise<void>
}

export function startWriters(options: WriterOptions): Writers {
  const ledger: ShopLedger = new Ledger<ShopThing>()
  const lost: string[] = []
  const stopped = new AbortController()
  // Each writer waits on it.
  setMaxListeners(0, stopped.signal)
  let [failed, refused, acknowledgedByPool] = [0, 0, 0]
  const loops = Array.from({ length: options.pooled + options.plain }, (_, index) => write(index))

  async function write(index: number): Promise<void> {
    const isolation = ISOLATIONS[index % ISOLATIONS.length]!
    const isPooled = index < options.pooled
    const client = isPooled
      ? pooled(options.pool, isolation)
      : plain({ urls: options.urls, isolation, onRefused: () => (refused += 1) })
    const random = new Random(saltOf(`writer ${options.seed}`)).reseed(index, 1)
    const own: Possessions = { orders: [], shops: [] }
    while (!stopped.signal.aborted) {
      const isAcknowledged = await transact(client, random, own)
      if (isAcknowledged && isPooled) acknowledgedByPool += 1
      const pauseMs = isAcknowledged ? 2 * options.pauseMs * random.float() : AFTER_FAILURE_MS
      await delay(pauseMs, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
    await client.close().catch(() => undefined)
  }

  async function transact(client: Client, random: Random, own: Possessions): Promise<boolean> {
    const operation = drawOperation({ random, ledger, own })
    let misses = 0
    for (;;) {
      let deed: Deed | undefined
      try {
        await client.run(async (transaction) => {
          // Undone by a repetition: only what the last run did counts.
          deed = undefined
          deed = await operation(new Session(transaction, options.engine))
        })
      } catch (error) {
        const isSecondLook = misses > 0
        if (error instanceof LostThingError) misses += 1
        const isAgain = isContention(error) || (error instanceof LostThingError && !isSecondLook)
        if (isAgain && !stopped.signal.aborted) continue
        settleFailure(error, deed, own)
        return false
      }
      ledger.acknowledge(deed!.facts)
      deed!.remember?.()
      return true
    }
  }

  function settleFailure(error: unknown, deed: Deed | undefined, own: Possessions): void {
    failed += 1
    if (error instanceof LostThingError) lost.push(error.message)
    else options.onFailure?.(error)
    if (!isUnclear(error) || !deed) return
    ledger.doubt(deed.facts)
    forget(own, deed.touched)
  }

  const stop = async (): Promise<void> => {
    stopped.abort()
    await Promise.all(loops)
  }
  return {
    ledger,
    lost,
    get failed() {
      return failed
    },
    get refused() {
      return refused
    },
    get acknowledgedByPool() {
      return acknowledgedByPool
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
