/** Two kinds of clients: those that use the pool of Crossfade, and those that know nothing of it but two URLs. */
import type { Isolation, Pool } from 'crossfade/pool'
import { openPoolDriver, type DriverConnection } from '../../../src/engines/pool-driver.js'
import type { Side } from '../../../src/engines/engine.js'
import { commit } from '../../appointments/application/plain-pool.js'
import type { Transaction } from '../../appointments/application/session.js'

export interface Client {
  run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export const pooled = (pool: Pool, isolation: Isolation): Client => ({
  run: (work) =>
    pool.transaction(({ side, query }) => work({ side, query: (text, params) => query(text, params) }), { isolation }),
  close: () => Promise.resolve(),
})

export interface PlainOptions {
  readonly urls: Readonly<Record<Side, string>>
  readonly isolation: Isolation
  readonly onRefused: () => void
}

/** Tries the other side where one refuses it. */
export function plain({ urls, isolation, onRefused }: PlainOptions): Client {
  let side: Side = 'blue'
  let connection: DriverConnection | undefined
  const close = async (): Promise<void> => {
    const old = connection
    connection = undefined
    await old?.close()
  }
  const once = async <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => {
    connection ??= await (await openPoolDriver(urls[side])).connect({ timeoutMs: 5_000, application: 'writer' })
    const own = connection
    try {
      await own.begin({ isolation })
      const result = await work({ side, query: (text, params = []) => own.query(text, params) })
      await commit(own)
      return result
    } catch (error) {
      if (!own.isDead && own.isInTransaction) await own.rollback().catch(() => own.destroy())
      if (own.isDead) connection = undefined
      throw error
    }
  }
  return {
    close,
    async run(work) {
      for (;;)
        try {
          return await once(work)
        } catch (error) {
          if (!isRefusal(error)) throw error
          onRefused()
          await close()
          side = side === 'blue' ? 'green' : 'blue'
        }
    },
  }
}

function isRefusal(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause)
    if (/crossfade: side \w+ is closed/.test(current.message)) return true
  return false
}
