/** The backfill beside the engine's own copy of the same rows. */
import appointments from '../../plans/appointments/plan.js'
import { sql, raw, type Sql } from '../../src/engines/sql.js'
import type { MigrationContext } from '../../src/machine/context.js'
import { parallelSchema } from '../../src/machine/phases/parallel-schema.js'
import { makeThrottle } from '../../src/machine/throttling.js'
import { EVERYTHING } from '../../src/plan/compile.js'
import type { PlanDefinition } from '../../src/plan/define.js'
import type { Projection } from '../../src/plan/projection.js'
import { backfill } from '../../src/sync/backfill.js'
import { captureTables } from '../../src/sync/routes.js'
import { buildBlue } from '../appointments/generate.js'
import { createTables } from '../appointments/database/schema.js'
import { openBare, textOf, type Bare } from './bare.js'
import { fillBlue } from './data.js'
import { rowCount, type Measurement, type MeasurementOptions } from './measurement.js'
import { openPlace, type Namespace, type Place } from './place.js'
import benchPlan from './plan.js'
import { ratioResult, type Result } from './results.js'
import { openRig } from './rig.js'
import { interleave, perSecond } from './rounds.js'

export const measureCopy: Measurement = async (options) => [
  ...(await onOneServer(options)),
  ...(await onTwoServers(options)),
  ...(await ofAppointments(options)),
]

async function onOneServer({ engine, servers, sizes, say }: MeasurementOptions): Promise<Result[]> {
  say(`copy on one server: ${rowCount(sizes.rows)}`)
  await using place = await openPlace(engine, [servers[0]])
  await fillBlue(engine, place.blue, sizes.rows)
  await using stage = await openStage(place, benchPlan, { isReady: true })
  const { crossfade, same, plain } = await interleave(sizes.rounds, {
    crossfade: () => stage.crossfade(),
    same: () => stage.insertSelect(),
    plain: () => stage.insertReady(),
  })
  const common = { engine, measurement: 'copy', size: rowCount(sizes.rows), unit: 'rows/s', ours: crossfade } as const
  return [
    ratioResult({
      ...common,
      name: 'one server',
      limit: same,
      limitName: 'INSERT..SELECT, the same SELECT',
      atLeast: 0.8,
    }),
    ratioResult({ ...common, name: 'one server', limit: plain, limitName: 'INSERT..SELECT of projected rows' }),
  ]
}

async function onTwoServers({ engine, servers, sizes, say }: MeasurementOptions): Promise<Result[]> {
  say(`copy on two servers: ${rowCount(sizes.rows)}`)
  await using place = await openPlace(engine, servers)
  await fillBlue(engine, place.blue, sizes.rows)
  await using stage = await openStage(place, benchPlan, { isReady: true })
  const { crossfade, ready, same } = await interleave(sizes.rounds, {
    crossfade: () => stage.crossfade(),
    ready: () => stage.pipeReady(),
    same: () => stage.pipeSelect(),
  })
  const common = { engine, measurement: 'copy', size: rowCount(sizes.rows), unit: 'rows/s', ours: crossfade } as const
  const pipe = engine === 'postgres' ? 'COPY to COPY' : 'SELECT to LOAD DATA'
  return [
    ratioResult({ ...common, name: 'two servers', limit: ready, limitName: `${pipe}, projected rows`, atLeast: 0.8 }),
    ratioResult({ ...common, name: 'two servers', limit: same, limitName: `${pipe}, the same SELECT` }),
  ]
}

async function ofAppointments({ engine, servers, sizes, say }: MeasurementOptions): Promise<Result[]> {
  say(`copy of appointments: ${rowCount(sizes.appointmentRows)} in 85 tables`)
  await using place = await openPlace(engine, [servers[0]])
  const { serverUrl: url, name: namespace } = place.blue
  await buildBlue({ engine, url, namespace, seed: 1, rows: sizes.appointmentRows })
  await using stage = await openStage(place, appointments, { isReady: false })
  const { crossfade, same } = await interleave(sizes.rounds, {
    crossfade: () => stage.crossfade(),
    same: () => stage.insertSelect(),
  })
  return [
    ratioResult({
      engine,
      measurement: 'copy',
      name: 'appointments, one server',
      size: rowCount(sizes.appointmentRows),
      unit: 'rows/s',
      ours: crossfade,
      limit: same,
      limitName: 'INSERT..SELECT, the same SELECTs',
    }),
  ]
}

/** Each returns rows per second and begins with empty tables. */
interface Stage extends AsyncDisposable {
  crossfade(): Promise<number>
  insertSelect(): Promise<number>
  insertReady(): Promise<number>
  pipeSelect(): Promise<number>
  pipeReady(): Promise<number>
}

async function openStage(place: Place, plan: PlanDefinition, { isReady }: { isReady: boolean }): Promise<Stage> {
  const { engine, blue, bare, ready } = place
  const rig = await openRig({ place, plan })
  const { context } = rig
  const { green: tools, compiler } = context
  const projections = context.plan.forward
  const tables = Object.keys(context.plan.green)
  await parallelSchema(context)
  for (const { serverUrl: url, name: namespace } of [bare, ready])
    await createTables({ place: { engine, url, namespace }, side: 'green', schema: context.plan.green })
  await context.blue.capture.install(captureTables(context.plan, 'blue'), { signal: context.signal })
  context.loops.from('blue').start()
  const source = await openBare(engine, blue.serverUrl)
  const target = await openBare(engine, bare.serverUrl)

  const nameIn = (where: Namespace, table: string): string => tools.dialect.qualify(where.name, table)
  const columnsOf = (projection: Projection): string =>
    compiler
      .columns(projection)
      .map(({ name }) => tools.dialect.quote(name))
      .join(', ')
  const selectOf = (projection: Projection): Sql => compiler.select(projection, EVERYTHING)
  const readyOf = (projection: Projection): Sql =>
    raw(`SELECT ${columnsOf(projection)} FROM ${nameIn(ready, projection.destination)}`)
  const insert = (where: Namespace, projection: Projection, select: Sql): string =>
    textOf(
      engine,
      sql`INSERT INTO ${raw(`${nameIn(where, projection.destination)} (${columnsOf(projection)})`)} ${select}`,
    )
  const sumOver = async (work: (projection: Projection) => Promise<number>): Promise<number> => {
    let total = 0
    for (const projection of projections) total += await work(projection)
    return total
  }
  /** A checkpoint in the middle of one piece and not of another would count as its own. */
  const prepare = async (bareSession: Bare, where: Namespace): Promise<void> => {
    for (const table of tables) await bareSession.run(`TRUNCATE TABLE ${nameIn(where, table)}`)
    if (engine === 'postgres') await bareSession.run('CHECKPOINT')
  }

  if (isReady) await sumOver((projection) => source.run(insert(ready, projection, selectOf(projection))))
  return {
    async crossfade() {
      await emptyGreen(context, tables)
      if (engine === 'postgres') await target.run('CHECKPOINT')
      return perSecond(() => copyAll(context))
    },
    async insertSelect() {
      await prepare(target, bare)
      return perSecond(() => sumOver((projection) => target.run(insert(bare, projection, selectOf(projection)))))
    },
    async insertReady() {
      await prepare(target, bare)
      return perSecond(() => sumOver((projection) => target.run(insert(bare, projection, readyOf(projection)))))
    },
    async pipeSelect() {
      await prepare(target, bare)
      return perSecond(() => pipeAll(selectOf))
    },
    async pipeReady() {
      await prepare(target, bare)
      return perSecond(() => pipeAll(readyOf))
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()])
      await rig[Symbol.asyncDispose]()
    },
  }

  function pipeAll(select: (projection: Projection) => Sql): Promise<number> {
    return sumOver((projection) =>
      source.pipe(
        textOf(engine, select(projection)),
        target,
        `${nameIn(bare, projection.destination)} (${columnsOf(projection)})`,
      ),
    )
  }
}

/** Back to before the copy, by a session that the gates let pass. */
async function emptyGreen(
  { green, plan, journal, runEpoch }: MigrationContext,
  tables: readonly string[],
): Promise<void> {
  await using session = await green.connect('bench')
  for (const table of tables)
    await session.execute(raw(`TRUNCATE TABLE ${green.dialect.qualify(green.location.namespace, table)}`))
  for (const { name } of plan.forward) await journal.writeProgress(runEpoch, `copy:${name}`, null)
}

/** As the phase does it: with the throttle, beside sync. */
export async function copyAll(context: MigrationContext): Promise<number> {
  const { blue, green, plan, compiler, journal, locks, runEpoch, isPushedDown, signal } = context
  await using origin = await blue.connect('copy')
  await using destination = await green.connect('copy')
  await using scout = await blue.connect('copy')
  await using throttle = await makeThrottle(context)
  const writer = { origin, destination, tools: green, compiler, runEpoch }
  let rows = 0
  for (const projection of plan.forward) {
    const progress = await backfill(projection, {
      writer,
      scout,
      journal,
      locks,
      chunkTargetMs: plan.limits.chunkTargetMs,
      isPushedDown,
      throttle: throttle.wait,
      onChunk: () => undefined,
      signal,
    })
    rows += progress.rows
  }
  return rows
}
