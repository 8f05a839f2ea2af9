/**
 * The whole of it on servers of its own: the old schema full of data, an application that writes throughout, the migration by the
 * command line, and the ledger of what the application was promised.
 *
 *   npm run demo -- --engine mariadb --rows 200000 --clients 50 --seed 1 --two-servers --fail-validation --report FILE
 *
 * Ends with 0 when green has everything; with 5 after `--fail-validation`, when blue has everything again; with 1 otherwise.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { EXIT } from '../src/cli/exit-codes.js'
import type { Report } from '../src/report/report.js'
import { crossfade } from './demo/crossfade.js'
import { LeftoverError, openStage, type Stage } from './demo/stage.js'
import { completeReport, summaryLines } from './demo/summary.js'
import { startTraffic } from './demo/traffic.js'
import type { ServerEngine } from './servers/server.js'
import { wholeNumber } from './flags/whole-number.js'

interface DemoFlags {
  readonly engine: ServerEngine
  readonly rows: number
  readonly clients: number
  readonly seed: number
  readonly twoServers?: boolean
  readonly failValidation?: boolean
  readonly report?: string
}

const program = new Command('demo')
  .addOption(new Option('--engine <name>').choices(['postgres', 'mariadb', 'mysql']).default('postgres'))
  .option('--rows <number>', 'rows of the old schema, about', wholeNumber, 200_000)
  .option('--clients <number>', 'clients of the application', wholeNumber, 50)
  .option('--seed <number>', 'the same seed gives the same data and the same requests', wholeNumber, 1)
  .option('--two-servers', 'green on a server of its own')
  .option('--fail-validation', 'an invariant fails after the switch: the rollback comes by itself')
  .option('--report <file>', 'write the report as JSON')
  .parse()

const say = (line: string): void => void process.stdout.write(`${line}\n`)
/** Traffic before the migration and after its end. */
const AROUND_MS = 1000
const LOG = 'crossfade.log'

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

async function readReport(stage: Stage, plan: string): Promise<Report> {
  const { stdout } = await crossfade({ stage, args: ['report', plan], output: 'capture' })
  return JSON.parse(stdout) as Report
}

async function demo(flags: DemoFlags): Promise<number> {
  const plan = new URL(`./demo/${flags.failValidation ? 'plan-failing' : 'plan'}.ts`, import.meta.url).pathname
  const expected = flags.failValidation ? EXIT.rolledBack : EXIT.done
  await using stage = await openStage({ ...flags, hasTwoServers: flags.twoServers === true, say })
  const traffic = await startTraffic({ stage, clients: flags.clients, seed: flags.seed })
  let exitCode: number
  try {
    await delay(AROUND_MS, undefined, { signal: stopping.signal })
    say(`${flags.clients} clients of the application write; the migration begins`)
    const args = ['run', plan, '--yes', '--log-file', join(stage.folder, LOG)]
    exitCode = (await crossfade({ stage, args, signal: stopping.signal })).exitCode
    await delay(AROUND_MS)
  } catch (error) {
    await traffic.stop().catch(() => undefined)
    throw error
  }
  const result = await traffic.stop()
  const report = completeReport(await readReport(stage, plan), result)
  for (const line of summaryLines(report, result)) say(line)
  if (flags.report !== undefined) await writeFile(flags.report, `${JSON.stringify(report, null, 2)}\n`)
  if (exitCode !== expected) {
    say(`crossfade ended with ${exitCode}, expected was ${expected}; the last of its log:`)
    const log = await readFile(join(stage.folder, LOG), 'utf8').catch(() => '')
    say(log.split('\n').slice(-6).join('\n'))
    return exitCode === EXIT.done ? EXIT.error : exitCode
  }
  const isWhole = report.writes.lost + report.writes.duplicated + report.requests.failed === 0
  return isWhole && report.verification.differences === 0 ? exitCode : EXIT.error
}

try {
  process.exitCode = await demo(program.opts<DemoFlags>())
} catch (error) {
  if (!stopping.signal.aborted && !(error instanceof LeftoverError)) throw error
  if (error instanceof LeftoverError) say(`demo: ${error.message}`)
  process.exitCode = error instanceof LeftoverError ? EXIT.error : EXIT.interrupted
}
