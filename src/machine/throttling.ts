/** Lets the backfill wait while a server is under load or the operator said `pause`, and says why. */
import { reasonToWait } from '../sync/throttle.js'
import type { MigrationContext } from './context.js'

/** A look at both servers costs two queries; chunks may be shorter than that is worth. */
const LOOK_EVERY_MS = 500
const WAIT_MS = 250
/** Each number on the way is for the terminal; the journal of a night must not be full of them. */
const STORE_EVERY_MS = 60_000

export interface OpenThrottle extends AsyncDisposable {
  /** Returns at once, or when there is no more reason to wait. */
  wait(signal: AbortSignal): Promise<void>
}

/** The caller disposes of it: it holds a session on each side. */
export async function makeThrottle(context: MigrationContext): Promise<OpenThrottle> {
  const { blue, green, plan } = context
  const sessions = [
    { tools: blue, session: await blue.connect('monitor') },
    { tools: green, session: await green.connect('monitor') },
  ]
  const baselines = await Promise.all(
    sessions.map(async ({ tools, session }) => (await tools.load(session)).runningQueries),
  )
  let lookedAt = 0
  let storedAt = -Infinity
  const tell = async (reason: string): Promise<void> => {
    const event = { type: 'throttled', reason, waitMs: WAIT_MS } as const
    if (performance.now() - storedAt < STORE_EVERY_MS) return context.show(event)
    storedAt = performance.now()
    await context.emit(event)
  }
  const look = async (): Promise<string | undefined> => {
    if ((await context.state()).isPaused) return 'paused by the operator'
    const queuedChanges = (await context.loops.from('blue').lag()).changes
    for (const [index, { tools, session }] of sessions.entries()) {
      const sample = await tools.load(session)
      const reason = reasonToWait({ ...sample, queuedChanges }, plan.limits, baselines[index]!)
      if (reason) return `${tools.side}: ${reason}`
    }
    return undefined
  }
  const wait = async (signal: AbortSignal): Promise<void> => {
    if (performance.now() - lookedAt < LOOK_EVERY_MS) return
    let told: string | undefined
    for (;;) {
      signal.throwIfAborted()
      const reason = await look()
      lookedAt = performance.now()
      if (!reason) return
      if (reason !== told) await tell(reason)
      told = reason
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    }
  }
  return {
    wait,
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(sessions.map(({ session }) => session.close()))
    },
  }
}
