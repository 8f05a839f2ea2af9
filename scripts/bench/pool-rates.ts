/** Throughput and latency of Crossfade's pool beside the driver's own, each in a process of its own, in turns. */
import { openGateBoard } from '../../src/engines/gate-board.js'
import { buildProgram } from './built-program.js'
import { startChild, type Child } from './child.js'
import { fillBlue } from './data.js'
import { openPlace } from './place.js'
import type { LoadFor, LoadReport, LoadSettings, PoolName, Work } from './pool-load.js'
import type { PoolBenchOptions } from './pool-sizes.js'
import { ratioResult, valueResult, type Result } from './results.js'
import { interleave, summarise } from './rounds.js'

const ROWS = 10_000
const BARE = { postgres: 'pg.Pool', mariadb: 'mysql2 pool' } as const

export async function measureRates(options: PoolBenchOptions): Promise<Result[]> {
  const { engine, server, sizes, say } = options
  const { connections } = sizes
  say(`rates: ${connections} connections, ${sizes.borrowers.join(' and ')} borrowers`)
  await using place = await openPlace(engine, [server])
  await fillBlue(engine, place.blue, ROWS)
  await using board = await openGateBoard(place.blue.url, { meta: place.metaNamespace })
  await board.prepare({ side: 'blue', epoch: 1 })
  await using program = await buildProgram()
  const settings: LoadSettings = {
    pool: program.pool,
    engine,
    serverUrl: place.blue.serverUrl,
    blueUrl: place.blue.url,
    greenUrl: place.green.url,
    meta: place.metaNamespace,
    namespace: place.blue.name,
    connections,
    rows: ROWS,
  }
  // A program for each: an AsyncLocalStorage that one pool uses makes promises dearer for all of its process.
  await using crossfade: Child<LoadFor, LoadReport> = await startChild('./pool-load.ts', settings)
  await using bare: Child<LoadFor, LoadReport> = await startChild('./pool-load.ts', settings)
  const results: Result[] = []
  for (const work of ['query', 'transaction'] as const)
    for (const borrowers of sizes.borrowers)
      results.push(...(await compare(options, { crossfade, bare }, work, borrowers)))
  return results
}

async function compare(
  { engine, sizes }: PoolBenchOptions,
  programs: Readonly<Record<PoolName, Child<LoadFor, LoadReport>>>,
  work: Work,
  borrowers: number,
): Promise<Result[]> {
  const latencies: Record<PoolName, LoadReport[]> = { crossfade: [], bare: [] }
  const piece = (pool: PoolName) => async () => {
    const command: LoadFor = { pool, work, borrowers, warmUpMs: sizes.warmUpMs, ms: sizes.windowMs }
    const report = await programs[pool].ask(command)
    latencies[pool].push(report)
    return report.perSecond
  }
  const { crossfade, bare } = await interleave(sizes.rounds, { crossfade: piece('crossfade'), bare: piece('bare') })
  const common = {
    engine,
    measurement: 'rates',
    size: `${borrowers} borrowers, ${sizes.connections} connections`,
  } as const
  const median = (pool: PoolName, of: 'p50Ms' | 'p99Ms') =>
    summarise(latencies[pool].map((report) => report[of])).median
  return [
    ratioResult({
      ...common,
      name: work,
      unit: work === 'query' ? 'queries/s' : 'transactions/s',
      ours: crossfade,
      limit: bare,
      limitName: BARE[engine],
      atLeast: 0.95,
    }),
    ...(['crossfade', 'bare'] as const).flatMap((pool) =>
      (['p50Ms', 'p99Ms'] as const).map((of) =>
        valueResult({
          ...common,
          name: `${work}, ${of.slice(0, 3)}, ${pool === 'bare' ? BARE[engine] : 'Crossfade'}`,
          unit: 'ms',
          value: median(pool, of),
        }),
      ),
    ),
  ]
}
