/**
 * Generator and application by hand:
 *
 *   node --import tsx scripts/appointments/main.ts generate --engine mariadb --url mysql://… --rows 200000 --seed 1
 *   node --import tsx scripts/appointments/main.ts run --engine mariadb --url mysql://… --clients 50 --seconds 10
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { EngineName, Side } from '../../src/engines/engine.js'
import { startApplication } from './application.js'
import { PlainPool } from './application/plain-pool.js'
import type { Place } from './database/loader.js'
import { urlOf } from './database/schema.js'
import { buildBlue } from './generate.js'
import { checkLedger, Ledger } from './ledger.js'

const number = (text: string): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0')
  return value
}

const placed = (command: Command): Command =>
  command
    .addOption(new Option('--engine <name>').choices(['postgres', 'mariadb', 'mysql']).makeOptionMandatory())
    .requiredOption('--url <url>', 'a user who may create schemas or databases')
    .option('--namespace <name>', 'schema (PostgreSQL) or database (MySQL, MariaDB)', 'appointments')
    .option('--seed <number>', 'the same seed gives the same data', number, 1)

interface RunFlags extends Place {
  readonly seed: number
  readonly side: Side
  readonly clients: number
  readonly seconds: number
  readonly rate?: number
  readonly thinkMs?: number
  readonly ledger?: string
}

const program = new Command('appointments')

placed(program.command('generate'))
  .description('make the old schema and fill it')
  .option('--rows <number>', 'about as many over all tables', number, 200_000)
  .action(async (flags: Place & { seed: number; rows: number }) => {
    const startedAt = performance.now()
    const written = await buildBlue(flags)
    const rows = Object.values(written).reduce((sum, count) => sum + count, 0)
    const seconds = (performance.now() - startedAt) / 1_000
    console.table(written)
    console.log(`${rows} rows in ${seconds.toFixed(1)} s, ${Math.round(process.memoryUsage.rss() / 1e6)} MB`)
  })

placed(program.command('run'))
  .description('run the application on one side over plain connections, then check its ledger')
  .addOption(new Option('--side <side>').choices(['blue', 'green']).default('blue'))
  .option('--clients <number>', 'clients at once', number, 50)
  .option('--seconds <number>', 'how long', number, 10)
  .option('--rate <number>', 'requests per second of all clients together', number)
  .option('--think-ms <number>', 'pause of a client between two requests', number)
  .option('--ledger <file>', 'append what was acknowledged to this file')
  .action(async (flags: RunFlags) => {
    const { side, engine, clients, seconds, seed } = flags
    const url = urlOf(flags)
    const engines: Record<Side, EngineName> = { blue: engine, green: engine }
    await using ledger = new Ledger({ file: flags.ledger })
    await using pool = await PlainPool.open({ url, side })
    const { rate: ratePerSecond, thinkMs } = flags
    const application = await startApplication({ pool, engines, ledger, clients, seed, ratePerSecond, thinkMs })
    await delay(seconds * 1_000)
    console.dir(await application.stop(), { depth: null })
    console.dir(await checkLedger({ side, engine, url, ledger }), { depth: null })
  })

await program.parseAsync()
