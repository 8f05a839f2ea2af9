/** Back to blue, from any phase. Before the switch nothing was promised on green; after it the switch is mirrored. */
import { CrossfadeError } from '../../engines/errors.js'
import { runHooks } from '../hooks.js'
import type { MigrationContext, PhaseResult } from '../context.js'
import { removeFromSides } from '../removal.js'
import { repairWayBack } from '../repair.js'
import { reconcileAll, switchAuthority } from '../switching.js'
import { until } from '../waiting.js'

/** Differences that come back after so many repairs have a cause that writing again does not mend. */
const REPAIRS = 3

export async function rollback(context: MigrationContext): Promise<PhaseResult> {
  if ((await context.state()).authority === 'green') {
    await runHooks(context, 'before-rollback')
    for (let repairs = 0; !(await isSwitchedBack(context)); repairs += 1) {
      if (repairs === REPAIRS)
        throw new CrossfadeError(
          'VERIFICATION_FAILED',
          `blue still differs from green after ${REPAIRS} repairs; green has the authority and serves`,
        )
      const names = await repairWayBack(context)
      const message =
        names.length > 0 ? `written again on blue: ${names.join(', ')}` : 'a whole pass found no difference'
      await context.emit({ type: 'note', message: `the way back was refused; ${message}` })
    }
    await runHooks(context, 'after-rollback')
  }
  await context.loops.close()
  await removeFromSides(context, { keepBoard: true })
  return { type: 'done' }
}

/** @returns false when both sides differed: green is open again. */
async function isSwitchedBack(context: MigrationContext): Promise<boolean> {
  const loop = context.loops.from('green')
  loop.start()
  try {
    await switchAuthority(context, {
      from: 'green',
      // The way back never gives up: each miss leaves green open and serving.
      attempts: Number.MAX_SAFE_INTEGER,
      preconditions: async (signal) => {
        await until(async () => (await loop.lag()).ageMs <= context.plan.limits.maxLagMs, {
          signal,
          timeoutMs: 600_000,
          everyMs: 50,
        })
      },
    })
    return true
  } catch (error) {
    // First, also for a run that is to end: half a switch serves nobody.
    await reconcileAll(context)
    context.signal.throwIfAborted()
    if ((await context.state()).authority === 'blue') return true
    if (error instanceof CrossfadeError && error.code === 'VERIFICATION_FAILED') return false
    throw error
  }
}
