/** Sync as a background task: drains one side's queue into the other until it is stopped. One direction at a time. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Session, Side, SideTools } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import type { Compiler } from '../plan/compile.js'
import type { Plan } from '../plan/plan.js'
import type { Writer } from './apply.js'
import { isRetryable } from './retry.js'
import { applyBatch, drain, type ApplierOptions } from './applier.js'
import { Router } from './routes.js'
import type { TableLocks } from './table-locks.js'
import { TouchedScopes } from './touched.js'

export interface SyncLoopOptions {
  readonly plan: Plan
  readonly compiler: Compiler
  readonly origin: SideTools
  readonly destination: SideTools
  readonly runEpoch: number
  readonly locks: TableLocks
  readonly isPushedDown: boolean
  readonly onLag: (side: Side, changes: number, ageMs: number, applied: number) => void
  /** Sync cannot go on by itself. */
  readonly onFailure: (error: unknown) => void
}

interface LoopSessions {
  readonly origin: Session
  readonly destination: Session
  readonly monitor: Session
}

/** Pause when the queue is empty. */
const IDLE_MS = 20
/** Between two reports of the lag. */
const REPORT_MS = 1000
/** A lost connection is tried again this often before sync gives up. */
const RECONNECTS = 30

export class SyncLoop {
  readonly #options: SyncLoopOptions
  readonly #router: Router
  /** One promise for everybody who asks, so that two who ask at once do not open two sets of sessions. */
  #sessions: Promise<LoopSessions> | undefined
  #stop: AbortController | undefined
  #running: Promise<void> | undefined
  #applied = 0
  /** What was written since somebody last verified it. */
  readonly touched = new TouchedScopes()

  constructor(options: SyncLoopOptions) {
    this.#options = options
    this.#router = new Router(options.plan, options.origin.side, options.compiler)
  }

  get side(): Side {
    return this.#options.origin.side
  }

  start(): void {
    if (this.#running) return
    const stop = new AbortController()
    this.#stop = stop
    this.#running = this.#run(stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) this.#options.onFailure(error)
    })
  }

  /** Ends after the batch in hand. Safe to repeat. */
  async stop(): Promise<void> {
    this.#stop?.abort()
    await this.#running
    this.#running = undefined
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#disconnect()
  }

  /** Queued changes now. */
  async lag(): Promise<{ changes: number; ageMs: number }> {
    const { monitor } = await this.#connect()
    return this.#options.origin.capture.lag(monitor)
  }

  /** Waits until every change that was committed when this was called has reached the destination. */
  async settle(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now()
    for (;;) {
      signal.throwIfAborted()
      const { changes, ageMs } = await this.lag()
      if (changes === 0 || ageMs < performance.now() - startedAt) return
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }

  /** Empties the queue with the loop stopped: behind the fence, where nothing can be added. */
  async drain(signal: AbortSignal): Promise<number> {
    const { origin, destination } = await this.#connect()
    return drain(this.#applier({ origin, destination }, signal))
  }

  /** An applier over other sessions, e.g. a snapshot of the origin. */
  applierOn(origin: Session, destination: Session, signal: AbortSignal): ApplierOptions {
    return this.#applier({ origin, destination }, signal)
  }

  get router(): Router {
    return this.#router
  }

  #applier(sessions: { origin: Session; destination: Session }, signal: AbortSignal): ApplierOptions {
    const { compiler, destination, origin, runEpoch, locks, isPushedDown } = this.#options
    const writer: Writer = { ...sessions, tools: destination, compiler, runEpoch }
    return {
      writer,
      capture: origin.capture,
      router: this.#router,
      locks,
      isPushedDown,
      signal,
      touched: this.touched,
      onApplied: (changes) => {
        this.#applied += changes
      },
    }
  }

  #connect(): Promise<LoopSessions> {
    if (this.#sessions) return this.#sessions
    const sessions = this.#open().catch((error: unknown) => {
      // The next one who asks tries again.
      if (this.#sessions === sessions) this.#sessions = undefined
      throw error
    })
    this.#sessions = sessions
    return sessions
  }

  async #open(): Promise<LoopSessions> {
    const opened: Session[] = []
    const open = async (tools: SideTools, application: string): Promise<Session> => {
      const session = await tools.connect(application)
      opened.push(session)
      return session
    }
    try {
      return {
        origin: await open(this.#options.origin, 'sync'),
        destination: await open(this.#options.destination, 'sync'),
        monitor: await open(this.#options.origin, 'monitor'),
      }
    } catch (error) {
      await Promise.allSettled(opened.map((session) => session.close()))
      throw error
    }
  }

  async #disconnect(): Promise<void> {
    const old = await this.#sessions?.catch(() => undefined)
    this.#sessions = undefined
    await Promise.allSettled([old?.origin.close(), old?.destination.close(), old?.monitor.close()])
  }

  async #run(signal: AbortSignal): Promise<void> {
    let reportedAt = 0
    let losses = 0
    while (!signal.aborted)
      try {
        const sessions = await this.#connect()
        const applied = await applyBatch(this.#applier(sessions, signal))
        losses = 0
        if (performance.now() - reportedAt >= REPORT_MS) {
          reportedAt = performance.now()
          const { changes, ageMs } = await this.#options.origin.capture.lag(sessions.monitor)
          this.#options.onLag(this.side, changes, ageMs, this.#applied)
        }
        // A drain is waited for by every client, so a pause ends with the loop.
        if (applied === 0) await delay(IDLE_MS, undefined, { signal })
      } catch (error) {
        if (signal.aborted) return
        const isLost =
          error instanceof CrossfadeError && (error.code === 'CONNECTION_LOST' || error.code === 'CONNECT_FAILED')
        if (!isLost && !isRetryable(error)) throw error
        losses += 1
        if (losses > RECONNECTS) throw error
        // The state of a broken transaction is unknown; applying again is harmless, so only the connections are renewed.
        await this.#disconnect()
        await new Promise((resolve) => setTimeout(resolve, Math.min(100 * losses, 2000) * (0.5 + Math.random())))
      }
  }
}
