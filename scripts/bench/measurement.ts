/** What every measurement is given. */
import type { Server } from '../servers/index.js'
import type { BenchEngine } from './place.js'
import type { Result } from './results.js'
import type { Sizes } from './sizes.js'

export interface MeasurementOptions {
  readonly engine: BenchEngine
  /** Two servers of that engine. */
  readonly servers: readonly [Server, Server]
  readonly sizes: Sizes
  readonly say: (line: string) => void
}

export type Measurement = (options: MeasurementOptions) => Promise<Result[]>

export const rowCount = (rows: number): string => `${rows.toLocaleString('en-US')} rows`
