/** What the tools of one side share. */
import type { Dialect, Location, ServerFacts, Side } from '../engine.js'
import type { StandingSession } from '../standing-session.js'
import { raw } from '../sql.js'
import type { Flavor, Killer } from './flavor.js'
import type { MetaNames } from './meta.js'
import { MysqlSession } from './session.js'

export interface SideContext {
  readonly side: Side
  readonly location: Location
  readonly flavor: Flavor
  readonly dialect: Dialect
  readonly facts: ServerFacts
  readonly meta: MetaNames
  readonly killer: Killer
  /** For the fence. */
  readonly standing: StandingSession<MysqlSession>
  /** The run that has taken the side through this object; from then on its sessions are enlisted. */
  readonly run: { epoch: number | undefined }
  /** @throws {CrossfadeError} CONNECT_FAILED; LEASE_LOST when another run has taken the side meanwhile. */
  connect(application?: string): Promise<MysqlSession>
  /** Runs work on a session of its own and closes it. */
  withSession<T>(application: string, work: (session: MysqlSession) => Promise<T>): Promise<T>
}

/** A connection kept open for KILL, opened when it is first needed: at the fence there is no time to open one. */
export class KillSwitch implements Killer {
  #session: Promise<MysqlSession> | undefined

  constructor(private readonly open: () => Promise<MysqlSession>) {}

  killQuery(id: number): Promise<void> {
    return this.#run(`KILL QUERY ${id}`)
  }

  kill(id: number): Promise<void> {
    return this.#run(`KILL ${id}`)
  }

  async warmUp(): Promise<void> {
    await this.#run('DO 0')
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined)
    this.#session = undefined
    await session?.close()
  }

  async #run(statement: string): Promise<void> {
    this.#session ??= this.open()
    try {
      await (await this.#session).execute(raw(statement))
    } catch (error) {
      this.#session = undefined
      throw error
    }
  }
}
