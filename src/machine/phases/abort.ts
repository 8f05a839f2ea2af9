/** Takes everything of Crossfade away while blue still has the authority. */
import type { MigrationContext, PhaseResult } from '../context.js'
import { removeFromSides } from '../removal.js'

export async function abort(context: MigrationContext): Promise<PhaseResult> {
  await context.loops.close()
  await removeFromSides(context, { dropGreen: true })
  context.show({
    type: 'phase-done',
    phase: 'rollback',
    result: 'aborted',
    durationMs: 0,
    reason: 'everything of Crossfade is removed',
  })
  await context.dropMeta()
  return { type: 'done' }
}
