/** Verification beside the scans that it is made of, each as one statement. */
import { parallelSchema } from '../../src/machine/phases/parallel-schema.js'
import { EVERYTHING } from '../../src/plan/compile.js'
import type { Projection } from '../../src/plan/projection.js'
import { isClean, verifyPass } from '../../src/verify/pass.js'
import { openBare, textOf } from './bare.js'
import { copyAll } from './copy.js'
import { fillBlue } from './data.js'
import { rowCount, type Measurement } from './measurement.js'
import { openPlace } from './place.js'
import benchPlan from './plan.js'
import { ratioResult } from './results.js'
import { openRig } from './rig.js'
import { interleave, perSecond } from './rounds.js'

export const measureVerify: Measurement = async ({ engine, servers, sizes, say }) => {
  say(`verification: ${rowCount(sizes.rows)}`)
  await using place = await openPlace(engine, [servers[0]])
  await fillBlue(engine, place.blue, sizes.rows)
  await using rig = await openRig({ place, plan: benchPlan })
  const { context } = rig
  const { compiler, plan, signal } = context
  await parallelSchema(context)
  await context.blue.capture.install([], { signal })
  const rows = await copyAll(context)
  await using origin = await context.blue.connect('verify')
  await using destination = await context.green.connect('verify')
  await using left = await openBare(engine, place.blue.serverUrl)
  await using right = await openBare(engine, place.green.serverUrl)
  const scanBlue = (projection: Projection): Promise<number> =>
    left.run(textOf(engine, compiler.digestOrigin(projection, EVERYTHING)))
  const scanGreen = (projection: Projection): Promise<number> =>
    right.run(textOf(engine, compiler.digestDestination(projection, EVERYTHING)))
  const rate = (work: () => Promise<unknown>): Promise<number> => perSecond(() => work().then(() => rows))
  const { crossfade, both, one } = await interleave(sizes.rounds, {
    crossfade: () =>
      rate(async () => {
        const pass = await verifyPass(plan, 'forward', {
          compiler,
          origin,
          destination,
          signal,
          emit: async () => undefined,
        })
        if (!isClean(pass) || pass.rows !== rows) throw new Error(`the copy was not equal: ${JSON.stringify(pass)}`)
      }),
    both: () =>
      rate(async () => {
        for (const projection of plan.forward) await Promise.all([scanBlue(projection), scanGreen(projection)])
      }),
    one: () =>
      rate(async () => {
        for (const projection of plan.forward) await scanGreen(projection)
      }),
  })
  const common = {
    engine,
    measurement: 'verify',
    name: 'a pass',
    size: rowCount(rows),
    unit: 'rows/s',
    ours: crossfade,
  } as const
  return [
    ratioResult({ ...common, limit: both, limitName: 'SUM(hash) of both sides at once' }),
    ratioResult({ ...common, limit: one, limitName: 'SUM(hash) of green alone' }),
  ]
}
