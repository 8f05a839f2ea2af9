/** Blue to green. A missed or refused switch leads back to the steady state with blue open. */
import { CrossfadeError } from '../../engines/errors.js'
import { findingText } from '../../plan/live-check.js'
import { captureTables } from '../../sync/routes.js'
import { runHooks } from '../hooks.js'
import type { MigrationContext, PhaseResult } from '../context.js'
import { proveForward, proveMoment, readProof, requirePossibleQuestions } from '../proofs.js'
import { reconcileAll, switchAuthority } from '../switching.js'
import { until } from '../waiting.js'

export async function cutover(context: MigrationContext): Promise<PhaseResult> {
  const state = await context.state()
  if (state.authority === 'green') return { type: 'done' }
  const loop = context.loops.from('blue')
  loop.start()
  try {
    await runHooks(context, 'before-switch')
    // A fresh pass and the invariants just before: what the switch rests on should be minutes old at most, and cheap to redo.
    const proof = await readProof(context)
    if (!proof || loop.touched.isOverfull || proof.ageMs > context.plan.limits.maxVerificationAgeMs)
      await proveForward(context)
    // Those of a plan that was changed meanwhile.
    for (const side of ['blue', 'green'] as const) await requirePossibleQuestions(context, side)
    const { failed } = await proveMoment(context, 'blue')
    if (failed.length > 0)
      throw new CrossfadeError('REFUSED', `both sides differ before the switch: ${failed.join('; ')}`)
    // Safe to repeat, and makes what somebody may have taken away since.
    await context.green.capture.install(captureTables(context.plan, 'green'), { signal: context.signal })
    await switchAuthority(context, {
      from: 'blue',
      attempts: context.plan.limits.switchAttempts,
      preconditions: (signal) => ready(context, signal),
    })
    await runHooks(context, 'after-switch')
    return { type: 'done' }
  } catch (error) {
    await reconcileAll(context)
    if ((await context.state()).authority === 'green') return { type: 'done' }
    if (error instanceof CrossfadeError && ['SWITCH_MISSED', 'REFUSED', 'VERIFICATION_FAILED'].includes(error.code)) {
      await context.journal.update(context.runEpoch, { isSwitchApproved: false })
      return { type: 'back', reason: `${error.code}: ${error.message}` }
    }
    throw error
  }
}

/** A transaction that outlasts this wait is one that somebody has to end. */
const LONG_WAIT_MS = 5000
const LAG_WAIT_MS = 10_000

/** Everything the switch needs, looked at again before each attempt. @throws {CrossfadeError} REFUSED with every reason. */
async function ready(context: MigrationContext, signal: AbortSignal): Promise<void> {
  const { plan, blue, green } = context
  const loop = context.loops.from('blue')
  const { limits } = plan
  // Short waits cure lag and long transactions; what is left after them is a reason.
  await until(async () => (await blue.fence.longTransactions(limits.holdBudgetMs / 2)).length === 0, {
    signal,
    timeoutMs: LONG_WAIT_MS,
    everyMs: 100,
  })
  const reasons: string[] = []
  // Last, and not measured again: it comes and goes under traffic, and was short enough a moment ago.
  let ageMs = 0
  const isNear = async (): Promise<boolean> => {
    ;({ ageMs } = await loop.lag())
    return ageMs <= limits.maxLagMs
  }
  if (!(await until(isNear, { signal, timeoutMs: LAG_WAIT_MS, everyMs: 50 })))
    reasons.push(`the oldest queued change is ${Math.round(ageMs)} ms old (limit ${limits.maxLagMs} ms)`)
  const proof = await readProof(context)
  if (!proof) reasons.push('the last verification was not clean')
  else if (!Number.isFinite(proof.ageMs)) reasons.push('the clock was put back since the last verification')
  else if (proof.ageMs > limits.maxVerificationAgeMs)
    reasons.push(
      `the last verification is ${Math.round(proof.ageMs / 1000)} s old (limit ${limits.maxVerificationAgeMs / 1000} s)`,
    )
  if (!(await readProof(context, 'proof:round-trip')))
    reasons.push('the way back is not proven: reverse(forward(blue)) differs from blue')
  const green_ = await green.fence.read()
  if (green_.isWritable) reasons.push('green is writable already')
  if (!(await green.fence.isArmed(Object.keys(plan.green)))) reasons.push('gate triggers of green are missing')
  // Younger ones come and go; the attempt tells whether they leave a gap.
  for (const { session, ageMs } of await blue.fence.longTransactions(LONG_WAIT_MS))
    reasons.push(`${session} has had a transaction open for ${Math.round(ageMs)} ms`)
  // A column that was added since the backup would stay behind without a word.
  await using session = await blue.connect('check')
  for (const finding of await blue.schema.drift(session, plan.blue))
    if (finding.severity === 'blocking') reasons.push(findingText(finding).replace(/\.$/, ''))
  if (reasons.length > 0) throw new CrossfadeError('REFUSED', reasons.join('; '))
}
