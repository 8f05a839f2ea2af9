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
import { firstKeyOf, WRITES, type GateClientReport, type GateClientSettings } from './gate-clients.js'
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
  await using rig = await openRig({ place, plan: benchPlan })
  const { context } = rig
  await parallelSchema(context)
  const synced = await dualWriteSync(context)
  if (synced.type !== 'stopped' || synced.outcome !== 'until-reached')
    throw new Error(`the copy did not get in sync: ${JSON.stringify(synced)}`)
  const fenced: Fenced[] = []
  const reports = await withClients(options, place, async () => {
    await switchAll(context, sizes, async ({ from, epoch }) => {
      fenced.push({ side: from, epoch, rows: await countRows(sideOf(context, from), epochOf(from, epoch)) })
    })
  })
  const { authority } = await context.state()
  const winner = sideOf(context, authority)
  let misplaced = 0
  for (const { side, epoch, rows } of fenced)
    misplaced += Math.abs((await countRows(sideOf(context, side), epochOf(side, epoch))) - rows)
  let wrong = 0
  const acknowledged = reports.flatMap((report) => report.acknowledged)
  for (const { client, transactions } of acknowledged) wrong += await wrongRows(winner, client, transactions * WRITES)
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
  const running: Child<object, GateClientReport>[] = []
  try {
    for (let index = 0; index < sizes.processes; index += 1) {
      const settings: GateClientSettings = { ...common, first: index * clients }
      running.push(await startChild('./gate-clients.ts', settings))
    }
    await delay(2 * sizes.pauseMs)
    await work()
    return await Promise.all(running.map((child) => child.ask({})))
  } finally {
    await Promise.allSettled(running.map((child) => child[Symbol.asyncDispose]()))
  }
}

const sideOf = ({ blue, green }: MigrationContext, side: Side): SideTools => (side === 'blue' ? blue : green)

const epochOf = (side: Side, epoch: number): string => `reference LIKE '${side}-${epoch}-%'`

async function countRows(tools: SideTools, condition: string, what = '*'): Promise<number> {
  const table = tools.dialect.qualify(tools.location.namespace, tools.side === 'blue' ? 'orders' : 'sales')
  await using session = await tools.connect('bench')
  const [row] = await session.query(raw(`SELECT COUNT(${what}) FROM ${table} WHERE ${condition}`))
  return Number(row![0])
}

/** Rows of a client that are missing, there twice, or were never acknowledged. */
async function wrongRows(tools: SideTools, client: number, expected: number): Promise<number> {
  const first = firstKeyOf(client)
  const mine = `id >= ${first} AND id < ${firstKeyOf(client + 1)}`
  const there = await countRows(tools, `${mine} AND id < ${first + expected}`, 'DISTINCT reference')
  return expected - there + (await countRows(tools, mine)) - there
}
