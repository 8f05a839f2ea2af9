/** What clients of the pool see when the host that takes their writes is lost or changes its role, on real replication. */
import { setTimeout as delay } from 'node:timers/promises'
import { startChild, type Child } from './child.js'
import type { FailoverClientCommand, FailoverClientReport, FailoverClientSettings } from './failover-clients.js'
import { comeBack, isGentle, now, strike, type FaultName } from './failover-faults.js'
import { openFailoverStage, type FailoverStage } from './failover-stage.js'
import type { PoolBenchOptions } from './pool-sizes.js'
import { valueResult, type Result } from './results.js'

/** What may be told of a host that is lost. Nothing else, and no error of a driver. */
const TYPED = new Set(['OutcomeUnknownError', 'ConnectionLostError', 'HostUnreachableError', 'HostReadOnlyError'])
const FIRST_WRITE_MS = 60_000

type Clients = Child<FailoverClientCommand, FailoverClientReport>

interface Seen {
  readonly report: FailoverClientReport
  readonly struckAt: number
  /** When a host began to take writes again; the last time, when roles flap. */
  readonly writableAt: readonly number[]
  readonly missing: number
  /** Undefined where no host lost its role. */
  readonly onLoser: number | undefined
}

export async function measureFailover(options: PoolBenchOptions): Promise<Result[]> {
  const { engine, sizes, say } = options
  const { clients, faults } = sizes.failover
  await using stage = await openFailoverStage(engine)
  const results: Result[] = []
  for (const [index, fault] of faults.entries()) {
    say(`failover: ${fault}, ${clients} clients`)
    const seen = await befall(options, stage, { fault, first: index * clients })
    results.push(...resultsOf(options, fault, seen))
    if (seen.onLoser !== undefined && index < faults.length - 1) await stage.renew()
  }
  return results
}

async function befall(
  { sizes }: PoolBenchOptions,
  stage: FailoverStage,
  { fault, first }: { readonly fault: FaultName; readonly first: number },
): Promise<Seen> {
  const { clients, thinkMs, ms } = sizes.failover
  const { primaryUrl: url, replicaUrl } = stage
  const settings: FailoverClientSettings = { url, replicaUrl, first, clients, thinkMs }
  await using program: Clients = await startChild('./failover-clients.ts', settings)
  await program.ask({ type: 'begin' })
  await firstAfter(program, now())
  await delay(ms)
  const { struckAt, writableAt } = await strike(fault, stage)
  await firstAfter(program, writableAt.at(-1)!)
  await delay(ms)
  const hasLoser = await comeBack(fault, stage)
  await delay(ms)
  const report = await program.ask({ type: 'end' })
  const kept = await stage.readIds(hasLoser ? stage.replica : stage.primary)
  const missing = report.ids.filter((id) => !kept.has(id)).length
  if (!hasLoser) return { report, struckAt, writableAt, missing, onLoser: undefined }
  const there = await stage.readIds(stage.primary)
  const onLoser = report.ids.filter((id, index) => report.at[index]! > writableAt[0]! && there.has(id)).length
  return { report, struckAt, writableAt, missing, onLoser }
}

/** @throws when nothing was acknowledged for a minute. */
async function firstAfter(program: Clients, at: number): Promise<void> {
  while (!(await program.ask({ type: 'look' })).at.some((acknowledgedAt) => acknowledgedAt > at)) {
    if (now() > at + FIRST_WRITE_MS) throw new Error(`no write was acknowledged within ${FIRST_WRITE_MS} ms`)
    await delay(100)
  }
}

function resultsOf({ engine, sizes }: PoolBenchOptions, fault: FaultName, seen: Seen): Result[] {
  const { report, struckAt, writableAt, missing, onLoser } = seen
  const common = { engine, measurement: 'failover', size: `${fault}, ${sizes.failover.clients} clients` } as const
  const at = report.at.toSorted()
  const firstWrites = writableAt.map((from) => at.find((acknowledgedAt) => acknowledgedAt > from)! - from)
  const other = report.errors.filter(({ name }) => !TYPED.has(name))
  const count = { ...common, unit: 'rows', atMost: 0 } as const
  return [
    valueResult({
      ...common,
      name: 'to the first write',
      unit: 'ms',
      value: Math.max(...firstWrites),
      atMost: 1000,
      details: firstWrites,
    }),
    ...(onLoser === undefined
      ? []
      : [valueResult({ ...common, name: 'until a host takes writes', unit: 'ms', value: writableAt[0]! - struckAt })]),
    valueResult({ ...common, name: 'longest pause', unit: 'ms', value: longestPause(at, struckAt) }),
    valueResult({
      ...common,
      name: 'acknowledged',
      unit: 'transactions',
      value: at.length,
      details: { failovers: report.failovers },
    }),
    ...report.errors
      .filter(({ name }) => TYPED.has(name))
      .map((error) =>
        valueResult({
          ...common,
          name: error.name,
          unit: 'requests',
          value: error.count,
          ...(isGentle(fault) ? { atMost: 0 } : {}),
          details: error.message,
        }),
      ),
    valueResult({
      ...common,
      name: 'other errors',
      unit: 'requests',
      value: other.reduce((sum, error) => sum + error.count, 0),
      atMost: 0,
      details: other,
    }),
    valueResult({ ...count, name: 'acknowledged and not on the winner', value: missing }),
    ...(onLoser === undefined
      ? []
      : [valueResult({ ...count, name: 'acknowledged after the promotion, on the loser', value: onLoser })]),
  ]
}

/** Between two acknowledged writes of anybody, from the last one before the fault on. */
function longestPause(at: Float64Array, struckAt: number): number {
  let longest = 0
  for (let index = 1; index < at.length; index += 1)
    if (at[index]! > struckAt) longest = Math.max(longest, at[index]! - at[index - 1]!)
  return longest
}
