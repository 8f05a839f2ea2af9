/** Soak: green serves the traffic while invariants, probes and the reverse direction are checked. A failure leads to rollback. */
import type { MigrationContext, PhaseResult } from '../context.js'
import { isClean, proveMoment, proveReverse } from '../proofs.js'
import { until } from '../waiting.js'

/** Rounds of checks over a soak: at its start, in its middle, at its end. */
const ROUNDS = 3
/** In the journal once a validation has failed and the operator is asked. */
const FAILED = 'validation-failed'

export async function validate(context: MigrationContext): Promise<PhaseResult> {
  const { plan, journal, runEpoch, signal } = context
  const loop = context.loops.from('green')
  loop.start()
  if ((await journal.readProgress(FAILED)) && (await context.state()).isCompletionApproved) {
    await context.emit({
      type: 'note',
      message: 'green is kept, although its validation failed: `complete` was given after it',
    })
    return { type: 'done' }
  }
  await context.emit({
    type: 'waiting',
    for: 'soak',
    why: `green serves the traffic for ${plan.limits.soakMs / 1000} s before it counts as validated`,
    next: 'crossfade rollback',
  })
  const startedAt = performance.now()
  for (let round = 0; round < ROUNDS; round += 1) {
    const at = (plan.limits.soakMs * round) / (ROUNDS - 1)
    await until(() => Promise.resolve(performance.now() - startedAt >= at), {
      signal,
      timeoutMs: plan.limits.soakMs,
      everyMs: 50,
    })
    const reason = await checkOnce(context, round === ROUNDS - 1)
    if (!reason) continue
    if (plan.limits.onFailedValidation === 'rollback') return { type: 'rollback', reason }
    // What was approved before did not know of this.
    await journal.writeProgress(runEpoch, FAILED, { reason })
    await journal.update(runEpoch, { isCompletionApproved: false })
    await context.emit({
      type: 'waiting',
      for: 'approval',
      why: reason,
      next: 'crossfade rollback, or crossfade complete to keep green',
    })
    return { type: 'stopped', outcome: 'waiting', reason }
  }
  return { type: 'done' }
}

/** @returns why green is not valid, or undefined. */
async function checkOnce(context: MigrationContext, isLast: boolean): Promise<string | undefined> {
  const { failed } = await proveMoment(context, 'green', { hasProbes: isLast })
  if (failed.length > 0) return failed.join('; ')
  if (!isLast) return undefined
  const pass = await proveReverse(context)
  return isClean(pass)
    ? undefined
    : `the way back differs: ${pass.differences} differences, ${pass.skipped} chunks not compared`
}
