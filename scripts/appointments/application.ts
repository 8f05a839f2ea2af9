/** A simulated application: many clients that do business on whichever side their transactions reach. */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { EngineName, Side } from '../../src/engines/engine.js'
import type { Client, Done, Possessions, Seeds } from './application/client.js'
import { MIX, type OperationName, pickOperation } from './application/mix.js'
import { isContention, isUnclear } from './application/outcomes.js'
import { readSeeds } from './application/seeds.js'
import { Session, type TransactionSource } from './application/session.js'
import { type AppStats, StatsRecorder } from './application/stats.js'
import { Random, saltOf } from './generator/random.js'
import type { Ledger } from './ledger/ledger.js'

export type { AppStats } from './application/stats.js'

export interface ApplicationOptions {
  /** `createPool(...)` of crossfade/pool, or a {@link PlainPool}. The caller ends it after `stop`. */
  readonly pool: TransactionSource
  /** What runs where. */
  readonly engines: Readonly<Record<Side, EngineName>>
  readonly ledger: Ledger
  /** Default 50. */
  readonly clients?: number
  readonly seed?: number
  /** Requests per second of all clients together. Default: as many as they can. */
  readonly ratePerSecond?: number
  /** Pause of a client between two requests, on average. Default 0. Not with `ratePerSecond`. */
  readonly thinkMs?: number
  /** Told of each request that failed, with the side that it last ran on. */
  readonly onFailure?: (operation: string, error: unknown, side: Side | undefined) => void
}

export interface Application {
  stats(): AppStats
  /** Lets every client finish its request. */
  stop(): Promise<AppStats>
}

/** Attempts of a transaction that lost against another one. */
const ATTEMPTS = 50

/** Reads what there is to work with, then starts the clients. */
export async function startApplication(options: ApplicationOptions): Promise<Application> {
  const { pool, engines, ledger, clients: count = 50, seed = 1 } = options
  const seeds = await pool.transaction((transaction) => readSeeds(new Session(transaction, engines[transaction.side])))
  const recorder = new StatsRecorder()
  const stopped = new AbortController()
  // Each client waits on it.
  setMaxListeners(0, stopped.signal)
  const loops = Array.from({ length: count }, (_, index) => {
    const random = new Random(saltOf(`application ${seed}`)).reseed(index, 1)
    return runClient({ random, ledger, seeds, own: possessions(seeds, index, count) })
  })
  return {
    stats: () => recorder.read(),
    stop: async () => {
      stopped.abort()
      await Promise.all(loops)
      return recorder.read()
    },
  }

  async function runClient(client: Client): Promise<void> {
    const pauseMs =
      options.ratePerSecond === undefined ? (options.thinkMs ?? 0) : (count / options.ratePerSecond) * 1_000
    let nextAt = performance.now() + client.random.float() * pauseMs
    while (!stopped.signal.aborted) {
      if (pauseMs > 0) {
        await delay(Math.max(0, nextAt - performance.now()), undefined, { signal: stopped.signal }).catch(
          () => undefined,
        )
        if (stopped.signal.aborted) return
        // A rate is kept over time, also after a pause; thinking begins anew after each request.
        nextAt =
          Math.max(nextAt, options.ratePerSecond === undefined ? performance.now() : 0) +
          pauseMs * (0.5 + client.random.float())
      }
      await request(client, pickOperation(client.random))
    }
  }

  async function request(client: Client, name: OperationName): Promise<void> {
    const startedAt = performance.now()
    for (let attempt = 1; ; attempt += 1) {
      let done: Done | undefined
      let side: Side | undefined
      const finish = (outcome: 'succeeded' | 'failed' | 'inDoubt' | 'refused'): void =>
        recorder.request(name, outcome, performance.now() - startedAt, side)
      try {
        await pool.transaction(async (transaction) => {
          side = transaction.side
          // Undone by a repetition inside the pool: only what the last run did counts.
          done = undefined
          done = await MIX[name][0](new Session(transaction, engines[side]), client)
        })
      } catch (error) {
        if (isContention(error) && attempt < ATTEMPTS) {
          recorder.contention()
          await delay(client.random.int(5 * attempt))
          continue
        }
        settleFailure(client, name, error, done, side)
        return finish(isUnclear(error) ? 'inDoubt' : 'failed')
      }
      if (!done) return
      ledger.acknowledge((done as Done).facts)
      ;(done as Done).remember?.()
      return finish((done as Done).isRefused ? 'refused' : 'succeeded')
    }
  }

  function settleFailure(
    client: Client,
    name: string,
    error: unknown,
    done: Done | undefined,
    side: Side | undefined,
  ): void {
    if (isUnclear(error) && done) {
      client.ledger.doubt(done.facts)
      done.abandon?.()
      return
    }
    recorder.error(name, error)
    options.onFailure?.(name, error, side)
  }
}

function possessions(seeds: Seeds, index: number, clients: number): Possessions {
  return {
    webhooks: [],
    calls: [],
    customers: [],
    locks: [],
    appointments: [],
    services: [],
    invoices: [],
    companies: [],
    staff: seeds.staff.filter((_, position) => position % clients === index),
  }
}
