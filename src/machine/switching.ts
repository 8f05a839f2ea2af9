/** Ties the switch to a migration: which loop, which tables, what is verified, and what follows. */
import type { Side } from '../engines/engine.js'
import { warmUp } from '../switch/clients.js'
import { performSwitch, reconcile, type SwitchResult } from '../switch/switch.js'
import { crashPoint } from './crash-point.js'
import { otherSide, sideOf, tablesOf, type MigrationContext } from './context.js'
import { openFenceProof } from './fence-proof.js'

export interface SwitchRequest {
  readonly from: Side
  readonly attempts: number
  readonly preconditions: (signal: AbortSignal) => Promise<void>
}

export async function switchAuthority(context: MigrationContext, request: SwitchRequest): Promise<SwitchResult> {
  const { plan, journal, board, runEpoch } = context
  const { from } = request
  const { epoch } = await context.state()
  await using proof = await openFenceProof(context, from)
  const result = await performSwitch({
    from: sideOf(context, from),
    to: sideOf(context, otherSide(from)),
    fromTables: tablesOf(plan, from),
    journal,
    board,
    runEpoch,
    epoch,
    holdBudgetMs: plan.limits.holdBudgetMs,
    attempts: request.attempts,
    pauseMs: plan.limits.switchPauseMs,
    loop: context.loops.from(from),
    preconditions: async (signal) => {
      await request.preconditions(signal)
      const cold = await warmUp(board, otherSide(from), signal)
      if (cold.length > 0)
        await context.emit({
          type: 'note',
          message: `no connections to ${otherSide(from)} ahead of the switch: ${cold.join(', ')}`,
        })
      await proof.before(signal)
    },
    verify: (budgetMs, signal) => proof.behind(budgetMs, signal),
    emit: context.emit,
    signal: context.signal,
    onStep: crashPoint,
  })
  // Both sides are equal now: what is written from here on is all that can differ.
  context.loops.from(otherSide(from)).touched.clear()
  // The other direction begins where this one ended; the two never run at once.
  context.loops.from(otherSide(from)).start()
  return result
}

/** Makes fences and board agree with the journal after a crash or an unclear failure. */
export async function reconcileAll(context: MigrationContext): Promise<void> {
  // Not the newest row: a commit of the switch whose answer was lost may still take effect, and would, behind an open old side.
  const { authority, epoch } = await context.journal.readSettled(context.runEpoch)
  const mended = await reconcile({
    authority: sideOf(context, authority),
    other: sideOf(context, otherSide(authority)),
    epoch,
    board: context.board,
    hasFence: async (side) => await sideOf(context, side).fence.exists(),
  })
  for (const message of mended) await context.emit({ type: 'note', message })
}
