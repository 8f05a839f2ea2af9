/** What an application of a round does, whatever it is an application of. */
import type { Pool } from 'crossfade/pool'
import type { Side } from '../../../src/engines/engine.js'
import type { Findings } from '../../appointments/ledger/compare.js'
import type { TrafficSettings } from './main.js'

export interface WorkOptions extends TrafficSettings {
  /** Ended by the caller. */
  readonly pool: Pool
  /** For the log of the round. */
  readonly note: (text: string, error: unknown) => void
}

export interface WorkCounts {
  readonly acknowledged: number
  readonly acknowledgedByPool: number
  readonly failed: number
  readonly inDoubt: number
  /** Transactions that a fence refused to plain clients. */
  readonly refused: number
  /** What no server and no network explains. */
  readonly impossible: readonly string[]
}

export interface Work {
  counts(): WorkCounts
  /** Something that makes life hard, for so long, beside the work. */
  burden(type: 'saturate' | 'hold' | 'contend', ms: number): void
  /** Lets everybody end. */
  stop(): Promise<void>
  /** After `stop`. */
  check(side: Side, url: string): Promise<Findings>
}
