/** The application of a shop: its writers, and burdens beside them. */
import { contend, holdTransaction, saturate } from './burdens.js'
import { checkShopLedger } from './shop-ledger.js'
import type { Work, WorkOptions } from './work.js'
import { startWriters } from './writers.js'

export function workInShop(options: WorkOptions): Work {
  const { engine, urls, pool, seed, note } = options
  const writers = startWriters({ ...options, onFailure: (error) => note('writer', error) })
  const burdens: Promise<void>[] = []
  const begin = (type: 'saturate' | 'hold' | 'contend', ms: number): Promise<void> => {
    switch (type) {
      case 'saturate':
        return saturate(pool, ms)
      case 'hold':
        return holdTransaction({ urls, side: pool.stats().side, ms })
      case 'contend':
        return contend({ pool, ledger: writers.ledger, engine, ms, seed })
    }
  }
  return {
    counts: () => {
      const { ledger, failed, refused, lost, acknowledgedByPool } = writers
      const { acknowledged, inDoubt } = ledger
      return { acknowledged, acknowledgedByPool, failed, inDoubt, refused, impossible: lost }
    },
    burden: (type, ms) => void burdens.push(begin(type, ms).catch((error: unknown) => note(type, error))),
    stop: async () => {
      await writers.stop()
      await Promise.all(burdens)
    },
    check: (side, url) => checkShopLedger(side, url, writers.ledger),
  }
}
