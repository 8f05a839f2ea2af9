#!/usr/bin/env node
/** The entry of the command line: parses flags, runs one command, ends with its exit code. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { CrossfadeError } from '../engines/errors.js'
import { PHASES, type CommandName, type Phase } from '../journal/events.js'
import { askPasswords } from './ask-password.js'
import { EXIT, exitCodeOfError } from './exit-codes.js'
import { openOutput, tellError, type Output } from './output.js'
import type { ReportFlags } from './report.js'
import type { RunFlags } from './run.js'
import type { CommonFlags } from './settings.js'

/** Each command is loaded when it is asked for, so that `--help` and a typing error need no driver. */
type Action<F> = (plan: string, flags: F, output: Output) => Promise<number>

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = new Command('crossfade')
  .description('Moves a live system from one database schema to another, and back with every write kept.')
  .version(version)
  .showHelpAfterError('(`crossfade --help` shows the commands)')
  .exitOverride()

/** For goodbyes to the servers. */
const LINGER_MS = 2_000

function add<F extends CommonFlags>(name: string, description: string, load: () => Promise<Action<F>>): Command {
  return program
    .command(`${name} <plan>`)
    .description(description)
    .option('--blue <url>', 'the old side, without a password (or CROSSFADE_BLUE_URL, CROSSFADE_BLUE_URL_FILE)')
    .option('--green <url>', 'the new side, likewise (or CROSSFADE_GREEN_URL, CROSSFADE_GREEN_URL_FILE)')
    .option('--journal <url>', 'where the state is kept (or CROSSFADE_JOURNAL_URL; default: with blue)')
    .option('--meta <namespace>', 'schema or database of Crossfade itself (or CROSSFADE_META; default: crossfade)')
    .option('--ask-password', 'asks on the terminal for passwords that the URLs leave out')
    .option('--json', 'versioned JSON lines')
    .option('--no-color', 'plain text on a terminal too (or NO_COLOR)')
    .action(async (plan: string, flags: F) => {
      const output = openOutput(flags)
      try {
        if (flags.askPassword) await askPasswords(flags, process.env, { input: process.stdin, output: process.stderr })
        process.exitCode = await (await load())(plan, flags, output)
      } catch (error) {
        process.exitCode = exitCodeOfError(error)
        tellError(output, describe(error), process.exitCode)
      }
    })
}

function describe(error: unknown): { code?: string; message: string; hint?: string } {
  if (error instanceof CrossfadeError) return { code: error.code, message: error.message, hint: error.hint }
  return { message: error instanceof Error ? error.message : String(error) }
}

function phaseOf(text: string): Phase {
  if (!(PHASES as readonly string[]).includes(text)) throw new InvalidArgumentError(`One of ${PHASES.join(', ')}.`)
  return text as Phase
}

/** Commands that may become the orchestrator. */
function addRunnable(name: string, description: string, load: () => Promise<Action<RunFlags>>): void {
  add<RunFlags>(name, description, load)
    .option('--yes', 'approves the switch and the end of the way back beforehand')
    .option('--until <phase>', 'ends when this phase is done', phaseOf)
    .option('--wait', 'keeps running while it waits for approval, also without a terminal')
    .option(
      '--backup-dir <folder>',
      'where the backup and the archive go (or CROSSFADE_BACKUP_DIR; default: crossfade-backup/<plan>)',
    )
    .option('--log-file <file>', 'a log in JSON lines, secrets redacted')
}

add('check', 'is the plan whole, and do the databases allow it?', async () => (await import('./check.js')).check)
addRunnable('run', 'begins the migration, or goes on where it stands', async () => {
  const { run } = await import('./run.js')
  return (plan, flags, output) => run(plan, flags, output)
})
add('status', 'where the migration stands and what is possible now', async () => (await import('./status.js')).status)
add('verify', 'compares both sides now; changes nothing', async () => (await import('./verify.js')).verify)
const told: readonly (readonly [CommandName, string])[] = [
  ['cutover', 'approves the switch to green'],
  ['rollback', 'brings the authority and every write back to blue'],
  ['pause', 'lets the copy and the switch wait; sync goes on'],
  ['resume', 'ends a pause'],
  ['complete', 'ends the way back; after a rollback, removes what is left'],
  ['abort', 'removes everything of Crossfade while blue has the authority'],
]
for (const [name, description] of told)
  addRunnable(name, description, async () => {
    const { command } = await import('./command.js')
    return (plan, flags, output) => command(name, plan, flags, output)
  })
add<ReportFlags>(
  'report',
  'what happened, as JSON unless another form is asked for',
  async () => (await import('./report.js')).report,
)
  .addOption(new Option('--markdown', 'for people').conflicts(['html', 'junit']))
  .addOption(new Option('--html', 'one page for people').conflicts('junit'))
  .option('--junit', 'for CI systems')
  .option('--output <file>', 'into a file')

// A reader that goes away, such as `head`, must not end a migration.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  await program.parseAsync()
} catch (error) {
  // commander has told the user already; help and version are no errors.
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
}

// A command that has told its end is over. Sockets that were dropped behind a dead network can keep Node from ending, and Node 20
// from getting done with freeing them, at full load.
process.once('beforeExit', () => process.exit())
setTimeout(() => process.exit(), LINGER_MS).unref()
