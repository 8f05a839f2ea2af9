/** The application of a round: a process of its own. */
import { appendFileSync } from 'node:fs'
import { createPool } from 'crossfade/pool'
import type { Side } from '../../../src/engines/engine.js'
import { serve } from '../../bench/child.js'
import type { ServerEngine } from '../../servers/server.js'
import type { Subject } from '../draw.js'
import type { Urls } from '../stage.js'
import { workWithAppointments } from './appointments.js'
import { workInShop } from './shop.js'
import type { Work, WorkCounts } from './work.js'

export interface TrafficSettings {
  readonly engine: ServerEngine
  readonly subject: Subject
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

export interface TrafficCounts extends WorkCounts {
  readonly side: Side
}

const settings = JSON.parse(process.argv[2]!) as TrafficSettings
const note = (text: string): void => appendFileSync(settings.log, `${new Date().toISOString()} ${text}\n`)

const pool = createPool({
  ...settings.urls,
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
const options = { ...settings, pool, note: (text: string, error: unknown) => note(`${text}: ${describe(error)}`) }
const work: Work = settings.subject === 'shop' ? workInShop(options) : await workWithAppointments(options)

const counts = (): TrafficCounts => ({ ...work.counts(), side: pool.stats().side })

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
    case 'hold':
    case 'contend':
      work.burden(command.type, command.ms)
      return counts()
    case 'stop':
      await work.stop()
      await pool.end()
      return counts()
    case 'check':
      return work.check(command.side, command.url)
  }
})
