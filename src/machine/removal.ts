/** Takes away what a migration put on the two sides. */
import { tablesOf, type MigrationContext } from './context.js'

/**
 * Captures, gates, fences and leases of both sides; green's tables only when asked, and only where a fence says that they are ours: those
 * that `check` refused belong to somebody else. Blue's data is never touched.
 * The journal goes last, by the caller.
 */
export async function removeFromSides(
  context: Pick<MigrationContext, 'plan' | 'blue' | 'green' | 'board' | 'journal' | 'runEpoch' | 'signal'>,
  options: { keepBoard?: boolean; dropGreen?: boolean } = {},
): Promise<void> {
  const { plan, blue, green, board, signal } = context
  await blue.backup.dropScratch()
  await blue.capture.remove()
  await blue.fence.disarm(tablesOf(plan, 'blue'), { signal })
  await blue.fence.remove()
  await blue.lease.remove()
  await green.capture.remove()
  if (options.dropGreen && (await green.fence.exists())) {
    const session = await green.connect('schema')
    try {
      for (const statement of green.schema.dropTables(plan.green)) await session.execute(statement)
    } finally {
      await session.close()
    }
    await green.fence.remove()
  }
  // Kept tables of green stay closed: after a way back nobody may write there by mistake.
  await green.lease.remove()
  if (options.keepBoard) return
  // The board knows no runs, and a later migration may have one by now.
  await context.journal.readSettled(context.runEpoch)
  await board.remove()
}
