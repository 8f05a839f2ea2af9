/** Takes everything of Crossfade away while blue still has the authority. */
import type { MigrationContext, PhaseResult } from '../context.js'
import { removeFromSides } from '../removal.js'

export async function abort(context: MigrationContext): Promise<PhaseResult> {
  await context.loops.close()
  await removeFromSides(context, { dropGreen: true })
  context.show({ type: 'note', message: 'everything of Crossfade is removed' })
  await context.dropMeta()
  return { type: 'done' }
}
