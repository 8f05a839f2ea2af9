/** Back to blue, from any phase. Before the switch nothing was promised on green; after it the switch is mirrored. */
import { runHooks } from '../hooks.js'
import type { MigrationContext, PhaseResult } from '../context.js'
import { removeFromSides } from '../removal.js'
import { reconcileAll, switchAuthority } from '../switching.js'
import { until } from '../waiting.js'

export async function rollback(context: MigrationContext): Promise<PhaseResult> {
  const state = await context.state()
  if (state.authority === 'green') {
    await runHooks(context, 'before-rollback')
    for (let isBack = false; !isBack;)
      try {
        const loop = context.loops.from('green')
        loop.start()
        await switchAuthority(context, {
          from: 'green',
          attempts: Number.MAX_SAFE_INTEGER, // the way back never gives up: each miss leaves green open and serving
          preconditions: async (signal) => {
            await until(async () => (await loop.lag()).ageMs <= context.plan.limits.maxLagMs, {
              signal,
              timeoutMs: 600_000,
              everyMs: 50,
            })
          },
        })
        isBack = true
      } catch (error) {
        context.signal.throwIfAborted()
        await reconcileAll(context)
        if ((await context.state()).authority === 'blue') isBack = true
        else throw error
      }
    await runHooks(context, 'after-rollback')
  }
  await context.loops.close()
  await removeFromSides(context, { keepBoard: true })
  return { type: 'done' }
}
