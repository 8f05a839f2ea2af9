/**
 * The switch, in either direction: hold, fence, drain, verify, commit, release. A failure before the commit opens the old side
 * again and changes nothing; after it the way is forward. `journal.switchAuthority` is the commit point.
 */
import { randomUUID } from 'node:crypto'
import type { GateBoard } from '../engines/gate-board.js'
import type { Side, SideTools } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import type { MigrationEvent, SwitchStep } from '../journal/events.js'
import type { Journal } from '../journal/journal.js'
import { longestWait } from './clients.js'
import type { SyncLoop } from '../sync/sync-loop.js'

export interface SwitchOptions {
  readonly from: SideTools
  readonly to: SideTools
  readonly fromTables: readonly string[]
  readonly journal: Journal
  readonly board: GateBoard
  readonly runEpoch: number
  /** Epoch of the authority before the switch. */
  readonly epoch: number
  readonly holdBudgetMs: number
  readonly attempts: number
  readonly pauseMs: number
  /** Sync from `from` to `to`; running when this is called. */
  readonly loop: SyncLoop
  /** Throws when the switch must not go on; called before each hold. */
  readonly preconditions: (signal: AbortSignal) => Promise<void>
  /** Behind the fence, after the drain: throws when both sides differ. Gets what is left of the budget. */
  readonly verify: (budgetMs: number, signal: AbortSignal) => Promise<void>
  readonly emit: (event: MigrationEvent) => Promise<void>
  readonly signal: AbortSignal
  /** Called after each step that changed something; tests kill the process here. */
  readonly onStep?: (step: SwitchStep | 'commit') => void
}

export interface SwitchResult {
  readonly epoch: number
  readonly holdMs: number
  readonly attempts: number
}

/** A hold outlives its budget by this before clients reopen by themselves: back-out and release take a few round trips. */
const LEASE_MARGIN_MS = 5000

/**
 * @throws {CrossfadeError} SWITCH_MISSED after the last attempt, REFUSED or VERIFICATION_FAILED from the conditions. The old side is open
 * again in each case.
 */
export async function performSwitch(options: SwitchOptions): Promise<SwitchResult> {
  const { from, emit, signal } = options
  await timedStep('arm', options, 1, {}, async () => {
    await from.fence.prepare({ epoch: options.epoch, isWritable: true })
    await from.fence.arm(options.fromTables, {
      signal,
      onWait: (table, blockers) =>
        void emit({
          type: 'waiting',
          for: 'sessions',
          why: `table "${table}" is locked by ${blockers.join(', ')}`,
          next: 'end those sessions or wait',
        }),
    })
    if (!(await from.fence.isArmed(options.fromTables)))
      throw new CrossfadeError('REFUSED', `the gate triggers of ${from.side} are not all in place`)
  })
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    const steps: Partial<Record<SwitchStep, number>> = {}
    await timedStep('preconditions', options, attempt, steps, async () => {
      await options.preconditions(signal)
      // A run that was left behind must not hold anybody: nothing would release them before the hold's lease runs out.
      if ((await options.journal.readSettled(options.runEpoch)).epoch !== options.epoch)
        throw new CrossfadeError('LEASE_LOST', `the epoch was not ${options.epoch} any more`)
      // Whatever session the fences need is open from here on.
      await Promise.all([from.fence.read(), options.to.fence.read()])
    })
    const outcome = await attemptSwitch(options, attempt, steps)
    if (outcome.type === 'switched') {
      await emit({
        type: 'switched',
        from: from.side,
        to: options.to.side,
        epoch: outcome.epoch,
        holdMs: outcome.holdMs,
        attempts: attempt,
        // The orchestrator's hold ends when the release is pushed, a client's when it arrives.
        maxWaitMs: Math.round(10 * ((await longestWait(options.board, outcome.epoch)) ?? outcome.holdMs)) / 10,
        steps,
      })
      return { epoch: outcome.epoch, holdMs: outcome.holdMs, attempts: attempt }
    }
    await emit({
      type: 'switch-missed',
      from: from.side,
      attempt,
      step: outcome.step,
      reason: outcome.reason,
      heldMs: outcome.heldMs,
      blockers: outcome.blockers,
    })
    if (attempt >= options.attempts)
      throw new CrossfadeError(
        'SWITCH_MISSED',
        `${attempt} attempts, the last one ended at "${outcome.step}": ${outcome.reason}${outcome.blockers.length > 0 ? ` (${outcome.blockers.join('; ')})` : ''}`,
        { cause: outcome.cause },
      )
    await pause(options.pauseMs * (0.75 + Math.random() / 2), signal)
  }
}

type Attempt =
  | { readonly type: 'switched'; readonly epoch: number; readonly holdMs: number }
  | {
      readonly type: 'missed'
      readonly step: SwitchStep
      readonly reason: string
      readonly heldMs: number
      readonly blockers: readonly string[]
      readonly cause?: unknown
    }

async function attemptSwitch(
  options: SwitchOptions,
  attempt: number,
  steps: Partial<Record<SwitchStep, number>>,
): Promise<Attempt> {
  const { from, to, board, journal, loop, epoch } = options
  const nextEpoch = epoch + 1
  const startedAt = performance.now()
  const elapsed = (): number => performance.now() - startedAt
  const left = (): number => options.holdBudgetMs - elapsed()
  let step: SwitchStep = 'hold'
  let blockers: readonly string[] = []
  let mayBeFenced = false
  let isCommitted = false
  const run = async (name: SwitchStep, work: () => Promise<void>): Promise<void> => {
    step = name
    const began = performance.now()
    try {
      await work()
    } finally {
      steps[name] = Math.round((performance.now() - began) * 10) / 10
    }
    options.onStep?.(name)
  }
  // Behind the fence an operator's interruption waits: the rest takes less than the budget, and half a switch helps nobody.
  const quiet = AbortSignal.timeout(options.holdBudgetMs + LEASE_MARGIN_MS)
  try {
    await run('hold', async () => {
      const holdId = randomUUID()
      await board.hold({ holdId, leaseMs: options.holdBudgetMs + LEASE_MARGIN_MS })
      // Stragglers do not end the attempt: the fence waits for their writes, and refuses what comes after.
      const { stragglers } = await board.clientsReady(holdId, options.holdBudgetMs / 2)
      blockers = stragglers.map(
        (client) => `client ${client.name} on ${client.host} (pid ${client.pid}) with ${client.inFlight} transactions`,
      )
    })
    await run('fence', async () => {
      // An attempt that fails half-way may have closed the side all the same.
      mayBeFenced = true
      const result = await from.fence.close({ epoch: nextEpoch, budgetMs: Math.max(50, left() / 2) })
      if (!result.fenced) {
        mayBeFenced = false
        blockers = [...result.blockers, ...blockers]
        throw new CrossfadeError('CONTENTION', `writers did not finish within ${Math.round(result.waitedMs)} ms`)
      }
    })
    await run('drain', async () => {
      await loop.stop()
      await loop.drain(quiet)
      const lag = await loop.lag()
      if (lag.changes > 0)
        throw new CrossfadeError('CONTENTION', `${lag.changes} changes are still queued behind the fence`)
      if (left() < 0)
        throw new CrossfadeError('CONTENTION', `the drain took the whole budget of ${options.holdBudgetMs} ms`)
    })
    await run('verify', () => options.verify(left(), quiet))
    await run('switch', async () => {
      // From here on the outcome of a lost connection is unknown: `reconcile` looks at the journal before anything else.
      isCommitted = await journal.switchAuthority(options.runEpoch, { fromEpoch: epoch, to: to.side })
      if (!isCommitted) throw new CrossfadeError('LEASE_LOST', `the epoch was not ${epoch} any more`)
      options.onStep?.('commit')
      await to.fence.open(nextEpoch)
    })
    await run('release', () => board.release({ side: to.side, epoch: nextEpoch }))
    return { type: 'switched', epoch: nextEpoch, holdMs: Math.round(elapsed() * 10) / 10 }
  } catch (error) {
    if (isCommitted || (error instanceof CrossfadeError && error.outcome === 'ambiguous') || isLeaseLost(error))
      throw error
    if (mayBeFenced) await from.fence.open(epoch)
    await board.release({ side: from.side, epoch })
    loop.start()
    const heldMs = Math.round(elapsed())
    if (error instanceof CrossfadeError && error.code === 'VERIFICATION_FAILED') throw error
    return {
      type: 'missed',
      step,
      reason: error instanceof Error ? error.message : String(error),
      heldMs,
      blockers,
      cause: error,
    }
  }
}

const isLeaseLost = (error: unknown): boolean => error instanceof CrossfadeError && error.code === 'LEASE_LOST'

async function timedStep(
  step: SwitchStep,
  options: SwitchOptions,
  attempt: number,
  steps: Partial<Record<SwitchStep, number>>,
  work: () => Promise<void>,
): Promise<void> {
  const began = performance.now()
  await work()
  const durationMs = Math.round((performance.now() - began) * 10) / 10
  steps[step] = durationMs
  await options.emit({ type: 'switch-step', from: options.from.side, attempt, step, durationMs })
  options.onStep?.(step)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * After a crash: makes both fences and the board agree with the journal. The side with the authority is opened, the other one is
 * closed already (it was fenced before the commit, or never open). Called by every run before anything else.
 */
export async function reconcile(options: {
  authority: SideTools
  other: SideTools
  epoch: number
  board: GateBoard
  hasFence: (side: Side) => Promise<boolean>
}): Promise<string[]> {
  const { authority, other, epoch, board } = options
  const mended: string[] = []
  if (await options.hasFence(other.side)) {
    const state = await other.fence.read()
    if (state.isWritable) {
      const result = await other.fence.close({ epoch, budgetMs: 10_000 })
      if (!result.fenced)
        throw new CrossfadeError(
          'TABLE_BUSY',
          `${other.side} does not have the authority and could not be fenced: ${result.blockers.join('; ')}`,
        )
      mended.push(`${other.side} was writable without the authority and is fenced now`)
    }
  }
  if (await options.hasFence(authority.side)) {
    const state = await authority.fence.read()
    if (!state.isWritable || state.epoch !== epoch) {
      await authority.fence.open(epoch)
      mended.push(`${authority.side} was opened at epoch ${epoch}`)
    }
  }
  const shown = await board.read()
  if (shown && (shown.state === 'held' || shown.side !== authority.side || shown.epoch !== epoch)) {
    await board.release({ side: authority.side, epoch })
    mended.push(`clients were released to ${authority.side}`)
  }
  return mended
}
