/** The application of a round: a process of its own. */
import { appendFileSync } from 'node:fs'
import { createPool } from 'crossfade/pool'
import type { Side } from '../../../src/engines/engine.js'
import { serve } from '../../bench/child.js'
import type { TortureEngine } from '../draw.js'
import type { Urls } from '../stage.js'
import { contend, holdTransaction, saturate } from './burdens.js'
import { checkShopLedger } from './shop-ledger.js'
import { startWriters } from './writers.js'

export interface TrafficSettings {
  readonly engine: TortureEngine
  readonly urls: Urls
  readonly meta: string
  readonly pooled: number
  readonly plain: number
  readonly pauseMs: number
  readonly seed: number
  readonly log: string
}

export type TrafficCommand =
  | { readonly type: 'count' }
  /** All connections of the pool are lent for so long. */
  | { readonly type: 'saturate'; readonly ms: number }
  /** A transaction that has written stays open on the side that has the authority. */
  | { readonly type: 'hold'; readonly ms: number }
  /** Transactions that deadlock with each other. */
  | { readonly type: 'contend'; readonly ms: number }
  | { readonly type: 'stop' }
  /** After `stop`. `url` goes around the network. */
  | { readonly type: 'check'; readonly side: Side; readonly url: string }

export interface TrafficCounts {
  readonly acknowledged: number
  readonly acknowledgedByPool: number
  readonly failed: number
  readonly inDoubt: number
  readonly refused: number
  readonly side: Side
  /** What no server and no network explains. */
  readonly impossible: readonly string[]
}

const settings = JSON.parse(process.argv[2]!) as TrafficSettings
const { engine, urls } = settings
const note = (text: string): void => appendFileSync(settings.log, `${new Date().toISOString()} ${text}\n`)

const pool = createPool({
  ...urls,
  meta: settings.meta,
  name: 'writers',
  min: 2,
  // One less than there are writers: somebody always waits a little.
  max: Math.max(2, settings.pooled - 1),
  acquireTimeoutMs: 3_000,
  connectTimeoutMs: 3_000,
})
pool.on('error', (error) => note(`pool: ${error.message}`))
pool.on('switch', ({ side, epoch }) => note(`pool: ${side} at epoch ${epoch}`))
const writers = startWriters({
  engine,
  pool,
  urls,
  pooled: settings.pooled,
  plain: settings.plain,
  pauseMs: settings.pauseMs,
  seed: settings.seed,
  onFailure: (error) => note(`writer: ${describe(error)}`),
})
const burdens: Promise<void>[] = []
const carry = (burden: Promise<void>): TrafficCounts => {
  burdens.push(burden.catch((error: unknown) => note(`burden: ${describe(error)}`)))
  return counts()
}

function counts(): TrafficCounts {
  const { ledger, failed, refused, lost, acknowledgedByPool } = writers
  const { acknowledged, inDoubt } = ledger
  return { acknowledged, acknowledgedByPool, failed, inDoubt, refused, side: pool.stats().side, impossible: lost }
}

function describe(error: unknown): string {
  const texts: string[] = []
  for (let current = error; current instanceof Error; current = current.cause) texts.push(current.message)
  return texts.join(' < ') || String(error)
}

serve<TrafficCommand>(async (command) => {
  switch (command.type) {
    case 'count':
      return counts()
    case 'saturate':
      return carry(saturate(pool, command.ms))
    case 'hold':
      return carry(holdTransaction({ urls, side: pool.stats().side, ms: command.ms }))
    case 'contend':
      return carry(contend({ pool, ledger: writers.ledger, engine, ms: command.ms, seed: settings.seed }))
    case 'stop':
      await writers.stop()
      await Promise.all(burdens)
      await pool.end()
      return counts()
    case 'check':
      return checkShopLedger(command.side, command.url, writers.ledger)
  }
})
