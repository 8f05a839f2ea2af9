/** A session that is kept, for work that has no time for a handshake. */
import type { Session } from './engine.js'
import { raw } from './sql.js'

export class StandingSession<S extends Session> {
  #session: S | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(private readonly open: () => Promise<S>) {}

  /** One piece of work at a time. After an error the session's state is unknown, and the next work gets another one. */
  run<T>(work: (session: S) => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      const session = await this.#ready()
      try {
        return await work(session)
      } catch (error) {
        await this.#drop()
        throw error
      }
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async close(): Promise<void> {
    await this.#last
    await this.#drop()
  }

  /** It may have died since it was last used; nothing of the work has been sent when that shows. */
  async #ready(): Promise<S> {
    if (this.#session !== undefined) {
      try {
        await this.#session.query(raw('SELECT 1'))
        return this.#session
      } catch {
        await this.#drop()
      }
    }
    this.#session = await this.open()
    return this.#session
  }

  async #drop(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    await session?.close().catch(() => undefined)
  }
}
