/** How much `npm run bench:pool` does. */
import type { Server } from '../servers/index.js'
import type { BenchEngine } from './place.js'

export interface PoolSizes {
  readonly rounds: number
  /** One window of a rate, and the time before it that does not count. */
  readonly windowMs: number
  readonly warmUpMs: number
  readonly connections: number
  /** Who share those connections. */
  readonly borrowers: readonly number[]
  readonly releases: number
  readonly waiters: number
  readonly switches: number
  readonly clients: number
  readonly processes: number
  /** Between two transactions of a client, on average. */
  readonly thinkMs: number
  readonly pauseMs: number
}

export const FULL_SIZES: PoolSizes = {
  rounds: 5,
  windowMs: 3000,
  warmUpMs: 500,
  connections: 10,
  borrowers: [10, 200],
  releases: 50,
  waiters: 200,
  switches: 50,
  clients: 200,
  processes: 8,
  thinkMs: 1000,
  pauseMs: 500,
}

/** Small: shows that it runs, and that the gate keeps what it promises. Its figures say nothing. */
export const QUICK_POOL_SIZES: PoolSizes = {
  ...FULL_SIZES,
  rounds: 1,
  windowMs: 200,
  warmUpMs: 50,
  borrowers: [4],
  connections: 2,
  releases: 2,
  waiters: 20,
  switches: 6,
  thinkMs: 2000,
  pauseMs: 200,
}

export interface PoolBenchOptions {
  readonly engine: BenchEngine
  readonly server: Server
  readonly sizes: PoolSizes
  readonly say: (line: string) => void
}
