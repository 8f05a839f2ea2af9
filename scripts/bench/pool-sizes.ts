/** How much `npm run bench:pool` does. */
import type { Server } from '../servers/index.js'
import { FAULTS, type FaultName } from './failover-faults.js'
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
  readonly failover: {
    readonly clients: number
    /** Between two transactions of a client, on average. */
    readonly thinkMs: number
    readonly faults: readonly FaultName[]
    /** Before the fault, between the first write after it and the return of the old primary, and after that. */
    readonly ms: number
  }
  readonly replica: {
    /** Clients who write and read, and who only read. */
    readonly writers: number
    readonly readers: number
    /** With each state of the replica. */
    readonly ms: number
  }
  readonly saturation: {
    readonly connections: number
    readonly borrowers: readonly number[]
    /** With each number of borrowers, who wait as long as they have to. */
    readonly ms: number
    /** With borrowers who do not. */
    readonly shortMs: number
  }
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
  thinkMs: 2000,
  pauseMs: 500,
  failover: { clients: 50, thinkMs: 20, faults: FAULTS, ms: 3000 },
  replica: { writers: 10, readers: 10, ms: 10_000 },
  saturation: { connections: 100, borrowers: [200, 500, 1000], ms: 60_000, shortMs: 10_000 },
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
  pauseMs: 200,
  failover: { clients: 10, thinkMs: 20, faults: ['roles flap', 'killed'], ms: 300 },
  replica: { writers: 4, readers: 4, ms: 1000 },
  saturation: { connections: 10, borrowers: [100], ms: 3000, shortMs: 1000 },
}

export interface PoolBenchOptions {
  readonly engine: BenchEngine
  readonly server: Server
  readonly sizes: PoolSizes
  readonly say: (line: string) => void
}
