/** Reads with a real replica that follows, is slow, or stands still: where they go, how many there are, and that none misses an own write. */
import { startReplicated, type ReplicatedServers } from '../servers/replicated.js'
import { runSql } from '../servers/run-sql.js'
import { delayReplay } from '../servers/replay-delay.js'
import type { Replica } from '../servers/replica.js'
import { startChild, type Child } from './child.js'
import type { PoolBenchOptions } from './pool-sizes.js'
import type { ReplicaClientCommand, ReplicaClientReport, ReplicaClientSettings } from './replica-clients.js'
import { valueResult, type Result } from './results.js'

/** MariaDB and MySQL know whole seconds only. */
const DELAY_SECONDS = 1

interface Case {
  readonly name: string
  readonly hasReplica: boolean
  readonly begin?: (replica: Replica) => Promise<void>
  readonly end?: (replica: Replica) => Promise<void>
}

const CASES: readonly Case[] = [
  { name: 'primary only', hasReplica: false },
  { name: 'replica follows', hasReplica: true },
  {
    name: `replica is ${DELAY_SECONDS} s behind`,
    hasReplica: true,
    begin: (replica) => delayReplay(replica, DELAY_SECONDS),
    end: (replica) => delayReplay(replica, 0),
  },
  {
    name: 'replay is paused',
    hasReplica: true,
    begin: (replica) => replica.pauseReplay(),
    end: (replica) => replica.resumeReplay(),
  },
]

export async function measureReplica({ engine, sizes, say }: PoolBenchOptions): Promise<Result[]> {
  const { writers, readers, ms } = sizes.replica
  await using servers = await startReplicated({ engine, say: () => undefined })
  const replica = servers.replicas[0]!
  await fill(servers, writers)
  const results: Result[] = []
  let from = 0
  for (const { name, hasReplica, begin, end } of CASES) {
    say(`replica: ${name}, ${writers} who write and read, ${readers} who read`)
    await replica.catchUp()
    await begin?.(replica)
    const settings: ReplicaClientSettings = {
      engine,
      url: servers.clientUrl(servers.primary),
      replicaUrl: servers.clientUrl(replica),
      writers,
      readers,
    }
    await using program: Child<ReplicaClientCommand, ReplicaClientReport> = await startChild(
      './replica-clients.ts',
      settings,
    )
    const report = await program.ask({ hasReplica, ms, from })
    from = report.last
    await end?.(replica)
    results.push(
      ...resultsOf({ engine, measurement: 'replica', size: `${name}, ${writers + readers} clients` }, ms, report),
    )
  }
  return results
}

function resultsOf(
  common: Pick<Result, 'engine' | 'measurement' | 'size'>,
  ms: number,
  { writes, byWriters, byReaders, routes, stale, errors }: ReplicaClientReport,
): Result[] {
  const groups = [
    ['after own writes', byWriters],
    ['by those who only read', byReaders],
  ] as const
  return [
    ...groups.flatMap(([whose, { count, p50Ms, p99Ms }]) => [
      valueResult({
        ...common,
        name: `reads ${whose}`,
        unit: 'reads/s',
        value: (count * 1000) / ms,
        details: { writes },
      }),
      valueResult({ ...common, name: `reads ${whose}, p50`, unit: 'ms', value: p50Ms }),
      valueResult({ ...common, name: `reads ${whose}, p99`, unit: 'ms', value: p99Ms }),
    ]),
    ...routes.map(({ route, why, count }) =>
      valueResult({ ...common, name: `route: ${route}, ${why}`, unit: 'reads', value: count }),
    ),
    valueResult({ ...common, name: 'older than an own write', unit: 'reads', value: stale, atMost: 0 }),
    valueResult({ ...common, name: 'failed', unit: 'clients', value: errors.length, atMost: 0, details: errors }),
  ]
}

async function fill(servers: ReplicatedServers, writers: number): Promise<void> {
  const { primary } = servers
  const rows = Array.from({ length: writers }, (_, id) => `(${id}, 0)`).join()
  const create = 'CREATE TABLE counters (id int PRIMARY KEY, n int)'
  await runSql(primary.engine, servers.clientUrl(primary), create, `INSERT INTO counters VALUES ${rows}`)
}
