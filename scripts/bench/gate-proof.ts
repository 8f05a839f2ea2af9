/**
 * What the gate promises, shown under load: clients in several processes write five rows in each transaction over many switches there
 * and back. No request fails, every acknowledged row is once on the side that has the authority, and none came to a side behind its fence.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Side, SideTools } from '../../src/engines/engine.js'
import { raw } from '../../src/engines/sql.js'
import type { MigrationContext } from '../../src/machine/context.js'
import { dualWriteSync } from '../../src/machine/phases/dual-write-sync.js'
import { parallelSchema } from '../../src/machine/phases/parallel-schema.js'
import { startChild, type Child } from './child.js'
import { fillBlue } from './data.js'
import { GateProgress } from './gate-progress.js'
import {
  firstKeyOf,
  WRITES,
  type GateClientCommand,
  type GateClientReport,
  type GateClientSettings,
} from './gate-clients.js'
import { openPlace, type Place } from './place.js'
import benchPlan from './plan.js'
import type { PoolBenchOptions } from './pool-sizes.js'
import { valueResult, type Result } from './results.js'
import { openRig } from './rig.js'
import { quantile } from './rounds.js'
import { switchAll } from './switch.js'

const ROWS = 1000

/** A side was fenced: how many rows of that epoch it had then. */
interface Fenced {
  readonly side: Side
  readonly epoch: number
  readonly rows: number
}

export async function proveGate(options: PoolBenchOptions): Promise<Result[]> {
  const { engine, server, sizes, say } = options
  say(`gate: ${sizes.switches} switches under ${sizes.clients} clients in ${sizes.processes} processes`)
  await using place = await openPlace(engine, [server])
  await fillBlue(engine, place.blue, ROWS)
  const progress = new GateProgress(sizes.switches, say)
  await using rig = await openRig({ place, plan: benchPlan, onEvent: (event) => progress.note(event) })
  const { context } = rig
  await parallelSchema(context)
  const synced = await dualWriteSync(context)
  if (synced.type !== 'stopped' || synced.outcome !== 'until-reached')
    throw new Error(`the copy did not get in sync: ${JSON.stringify(synced)}`)
  const fenced: Fenced[] = []
  const reports = await withClients(options, place, async () => {
    await switchAll(context, sizes, async ({ from, epoch }) => {
      fenced.push({ side: from, epoch, rows: await countRows(sideOf(context, from), epochOf(from, epoch)) })
      progress.switched()
    })
  })
  const { authority } = await context.state()
  const winner = sideOf(context, authority)
  let misplaced = 0
  for (const { side, epoch, rows } of fenced)
    misplaced += Math.abs((await countRows(sideOf(context, side), epochOf(side, epoch))) - rows)
  const acknowledged = reports.flatMap((report) => report.acknowledged)
  const wrong = await wrongRows(winner, acknowledged)
  const holds = reports.flatMap((report) => report.holdsMs).sort((left, right) => left - right)
  const errors = reports.flatMap((report) => report.errors)
  const transactions = acknowledged.reduce((sum, client) => sum + client.transactions, 0)
  const size = `${sizes.clients} clients in ${sizes.processes} processes, ${sizes.switches} switches`
  const common = { engine, measurement: 'gate', size } as const
  const refused = reports.reduce((sum, report) => sum + report.refused, 0)
  return [
    valueResult({ ...common, name: 'hold, p50', unit: 'ms', value: quantile(holds, 0.5), details: holds }),
    valueResult({ ...common, name: 'hold, p99', unit: 'ms', value: quantile(holds, 0.99) }),
    valueResult({ ...common, name: 'hold, max', unit: 'ms', value: holds.at(-1) ?? NaN }),
    valueResult({ ...common, name: 'acknowledged', unit: 'transactions', value: transactions, details: { refused } }),
    valueResult({
      ...common,
      name: 'failed',
      unit: 'requests',
      value: errors.length,
      atMost: 0,
      details: errors.slice(0, 10),
    }),
    valueResult({ ...common, name: 'acknowledged and not once on the winner', unit: 'rows', value: wrong, atMost: 0 }),
    valueResult({ ...common, name: 'on the loser after its fence', unit: 'rows', value: misplaced, atMost: 0 }),
  ]
}

async function withClients(
  { engine, sizes }: PoolBenchOptions,
  { blue, green, metaNamespace: meta }: Place,
  work: () => Promise<void>,
): Promise<GateClientReport[]> {
  const clients = Math.ceil(sizes.clients / sizes.processes)
  const { thinkMs } = sizes
  const common = { engine, blueUrl: blue.url, greenUrl: green.url, meta, clients, thinkMs }
  const running: Child<GateClientCommand, GateClientReport | null>[] = []
  const askAll = async (type: GateClientCommand['type']): Promise<GateClientReport[]> =>
    (await Promise.all(running.map((child) => child.ask({ type })))).filter((report) => report !== null)
  try {
    for (let index = 0; index < sizes.processes; index += 1) {
      const settings: GateClientSettings = { ...common, first: index * clients }
      running.push(await startChild('./gate-clients.ts', settings))
    }
    // All at once: programs that start beside those that write are slow, and what is written meanwhile proves nothing.
    await askAll('begin')
    await delay(2 * sizes.pauseMs)
    await work()
    return await askAll('end')
  } finally {
    await Promise.allSettled(running.map((child) => child[Symbol.asyncDispose]()))
  }
}

const sideOf = ({ blue, green }: MigrationContext, side: Side): SideTools => (side === 'blue' ? blue : green)

const epochOf = (side: Side, epoch: number): string => `reference LIKE '${side}-${epoch}-%'`

async function countRows(tools: SideTools, condition: string): Promise<number> {
  await using session = await tools.connect('bench')
  const [row] = await session.query(raw(`SELECT COUNT(*) FROM ${ordersOf(tools)} WHERE ${condition}`))
  return Number(row![0])
}

/** Rows that are missing, there twice, or were never acknowledged. */
async function wrongRows(tools: SideTools, acknowledged: GateClientReport['acknowledged']): Promise<number> {
  await using session = await tools.connect('bench')
  let wrong = 0
  for (const { client, transactions } of acknowledged) {
    const [first, next] = [firstKeyOf(client), firstKeyOf(client + 1)]
    const expected = transactions * WRITES
    const [row] = await session.query(
      raw(`SELECT COUNT(DISTINCT CASE WHEN id < ${first + expected} THEN reference END), COUNT(*)
        FROM ${ordersOf(tools)} WHERE id >= ${first} AND id < ${next}`),
    )
    const [once, all] = [Number(row![0]), Number(row![1])]
    wrong += expected - once + all - once
  }
  return wrong
}

const ordersOf = ({ dialect, location, side }: SideTools): string =>
  dialect.qualify(location.namespace, side === 'blue' ? 'orders' : 'sales')
