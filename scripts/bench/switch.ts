/** How long clients wait because of a switch. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Side } from '../../src/engines/engine.js'
import { SWITCH_STEPS, type MigrationEvent, type SwitchStep } from '../../src/journal/events.js'
import type { MigrationContext } from '../../src/machine/context.js'
import { dualWriteSync } from '../../src/machine/phases/dual-write-sync.js'
import { parallelSchema } from '../../src/machine/phases/parallel-schema.js'
import { proveMoment } from '../../src/machine/proofs.js'
import { switchAuthority } from '../../src/machine/switching.js'
import { until } from '../../src/machine/waiting.js'
import { raw } from '../../src/engines/sql.js'
import { startChild, type Child } from './child.js'
import type { ClientReport, ClientSettings } from './clients.js'
import { fillBlue } from './data.js'
import { rowCount, type Measurement, type MeasurementOptions } from './measurement.js'
import { openPlace, type Place } from './place.js'
import benchPlan from './plan.js'
import { valueResult, type Result } from './results.js'
import { openRig } from './rig.js'
import type { Sizes } from './sizes.js'
import { quantile } from './rounds.js'

type Clients = Child<object, ClientReport>

/** One hold, by the clock that all processes share. */
interface Hold {
  readonly from: Side
  readonly startedAt: number
  readonly endedAt: number
  readonly attempts: number
  readonly steps: Readonly<Partial<Record<SwitchStep, number>>>
}

/** What a switch left behind, such as connections still to be opened, may slow transactions that begin this long after it. */
const AFTERMATH_MS = 500
/** The steps in which clients wait. */
const STEPS = SWITCH_STEPS.slice(SWITCH_STEPS.indexOf('hold'))

export const measureSwitch: Measurement = async (options) => {
  const { engine, servers, sizes, say } = options
  say(`switch: ${sizes.switches} switches under ${sizes.clients} clients, ${rowCount(sizes.switchRows)}`)
  await using place = await openPlace(engine, [servers[0]])
  await fillBlue(engine, place.blue, sizes.switchRows)
  const holds: Hold[] = []
  await using rig = await openRig({ place, plan: benchPlan, onEvent: (event) => note(event, holds) })
  const { context } = rig
  await parallelSchema(context)
  const synced = await dualWriteSync(context)
  if (synced.type !== 'stopped' || synced.outcome !== 'until-reached')
    throw new Error(`the copy did not get in sync: ${JSON.stringify(synced)}`)
  const before = await totalCents(context, 'blue')
  const reports = await withClients(place, options, () => switchAll(context, options.sizes))
  const { authority } = await context.state()
  const committed = reports.reduce((sum, report) => sum + report.committed, 0)
  const written = (await totalCents(context, authority)) - before
  return resultsOf(options, holds, reports, committed - written)
}

function note(event: MigrationEvent, holds: Hold[]): void {
  if (event.type !== 'switched') return
  const endedAt = performance.timeOrigin + performance.now()
  const { from, holdMs, attempts, steps } = event
  holds.push({ from, startedAt: endedAt - holdMs, endedAt, attempts, steps })
}

async function withClients(
  { engine, blue, green, metaNamespace: meta }: Place,
  { sizes }: MeasurementOptions,
  work: () => Promise<void>,
): Promise<ClientReport[]> {
  const { clientProcesses, thinkMs, switchRows: rows } = sizes
  const clients = Math.round(sizes.clients / clientProcesses)
  const settings: ClientSettings = { engine, blueUrl: blue.url, greenUrl: green.url, meta, clients, thinkMs, rows }
  const running: Clients[] = []
  try {
    for (let index = 0; index < clientProcesses; index += 1)
      running.push(await startChild<object, ClientReport>('./clients.ts', settings))
    await delay(2 * sizes.pauseMs)
    await work()
    await delay(sizes.pauseMs)
    return await Promise.all(running.map((child) => child.ask({})))
  } finally {
    await Promise.allSettled(running.map((child) => child[Symbol.asyncDispose]()))
  }
}

/** There and back in turn. `onSwitched` gets the epoch that has ended, on a side that is fenced. */
export async function switchAll(
  context: MigrationContext,
  sizes: Pick<Sizes, 'switches' | 'pauseMs'>,
  onSwitched?: (ended: { from: Side; epoch: number }) => Promise<void>,
): Promise<void> {
  const { limits } = context.plan
  for (let index = 0; index < sizes.switches; index += 1) {
    const { authority: from, epoch } = await context.state()
    const loop = context.loops.from(from)
    loop.start()
    await switchAuthority(context, {
      from,
      attempts: limits.switchAttempts,
      preconditions: async (signal) => {
        const isNear = async (): Promise<boolean> => (await loop.lag()).ageMs <= limits.maxLagMs
        await until(isNear, { signal, timeoutMs: 60_000, everyMs: 50 })
        const { failed } = await proveMoment(context, from)
        if (failed.length > 0) throw new Error(failed.join('; '))
      },
    })
    await onSwitched?.({ from, epoch })
    await delay(sizes.pauseMs)
  }
}

/** Every transaction adds one, so what was acknowledged must be there. */
async function totalCents({ blue, green }: MigrationContext, side: Side): Promise<number> {
  const tools = side === 'blue' ? blue : green
  const [table, column] = side === 'blue' ? ['orders', 'cents'] : ['sales', 'amount_cents']
  await using session = await tools.connect('bench')
  const [row] = await session.query(
    raw(`SELECT SUM(${column}) FROM ${tools.dialect.qualify(tools.location.namespace, table)}`),
  )
  return Number(row![0])
}

function resultsOf(
  { engine, sizes }: MeasurementOptions,
  holds: readonly Hold[],
  reports: readonly ClientReport[],
  lost: number,
): Result[] {
  const lists = reports.flatMap((report) => report.times)
  const usualMs = usualLatency(lists, holds)
  const found = holds.flatMap((hold) => lists.flatMap((times) => waitOf(times, hold, usualMs)))
  const waits = sorted(found.map(({ addedMs }) => addedMs))
  const behind = sorted(found.map(({ behindMs }) => behindMs))
  const seconds =
    (Math.max(...lists.map((times) => times.at(-1) ?? 0)) - Math.min(...lists.map((times) => times[0] ?? Infinity))) /
    1000
  const committed = reports.reduce((sum, report) => sum + report.committed, 0)
  const errors = reports.flatMap((report) => report.errors)
  const details = {
    waits: waits.length,
    usualMs,
    transactionsPerSecond: committed / seconds,
    refused: reports.reduce((sum, report) => sum + report.refused, 0),
    attempts: holds.map(({ attempts }) => attempts),
    errors: errors.slice(0, 10),
  }
  const size = `${sizes.clients} clients, ${holds.length} switches`
  const common = { engine, measurement: 'switch', size, unit: 'ms' } as const
  return [
    valueResult({ ...common, name: 'usual latency', value: usualMs, details }),
    valueResult({ ...common, name: 'added wait p50', value: quantile(waits, 0.5) }),
    valueResult({ ...common, name: 'added wait p99', value: quantile(waits, 0.99), atMost: 100 }),
    valueResult({ ...common, name: 'added wait max', value: waits.at(-1) ?? NaN, atMost: 250 }),
    valueResult({ ...common, name: 'from release to commit, p50', value: quantile(behind, 0.5) }),
    valueResult({ ...common, name: 'from release to commit, p99', value: quantile(behind, 0.99) }),
    ...STEPS.flatMap((step) => stepResults(common, step, holds)),
    valueResult({ ...common, name: 'writes lost', unit: 'writes', value: Math.abs(lost), atMost: 0 }),
    valueResult({ ...common, name: 'transactions failed', unit: 'transactions', value: errors.length, atMost: 0 }),
  ]
}

function stepResults(
  common: Pick<Result, 'engine' | 'measurement' | 'size' | 'unit'>,
  step: SwitchStep,
  holds: readonly Hold[],
): Result[] {
  const times = sorted(holds.map(({ steps }) => steps[step] ?? 0))
  return [
    valueResult({ ...common, name: `${step}, median`, value: quantile(times, 0.5), details: times }),
    valueResult({ ...common, name: `${step}, max`, value: times.at(-1) ?? NaN }),
  ]
}

/** The median of the transactions that no switch touched. */
function usualLatency(lists: readonly Float64Array[], holds: readonly Hold[]): number {
  const latencies: number[] = []
  for (const times of lists)
    for (let index = 0; index < times.length; index += 2) {
      const [start, end] = [times[index]!, times[index + 1]!]
      if (holds.every((hold) => end < hold.startedAt || start > hold.endedAt + AFTERMATH_MS))
        latencies.push(end - start)
    }
  return quantile(sorted(latencies), 0.5)
}

const sorted = (values: readonly number[]): number[] => [...values].sort((left, right) => left - right)

interface Wait {
  /** How much longer than usual the client's longest transaction took. */
  readonly addedMs: number
  /** What of it came behind the release: connections to open, and everybody at once. */
  readonly behindMs: number
}

/**
 * One value for a client that had a transaction open during the hold, of all that it had open until a moment after the release. Clients
 * that were thinking meanwhile waited for nothing, and would only make the percentiles look better.
 */
function waitOf(times: Float64Array, hold: Hold, usualMs: number): Wait[] {
  let longest = 0
  let behind: number | undefined
  for (let index = 0; index < times.length; index += 2) {
    const [start, end] = [times[index]!, times[index + 1]!]
    if (end < hold.startedAt || start > hold.endedAt + AFTERMATH_MS) continue
    if (start < hold.endedAt) behind = Math.max(0, end - hold.endedAt)
    longest = Math.max(longest, end - start)
  }
  return behind === undefined ? [] : [{ addedMs: Math.max(0, longest - usualMs), behindMs: behind }]
}
