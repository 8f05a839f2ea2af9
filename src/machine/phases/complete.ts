/** Ends the way back: reverse capture goes, green stays, blue stays fenced and archived. */
import { runHooks } from '../hooks.js'
import type { MigrationContext, PhaseResult } from '../context.js'
import { until } from '../waiting.js'

export async function complete(context: MigrationContext): Promise<PhaseResult> {
  const { journal, runEpoch, green, plan, signal } = context
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
  await context.loops.close()
  await green.capture.remove()
  await context.blue.capture.remove()
  await green.fence.disarm(Object.keys(plan.green), { signal })
  await context.emit({
    type: 'note',
    message: 'the way back is closed; blue keeps its data and refuses writes of clients that missed the switch',
  })
  return { type: 'done' }
}
