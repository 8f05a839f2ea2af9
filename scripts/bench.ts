/**
 * Crossfade beside the limit of the engine under it, measured in one run: ratios, medians of interleaved rounds, and every goal that
 * was missed. docs/benchmarks.md says what is measured and how.
 *
 *   npm run bench -- --engine postgres --rows 1000000 --only copy --json FILE
 */
import { Command, Option } from 'commander'
import { measureCapture } from './bench/capture.js'
import { measureCopy } from './bench/copy.js'
import { load, machineFacts } from './bench/machine.js'
import type { Measurement } from './bench/measurement.js'
import { measureMemory } from './bench/memory.js'
import type { BenchEngine } from './bench/place.js'
import { tellReport, type EngineReport } from './bench/report.js'
import { MEASUREMENTS, type MeasurementName, type Result } from './bench/results.js'
import { BENCH_SETTINGS } from './bench/settings.js'
import { fullSizes, QUICK_SIZES, type Sizes } from './bench/sizes.js'
import { measureSwitch } from './bench/switch.js'
import { measureVerify } from './bench/verify.js'
import { startServers } from './servers/index.js'
import { wholeNumber } from './flags/whole-number.js'

const WORK: Readonly<Record<MeasurementName, Measurement>> = {
  copy: measureCopy,
  capture: measureCapture,
  switch: measureSwitch,
  verify: measureVerify,
  memory: measureMemory,
}

interface BenchFlags {
  readonly engine?: BenchEngine
  readonly only?: MeasurementName
  readonly rows: number
  readonly rounds?: number
  readonly quick?: boolean
  readonly json?: string
}

const flags = new Command('bench')
  .addOption(new Option('--engine <name>', 'default: both').choices(['postgres', 'mariadb']))
  .addOption(new Option('--only <measurement>', 'default: all').choices(MEASUREMENTS))
  .option('--rows <number>', 'rows of the copy; the other sizes follow', wholeNumber, 1_000_000)
  .option('--rounds <number>', 'interleaved rounds (default: 3)', wholeNumber)
  .option('--quick', 'everything once and small; its figures say nothing')
  .option('--json <file>', 'write all samples as JSON')
  .parse()
  .opts<BenchFlags>()

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function measure(engine: BenchEngine, sizes: Sizes): Promise<EngineReport> {
  const startedAt = performance.now()
  const [first, second] = await startServers({
    engine,
    count: 2,
    settings: BENCH_SETTINGS[engine],
    prefer: 'embedded',
    say,
  })
  const servers = [first!, second!] as const
  try {
    const results: Result[] = []
    for (const name of MEASUREMENTS)
      if (flags.only === undefined || flags.only === name)
        results.push(...(await WORK[name]({ engine, servers, sizes, say })))
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    return { engine, version: first!.version, how: first!.how, seconds, loadAfter: load(), results }
  } finally {
    await Promise.allSettled(servers.map((server) => server.stop()))
  }
}

const defaults = flags.quick === true ? QUICK_SIZES : fullSizes(flags.rows)
const sizes: Sizes = { ...defaults, rounds: flags.rounds ?? defaults.rounds }
const machine = machineFacts()
const date = new Date().toISOString()
say(
  `${machine.cores} x ${machine.cpu}, ${machine.memoryMb} MB, ${machine.system}, Node ${machine.node}, load ${machine.loadBefore}`,
)
const engines: EngineReport[] = []
for (const engine of flags.engine === undefined ? (['postgres', 'mariadb'] as const) : [flags.engine])
  engines.push(await measure(engine, sizes))
await tellReport({ date, isQuick: flags.quick === true, machine, sizes, engines }, say, flags.json)
