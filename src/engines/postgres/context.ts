/** What the tools of one side share. */
import type { Dialect, Location, ServerFacts, Side } from '../engine.js'
import type { MetaNames } from './meta.js'
import { StandingSession } from '../standing-session.js'
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
  connect(application: string): Promise<PostgresSession>
  /** A session of its own for one piece of work. */
  withSession<T>(application: string, work: (session: PostgresSession) => Promise<T>): Promise<T>
}

export function createContext(parts: Omit<SideContext, 'connect' | 'standing' | 'withSession'>): SideContext {
  const { location, dialect } = parts
  const connect = (application: string) => PostgresSession.open(location.url, application, dialect, location.namespace)
  return {
    ...parts,
    connect,
    standing: new StandingSession(() => connect('fence')),
    withSession: async (application, work) => {
      await using session = await connect(application)
      return await work(session)
    },
  }
}
