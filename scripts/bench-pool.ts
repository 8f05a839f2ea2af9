/**
 * The connection pool beside the drivers' own, and its gate under load. docs/pool-benchmarks.md says what is measured and how.
 *
 *   npm run bench:pool -- --engine postgres --only gate --switches 50 --json FILE
 */
import { Command, Option } from 'commander'
import { proveGate } from './bench/gate-proof.js'
import { load, machineFacts } from './bench/machine.js'
import type { BenchEngine } from './bench/place.js'
import { measureFailover } from './bench/pool-failover.js'
import { measureRates } from './bench/pool-rates.js'
import { measureRelease } from './bench/pool-release.js'
import { measureReplica } from './bench/pool-replica.js'
import { measureSaturation } from './bench/pool-saturation.js'
import { FULL_SIZES, QUICK_POOL_SIZES, type PoolBenchOptions, type PoolSizes } from './bench/pool-sizes.js'
import { tellReport, type EngineReport } from './bench/report.js'
import { POOL_MEASUREMENTS, type PoolMeasurementName, type Result } from './bench/results.js'
import { BENCH_SETTINGS } from './bench/settings.js'
import { startServer } from './servers/index.js'
import { wholeNumber } from './flags/whole-number.js'

const WORK: Readonly<Record<PoolMeasurementName, (options: PoolBenchOptions) => Promise<Result[]>>> = {
  rates: measureRates,
  release: measureRelease,
  gate: proveGate,
  failover: measureFailover,
  replica: measureReplica,
  saturation: measureSaturation,
}

interface PoolBenchFlags {
  readonly engine?: BenchEngine
  readonly only?: PoolMeasurementName
  readonly rounds?: number
  readonly switches?: number
  readonly seconds?: number
  readonly quick?: boolean
  readonly json?: string
}

const flags = new Command('bench:pool')
  .addOption(new Option('--engine <name>', 'default: both').choices(['postgres', 'mariadb']))
  .addOption(new Option('--only <measurement>', 'default: all').choices(POOL_MEASUREMENTS))
  .option('--rounds <number>', `interleaved rounds (default: ${FULL_SIZES.rounds})`, wholeNumber)
  .option('--switches <number>', `there and back in turn (default: ${FULL_SIZES.switches})`, wholeNumber)
  .option('--seconds <number>', `of saturation (default: ${FULL_SIZES.saturation.ms / 1000})`, wholeNumber)
  .option('--quick', 'everything once and small; its figures say nothing')
  .option('--json <file>', 'write all samples as JSON')
  .parse()
  .opts<PoolBenchFlags>()

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function measure(engine: BenchEngine, sizes: PoolSizes) {
  const startedAt = performance.now()
  const server = await startServer({ engine, settings: BENCH_SETTINGS[engine], prefer: 'embedded', say })
  try {
    const results: Result[] = []
    for (const name of POOL_MEASUREMENTS)
      if (flags.only === undefined || flags.only === name)
        results.push(...(await WORK[name]({ engine, server, sizes, say })))
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    return { engine, version: server.version, how: server.how, seconds, loadAfter: load(), results }
  } finally {
    await server.stop()
  }
}

const defaults = flags.quick === true ? QUICK_POOL_SIZES : FULL_SIZES
const sizes: PoolSizes = {
  ...defaults,
  rounds: flags.rounds ?? defaults.rounds,
  switches: flags.switches ?? defaults.switches,
  saturation: {
    ...defaults.saturation,
    ms: flags.seconds === undefined ? defaults.saturation.ms : flags.seconds * 1000,
  },
}
const machine = machineFacts()
const date = new Date().toISOString()
say(
  `${machine.cores} x ${machine.cpu}, ${machine.memoryMb} MB, ${machine.system}, Node ${machine.node}, load ${machine.loadBefore}`,
)
const engines: EngineReport[] = []
for (const engine of flags.engine === undefined ? (['postgres', 'mariadb'] as const) : [flags.engine])
  engines.push(await measure(engine, sizes))
await tellReport({ date, isQuick: flags.quick === true, machine, sizes, engines }, say, flags.json)
