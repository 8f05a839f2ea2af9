/**
 * A long migration, watched: many rows copied and very many changes carried over, with the memory of the process and the size of
 * the queue and of the journal noted all the while. docs/long-runs.md says what came out.
 *
 *   npm run long-run -- --engine postgres --rows 5000000 --changes 1000000 --graph FILE.svg --json FILE
 */
import { writeFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { fillBlue } from './bench/data.js'
import { machineFacts } from './bench/machine.js'
import { openPlace, type BenchEngine } from './bench/place.js'
import { BENCH_SETTINGS } from './bench/settings.js'
import { graph } from './long-run/graph.js'
import { summaryOf } from './long-run/summary.js'
import { watchMigration } from './long-run/watch.js'
import { startServers } from './servers/index.js'
import { wholeNumber } from './flags/whole-number.js'

interface Flags {
  readonly engine: BenchEngine
  readonly rows: number
  readonly changes: number
  readonly connections: number
  readonly graph?: string
  readonly json?: string
}

const flags = new Command('long-run')
  .addOption(new Option('--engine <name>').choices(['postgres', 'mariadb']).default('postgres'))
  .option('--rows <number>', 'rows of the copy', wholeNumber, 5_000_000)
  .option('--changes <number>', 'updates of one row, each committed by itself', wholeNumber, 1_000_000)
  .option('--connections <number>', 'connections that write', wholeNumber, 2)
  .option('--graph <file>', 'write the curves as SVG')
  .option('--json <file>', 'write every sample as JSON')
  .parse()
  .opts<Flags>()

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const { engine, rows, changes, connections } = flags
const machine = machineFacts()
say(`${machine.cores} x ${machine.cpu}, ${machine.memoryMb} MB, ${machine.system}, Node ${machine.node}`)
const servers = await startServers({ engine, count: 2, settings: BENCH_SETTINGS[engine], prefer: 'embedded', say })
try {
  await using place = await openPlace(engine, servers)
  say(`filling blue with ${rows.toLocaleString('en-US')} rows`)
  await fillBlue(engine, place.blue, rows)
  const samples = await watchMigration({ place, rows, changes, connections, say })
  const title = `${engine} ${servers[0]!.version}: ${rows.toLocaleString('en-US')} rows, ${changes.toLocaleString('en-US')} changes`
  say(`\n${summaryOf(samples)}`)
  if (flags.graph !== undefined) await writeFile(flags.graph, graph(title, samples))
  if (flags.json !== undefined)
    await writeFile(flags.json, JSON.stringify({ version: 1, date: new Date().toISOString(), title, machine, samples }))
} finally {
  await Promise.allSettled(servers.map((server) => server.stop()))
}
