/** Far more borrowers than connections for a long time: who is served, how long they wait, and what it costs the process. */
import { startChild, type Child } from './child.js'
import { growth } from './growth.js'
import { openPlace } from './place.js'
import type { PoolBenchOptions } from './pool-sizes.js'
import { valueResult, type Result } from './results.js'
import type { SaturateFor, SaturationReport, SaturationSettings } from './saturation-borrowers.js'

const HOLD_MS = 50
const STATEMENT = {
  postgres: `SELECT pg_sleep(${HOLD_MS / 1000})`,
  mariadb: `SELECT SLEEP(${HOLD_MS / 1000})`,
} as const
/** Nobody may reach it. */
const PATIENT_MS = 120_000

type Borrowers = Child<SaturateFor, SaturationReport>

export async function measureSaturation(options: PoolBenchOptions): Promise<Result[]> {
  const { engine, server, sizes, say } = options
  const { connections, borrowers, ms, shortMs } = sizes.saturation
  await using place = await openPlace(engine, [server])
  const settings: SaturationSettings = {
    url: place.blue.url,
    connections,
    holdMs: HOLD_MS,
    statement: STATEMENT[engine],
  }
  const results: Result[] = []
  for (const count of borrowers) {
    say(`saturation: ${count} borrowers, ${connections} connections, ${Math.round(ms / 1000)} s`)
    // A program for each: what an earlier one left behind is no growth of this one.
    await using program: Borrowers = await startChild('./saturation-borrowers.ts', settings)
    const report = await program.ask({ borrowers: count, ms, acquireTimeoutMs: PATIENT_MS })
    results.push(...patient(options, `${count} borrowers, ${connections} connections`, report))
  }
  const most = borrowers.at(-1)!
  // Half of the time that the last in the queue has to wait.
  const acquireTimeoutMs = Math.round((HOLD_MS * most) / connections / 2)
  say(`saturation: ${most} borrowers who wait for ${acquireTimeoutMs} ms at most, ${Math.round(shortMs / 1000)} s`)
  await using program: Borrowers = await startChild('./saturation-borrowers.ts', settings)
  const report = await program.ask({ borrowers: most, ms: shortMs, acquireTimeoutMs })
  return [...results, ...impatient(options, `${most} borrowers, at most ${acquireTimeoutMs} ms`, report)]
}

function patient({ engine }: PoolBenchOptions, size: string, report: SaturationReport): Result[] {
  const { served, mostServed, leastServed, wait, exhausted, otherErrors, loopDelay, mb } = report
  const common = { engine, measurement: 'saturation', size } as const
  return [
    valueResult({ ...common, name: 'served', unit: 'requests', value: served }),
    valueResult({
      ...common,
      name: 'most served beside least served',
      unit: 'times',
      value: leastServed === 0 ? Infinity : mostServed / leastServed,
      atMost: 1.1,
      details: { mostServed, leastServed },
    }),
    valueResult({ ...common, name: 'wait, median', unit: 'ms', value: wait.p50Ms }),
    valueResult({ ...common, name: 'wait, longest', unit: 'ms', value: wait.maxMs }),
    valueResult({
      ...common,
      name: 'failed',
      unit: 'requests',
      value: exhausted + otherErrors.length,
      atMost: 0,
      details: otherErrors,
    }),
    valueResult({ ...common, name: 'growth of memory', unit: 'MB', value: growth(mb), atMost: 10, details: mb }),
    valueResult({ ...common, name: 'event loop delay, p99', unit: 'ms', value: loopDelay.p99Ms, atMost: 50 }),
    valueResult({ ...common, name: 'event loop delay, max', unit: 'ms', value: loopDelay.maxMs }),
    breakerResult(common, report),
  ]
}

function impatient({ engine }: PoolBenchOptions, size: string, report: SaturationReport): Result[] {
  const { served, exhausted, withoutFacts, otherErrors } = report
  const common = { engine, measurement: 'saturation', size, unit: 'requests' } as const
  return [
    valueResult({ ...common, name: 'served', value: served }),
    valueResult({ ...common, name: 'PoolExhaustedError', value: exhausted }),
    valueResult({ ...common, name: 'PoolExhaustedError without its facts', value: withoutFacts, atMost: 0 }),
    valueResult({ ...common, name: 'other errors', value: otherErrors.length, atMost: 0, details: otherErrors }),
    breakerResult(common, report),
  ]
}

/** A busy host is a healthy one. */
const breakerResult = (
  common: Pick<Result, 'engine' | 'measurement' | 'size'>,
  { looks, closedLooks }: SaturationReport,
): Result =>
  valueResult({
    ...common,
    name: 'breaker not closed',
    unit: 'looks',
    value: looks - closedLooks,
    atMost: 0,
    details: { looks },
  })
