/** Before a way back that found differences is tried again: what differs on blue is written again from green. */
import { rewrite } from '../sync/rewrite.js'
import type { MigrationContext } from './context.js'
import { proveReverse } from './proofs.js'

/** @returns the projections that were written again; none when a pass found both sides equal. */
export async function repairWayBack(context: MigrationContext): Promise<readonly string[]> {
  const { plan, compiler, green, blue, locks, runEpoch, isPushedDown, signal } = context
  const { differing } = await proveReverse(context)
  if (differing.length === 0) return []
  await using origin = await green.connect('repair')
  await using destination = await blue.connect('repair')
  const writer = { origin, destination, tools: blue, compiler, runEpoch }
  for (const projection of plan.reverse)
    if (differing.includes(projection.name)) await rewrite(projection, { writer, locks, isPushedDown, signal })
  return differing
}
