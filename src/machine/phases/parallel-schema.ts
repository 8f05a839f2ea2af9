/** Green's tables, fenced from their first moment, with reverse capture in place before anybody can write there. */
import { captureTables } from '../../sync/routes.js'
import { otherSide, tablesOf, type MigrationContext, type PhaseResult } from '../context.js'

export async function parallelSchema(context: MigrationContext): Promise<PhaseResult> {
  const { plan, green, blue, runEpoch, signal } = context
  const { epoch } = await context.state()
  const session = await green.connect('schema')
  try {
    for (const statement of green.schema.createTables(plan.green)) await session.execute(statement)
    for (const [table, spec] of Object.entries(plan.green))
      for (const [column, columnSpec] of Object.entries(spec.columns))
        if (columnSpec.autoIncrement)
          for (const statement of green.schema.setNextValue(table, column, plan.bands.birthLine))
            await session.execute(statement)
  } finally {
    await session.close()
  }
  await green.fence.prepare({ epoch, isWritable: false })
  await green.fence.arm(tablesOf(plan, 'green'), { signal })
  await blue.lease.take(runEpoch, 5000)
  await green.lease.take(runEpoch, 5000)
  // The first write on green must already be on its way back, so capture is there long before the switch.
  await green.capture.install(captureTables(plan, 'green'), { signal })
  await context.emit({
    type: 'note',
    message: `green has ${Object.keys(plan.green).length} tables, closed to everybody but Crossfade; ${otherSide('blue')} capture is in place`,
  })
  return { type: 'done' }
}
