/** Ends the way back: reverse capture goes, green stays, blue stays fenced and archived. */
import { runHooks } from '../hooks.js'
import type { MigrationContext, PhaseResult } from '../context.js'
import { until } from '../waiting.js'

/** In the journal from the moment the way back is ended: writes on green are not captured any more, so nothing leads back. */
export const WAY_BACK_ENDED = 'way-back-ended'

export async function complete(context: MigrationContext): Promise<PhaseResult> {
  if (!(await context.journal.readProgress(WAY_BACK_ENDED))) {
    const waiting = await waitForApproval(context)
    if (waiting) return waiting
  }
  await endWayBack(context)
  return { type: 'done' }
}

/** @returns how the run ends when nobody is there to approve. */
async function waitForApproval(context: MigrationContext): Promise<PhaseResult | undefined> {
  const { journal, runEpoch, signal } = context
  const loop = context.loops.from('green')
  loop.start()
  if (context.approve) await journal.update(runEpoch, { isCompletionApproved: true })
  let isTold = false
  while (!(await context.state()).isCompletionApproved) {
    signal.throwIfAborted()
    const why = 'green is validated; blue follows every write until the way back is ended'
    if (!isTold)
      await context.emit({ type: 'waiting', for: 'approval', why, next: 'crossfade complete, or crossfade rollback' })
    isTold = true
    if (context.exitWhenWaiting) return { type: 'stopped', outcome: 'waiting', reason: why }
    await until(async () => (await context.state()).isCompletionApproved, { signal, timeoutMs: 5000, everyMs: 200 })
  }
  await runHooks(context, 'complete')
  await loop.settle(signal)
  signal.throwIfAborted()
  await journal.writeProgress(runEpoch, WAY_BACK_ENDED, {})
  return undefined
}

/** Safe to repeat. Heeds no operator: half of it can only be finished. */
async function endWayBack(context: MigrationContext): Promise<void> {
  const { green, blue, plan } = context
  await context.loops.close()
  await green.capture.remove()
  await blue.capture.remove()
  await green.fence.disarm(Object.keys(plan.green), {})
  await context.emit({
    type: 'note',
    message: 'the way back is closed; blue keeps its data and refuses writes of clients that missed the switch',
  })
}
