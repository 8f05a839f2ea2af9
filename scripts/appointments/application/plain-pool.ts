/** Connections to one side without a pool that knows of a switch: what an application has that never heard of Crossfade. */
import type { Side } from '../../../src/engines/engine.js'
import { type DriverConnection, openPoolDriver, type PoolDriver } from '../../../src/engines/pool-driver.js'
import type { Transaction, TransactionSource } from './session.js'

export interface PlainPoolOptions {
  /** With the namespace in it, as Crossfade reads it. */
  readonly url: string
  readonly side: Side
  /** Most connections. Default: as many as ask at once. */
  readonly size?: number
}

/** COMMIT was sent and not answered. */
export class CommitUnknownError extends Error {
  readonly code = 'OUTCOME_UNKNOWN'
}

export class PlainPool implements TransactionSource, AsyncDisposable {
  readonly #idle: DriverConnection[] = []
  readonly #waiting: ((connection: DriverConnection | undefined) => void)[] = []
  #open = 0

  private constructor(
    private readonly driver: PoolDriver,
    private readonly options: PlainPoolOptions,
  ) {}

  static async open(options: PlainPoolOptions): Promise<PlainPool> {
    return new PlainPool(await openPoolDriver(options.url), options)
  }

  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const connection = await this.#borrow()
    try {
      await connection.begin({})
      const result = await work({
        side: this.options.side,
        query: (text, params = []) => connection.query(text, params),
      })
      await commit(connection)
      return result
    } catch (error) {
      if (!connection.isDead && connection.isInTransaction)
        await connection.rollback().catch(() => connection.destroy())
      throw error
    } finally {
      this.#giveBack(connection)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()))
  }

  async #borrow(): Promise<DriverConnection> {
    const idle = this.#idle.pop()
    if (idle && !idle.isDead) return idle
    if (idle) this.#open -= 1
    if (this.#open >= (this.options.size ?? Infinity)) {
      const handed = await new Promise<DriverConnection | undefined>((resolve) => this.#waiting.push(resolve))
      if (handed) return handed
    }
    this.#open += 1
    try {
      return await this.driver.connect({ timeoutMs: 10_000, application: 'appointments' })
    } catch (error) {
      this.#open -= 1
      this.#waiting.shift()?.(undefined)
      throw error
    }
  }

  #giveBack(connection: DriverConnection): void {
    const next = this.#waiting.shift()
    if (connection.isDead) {
      this.#open -= 1
      next?.(undefined)
    } else if (next) next(connection)
    else this.#idle.push(connection)
  }
}

export async function commit(connection: DriverConnection): Promise<void> {
  let isCommitted: boolean
  try {
    isCommitted = await connection.commit()
  } catch (error) {
    if (!connection.isDead) throw error
    throw new CommitUnknownError('the connection died during COMMIT', { cause: error })
  }
  if (!isCommitted) throw new Error('the server rolled the transaction back')
}
