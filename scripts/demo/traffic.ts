/** The application of the demo: clients that write through the pool of Crossfade, and a ledger of what was acknowledged. */
import { createPool } from 'crossfade/pool'
import type { Side } from '../../src/engines/engine.js'
import { startApplication, type Application, type AppStats } from '../appointments/application.js'
import { checkLedger, Ledger } from '../appointments/ledger.js'
import type { Stage } from './stage.js'

export interface TrafficOptions {
  readonly stage: Stage
  readonly clients: number
  readonly seed: number
}

export interface TrafficResult {
  readonly stats: AppStats
  readonly side: Side
  readonly ledger: Awaited<ReturnType<typeof checkLedger>>
}

export interface Traffic {
  stats(): AppStats
  /** Lets every request end, then looks for every acknowledged write on the side that has the authority. */
  stop(): Promise<TrafficResult>
}

/** A pause of a client between two requests, as people make them: 50 clients give about 200 requests per second. */
const THINK_MS = 250

export async function startTraffic({ stage, clients, seed }: TrafficOptions): Promise<Traffic> {
  const { engine, blueUrl, greenUrl } = stage
  const engines = { blue: engine, green: engine }
  const ledger = new Ledger()
  const pool = createPool({ blue: blueUrl, green: greenUrl, journal: blueUrl, name: 'booking', max: clients })
  let application: Application
  try {
    application = await startApplication({ pool, engines, ledger, clients, seed, thinkMs: THINK_MS })
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    stats: () => application.stats(),
    stop: async () => {
      const stats = await application.stop()
      const { side } = pool.stats()
      await pool.end()
      const url = side === 'blue' ? blueUrl : greenUrl
      return { stats, side, ledger: await checkLedger({ side, engine, url, ledger }) }
    },
  }
}
