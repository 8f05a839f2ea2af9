/** Green's tables, fenced from their first moment. */
import { CrossfadeError } from '../../engines/errors.js'
import { checkGreenRows, findingText } from '../../plan/live-check.js'
import { crashPoint } from '../crash-point.js'
import { requirePossibleQuestions } from '../proofs.js'
import { tablesOf, type MigrationContext, type PhaseResult } from '../context.js'

export async function parallelSchema(context: MigrationContext): Promise<PhaseResult> {
  const { plan, green, blue, runEpoch, signal } = context
  const { epoch } = await context.state()
  const session = await green.connect('schema')
  crashPoint('schema')
  try {
    // What a migration that was rolled back has left for a look: the copy begins in empty tables. A fence says that they are ours.
    if (await green.fence.exists())
      for (const statement of green.schema.dropTables(plan.green)) await session.execute(statement)
    // Since the backup began somebody may have filled what was empty then.
    const [foreign] = await checkGreenRows(plan, green, session)
    if (foreign) throw new CrossfadeError('REFUSED', findingText(foreign))
    // Before the tables: whoever aborts must find that they are ours.
    await green.fence.prepare({ epoch, isWritable: false })
    for (const statement of green.schema.createTables(plan.green)) await session.execute(statement)
    for (const [table, spec] of Object.entries(plan.green))
      for (const [column, columnSpec] of Object.entries(spec.columns))
        if (columnSpec.autoIncrement)
          for (const statement of green.schema.setNextValue(table, column, plan.bands.birthLine))
            await session.execute(statement)
  } finally {
    await session.close()
  }
  await green.fence.arm(tablesOf(plan, 'green'), { signal })
  await blue.lease.take(runEpoch, 5000)
  await green.lease.take(runEpoch, 5000)
  await requirePossibleQuestions(context, 'green')
  await context.emit({
    type: 'note',
    message: `green has ${Object.keys(plan.green).length} tables, closed to everybody but Crossfade`,
  })
  return { type: 'done' }
}
