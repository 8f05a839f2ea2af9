/** What the tools of one side share. */
import type { Dialect, Location, ServerFacts, Side } from '../engine.js'
import type { MetaNames } from './meta.js'
import { StandingSession } from '../standing-session.js'
import { enlist } from './run-sessions.js'
import { PostgresSession } from './session.js'

export interface SideContext {
  readonly side: Side
  readonly location: Location
  readonly dialect: Dialect
  readonly facts: ServerFacts
  readonly majorVersion: number
  /** False where the role may not set session_replication_role. */
  readonly canReplicate: boolean
  readonly meta: MetaNames
  /** For the fence. */
  readonly standing: StandingSession<PostgresSession>
  /** The run that has taken the side through this object; from then on its sessions are enlisted. */
  readonly run: { epoch: number | undefined }
  /** @throws {CrossfadeError} CONNECT_FAILED; LEASE_LOST when another run has taken the side meanwhile. */
  connect(application: string): Promise<PostgresSession>
  /** A session of its own for one piece of work. */
  withSession<T>(application: string, work: (session: PostgresSession) => Promise<T>): Promise<T>
}

export function createContext(parts: Omit<SideContext, 'connect' | 'standing' | 'run' | 'withSession'>): SideContext {
  const { side, location, dialect, meta } = parts
  const run: SideContext['run'] = { epoch: undefined }
  const connect = async (application: string): Promise<PostgresSession> => {
    const session = await PostgresSession.open(location.url, application, dialect, location.namespace)
    try {
      if (run.epoch !== undefined) await enlist(session, side, meta, run.epoch)
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }
  return {
    ...parts,
    run,
    connect,
    standing: new StandingSession(() => connect('fence')),
    withSession: async (application, work) => {
      await using session = await connect(application)
      return await work(session)
    },
  }
}
