/** What the application loses while its writes are captured. */
import { parallelSchema } from '../../src/machine/phases/parallel-schema.js'
import { captureTables } from '../../src/sync/routes.js'
import { openBare } from './bare.js'
import { startChild, type Child } from './child.js'
import { fillBlue } from './data.js'
import { rowCount, type Measurement, type MeasurementOptions } from './measurement.js'
import { openPlace, type Place } from './place.js'
import benchPlan from './plan.js'
import { ratioResult, type Result } from './results.js'
import { openRig } from './rig.js'
import { interleave, perSecond } from './rounds.js'
import type { WriteFor, WriterSettings } from './writers.js'

/** The table is brought in order, capture is on or off, and then something is written. */
type Piece = (isOn: boolean, work: () => Promise<number>) => () => Promise<number>

export const measureCapture: Measurement = async (options) => {
  const { engine, servers, sizes, say } = options
  say(`capture: ${sizes.connections.join(' and ')} connections, ${rowCount(sizes.rows)}`)
  await using place = await openPlace(engine, [servers[0]])
  await fillBlue(engine, place.blue, sizes.rows)
  await using rig = await openRig({ place, plan: benchPlan })
  const { blue, plan, signal } = rig.context
  await parallelSchema(rig.context)
  await using bare = await openBare(engine, place.blue.serverUrl)
  const orders = blue.dialect.qualify(place.blue.name, 'orders')
  const piece: Piece = (isOn, work) => async () => {
    if (isOn) await blue.capture.install(captureTables(plan, 'blue'), { signal })
    else await blue.capture.remove()
    // Dead rows of one piece are not for the next one to step over.
    if (engine === 'postgres') await bare.run(`VACUUM ${orders}`)
    return work()
  }
  const bulk = (): Promise<number> =>
    perSecond(() => bare.run(`UPDATE ${orders} SET cents = cents + 1 WHERE id <= ${sizes.bulkRows}`))
  const results: Result[] = []
  for (const connections of sizes.connections) results.push(await singleRows({ ...options, place, piece, connections }))
  const { on, off } = await interleave(sizes.rounds, { on: piece(true, bulk), off: piece(false, bulk) })
  const size = rowCount(sizes.bulkRows)
  return [...results, compared({ engine, name: 'one UPDATE', size, unit: 'rows/s' }, on, off)]
}

interface SingleRowOptions extends MeasurementOptions {
  readonly place: Place
  readonly piece: Piece
  readonly connections: number
}

async function singleRows({ engine, place, sizes, piece, connections }: SingleRowOptions): Promise<Result> {
  const settings: WriterSettings = { engine, side: place.blue, connections, rows: sizes.rows }
  await using writers: Child<WriteFor, number> = await startChild('./writers.ts', settings)
  const write = async (): Promise<number> => {
    await writers.ask({ ms: sizes.warmUpMs })
    return writers.ask({ ms: sizes.windowMs })
  }
  const { on, off } = await interleave(sizes.rounds, { on: piece(true, write), off: piece(false, write) })
  const size = `${connections} connections`
  return compared({ engine, name: 'updates of one row', size, unit: 'updates/s' }, on, off)
}

const compared = (
  what: Pick<Result, 'engine' | 'name' | 'size' | 'unit'>,
  ours: readonly number[],
  limit: readonly number[],
): Result => ratioResult({ ...what, measurement: 'capture', ours, limit, limitName: 'without capture', atLeast: 0.8 })
