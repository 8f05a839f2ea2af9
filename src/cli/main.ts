#!/usr/bin/env node
/** The entry of the command line: parses flags, runs one command, ends with its exit code. */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { CrossfadeError } from '../engines/errors.js'
import { PHASES, type CommandName, type Phase } from '../journal/events.js'
import { check } from './check.js'
import { command } from './command.js'
import { EXIT, exitCodeOfError } from './exit-codes.js'
import { openOutput, type Output } from './output.js'
import { report, type ReportFlags } from './report.js'
import { run, type RunFlags } from './run.js'
import { status } from './status.js'
import { verify } from './verify.js'
import type { CommonFlags } from './settings.js'

const program = new Command('crossfade')
  .description('Moves a live system from one database schema to another, and back with every write kept.')
  .showHelpAfterError('(`crossfade --help` shows the commands)')
  .exitOverride()

function add<F extends CommonFlags>(name: string, description: string, action: (plan: string, flags: F, output: Output) => Promise<number>): Command {
  return program
    .command(`${name} <plan>`)
    .description(description)
    .option('--blue <url>', 'the old side, without a password (or CROSSFADE_BLUE_URL, CROSSFADE_BLUE_URL_FILE)')
    .option('--green <url>', 'the new side, likewise (or CROSSFADE_GREEN_URL)')
    .option('--journal <url>', "where the migration's state is kept (or CROSSFADE_JOURNAL_URL; default: on blue's server)")
    .option('--meta <namespace>', "schema or database of Crossfade's own objects (or CROSSFADE_META; default: crossfade)")
    .option('--json', 'versioned JSON lines')
    .option('--backup-dir <folder>', 'where the backup and the archive go (default: crossfade-backup/<plan>)')
    .option('--log-file <file>', 'a log in JSON lines, secrets redacted')
    .action(async (plan: string, flags: F) => {
      const output = openOutput(flags.json === true)
      try {
        process.exitCode = await action(plan, flags, output)
      } catch (error) {
        output.end()
        process.exitCode = exitCodeOfError(error)
        if (flags.json) output.result('', { type: 'error', ...describe(error), exitCode: process.exitCode })
        else process.stderr.write(`crossfade: ${describe(error).message}\n${describe(error).hint ? `${describe(error).hint}\n` : ''}`)
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

const runnable = (created: Command): Command =>
  created
    .option('--yes', 'approves the switch and the end of the way back beforehand')
    .option('--until <phase>', 'ends when this phase is done', phaseOf)
    .option('--wait', 'keeps running while it waits for approval, also without a terminal')

add<CommonFlags>('check', 'is the plan whole, and do the databases allow it?', check)
runnable(add<RunFlags>('run', 'begins the migration, or goes on where it stands', (plan, flags, output) => run(plan, flags, output)))
add<CommonFlags>('status', 'where the migration stands and what is possible now', status)
add<CommonFlags>('verify', 'compares both sides now', verify)
const told: readonly (readonly [CommandName, string])[] = [
  ['cutover', 'approves the switch to green'],
  ['rollback', 'brings the authority and every write back to blue'],
  ['pause', 'lets the copy and the switch wait; sync goes on'],
  ['resume', 'ends a pause'],
  ['complete', 'ends the way back; after a rollback, removes what is left'],
  ['abort', 'removes everything of Crossfade while blue has the authority'],
]
for (const [name, description] of told) runnable(add<RunFlags>(name, description, (plan, flags, output) => command(name, plan, flags, output)))
add<ReportFlags>('report', 'what happened, as JSON or Markdown', report)
  .option('--markdown', 'for people')
  .option('--output <file>', 'into a file')

try {
  await program.parseAsync()
} catch (error) {
  // commander has told the user already; help and version are no errors.
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
}
