/** The appointments application, all of it through the pool. */
import { startApplication } from '../../appointments/application.js'
import { checkLedger, Ledger } from '../../appointments/ledger.js'
import { saturate } from './burdens.js'
import type { Work, WorkOptions } from './work.js'

/** Its clients look for their own things by key, and say so when one is not there. */
const LOST = /of this client was found \d+ times/

export async function workWithAppointments({ engine, pool, pooled, seed, pauseMs, note }: WorkOptions): Promise<Work> {
  const ledger = new Ledger()
  const impossible: string[] = []
  const application = await startApplication({
    pool,
    ledger,
    seed,
    engines: { blue: engine, green: engine },
    clients: pooled,
    thinkMs: pauseMs,
    onFailure: (operation, error) => {
      if (error instanceof Error && LOST.test(error.message)) impossible.push(`${operation}: ${error.message}`)
      note(operation, error)
    },
  })
  const burdens: Promise<void>[] = []
  return {
    counts: () => {
      const { acknowledged, inDoubt } = ledger
      const { failed } = application.stats()
      return { acknowledged, acknowledgedByPool: acknowledged, failed, inDoubt, refused: 0, impossible }
    },
    burden: (type, ms) => {
      if (type !== 'saturate') throw new Error(`the appointments application has no ${type}`)
      burdens.push(saturate(pool, ms))
    },
    stop: async () => {
      await application.stop()
      await Promise.all(burdens)
    },
    check: (side, url) => checkLedger({ side, engine, url, ledger }),
  }
}
