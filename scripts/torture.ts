/**
 * Migrations under live traffic, with a fault in the middle of each: processes and servers are really killed, connections really cut.
 * docs/torture.md says what is drawn and what is checked.
 *
 *   npm run torture -- --engine postgres --rounds 20 --seed 1
 *   npm run torture -- --engine mariadb --rounds 200 --seed 7 --jobs 3
 *   npm run torture -- --engine postgres --seed 1 --round 7
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { buildProgram } from './bench/built-program.js'
import type { ServerEngine } from './servers/server.js'
import { makeBed } from './torture/bed.js'
import { drawRound, FAULTS, type Draw, type FaultName } from './torture/draw.js'
import { runRound } from './torture/round.js'
import { describeDraw, repeatLine, summaryTable, type Outcome } from './torture/summary.js'
import { wholeNumber } from './flags/whole-number.js'

interface TortureFlags {
  readonly engine: ServerEngine
  readonly rounds: number
  readonly from: number
  readonly jobs: number
  readonly patience: number
  readonly seed: number
  readonly round?: number
  readonly fault?: FaultName
  readonly keep?: boolean
}

const flags = new Command('torture')
  .addOption(new Option('--engine <name>').choices(['postgres', 'mariadb', 'mysql']).default('postgres'))
  .option('--rounds <number>', 'how many', wholeNumber, 15)
  .option('--from <number>', 'number of the first one', wholeNumber, 1)
  .option('--jobs <number>', 'so many at a time, each on servers of its own', wholeNumber, 1)
  .option('--patience <number>', 'limits of time are so many times as long, for a busy machine', wholeNumber, 1)
  .option('--seed <number>', 'the same seed draws the same rounds', wholeNumber, 1)
  .option('--round <number>', 'only this round', wholeNumber)
  .addOption(new Option('--fault <name>', 'only rounds with this fault').choices([...FAULTS]))
  .option('--keep', 'keep the files of rounds that pass, too')
  .parse()
  .opts<TortureFlags>()

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

function* rounds({ round, rounds: count, from, seed, engine, fault }: TortureFlags): Generator<Draw> {
  if (round !== undefined) yield drawRound(engine, seed, round)
  else
    for (let number = from, done = 0; done < count; number += 1) {
      const draw = drawRound(engine, seed, number)
      if (fault !== undefined && draw.fault !== fault) continue
      done += 1
      yield draw
    }
}

/** Runs one after the other of those that no other job has taken. */
async function work(draws: Iterable<Draw>, main: string, folder: string, outcomes: Outcome[]): Promise<void> {
  await using bed = makeBed(flags.engine, say)
  for (const draw of draws) {
    if (stopping.signal.aborted) break
    const startedAt = performance.now()
    const files = join(folder, `${draw.engine}-${draw.seed}-${draw.round}`)
    let failure: string | undefined
    let facts = ''
    try {
      const { ends, counts } = await runRound({ bed, draw, main, folder: files, patience: flags.patience })
      facts = `ends ${ends.join(' ')}, ${counts.acknowledged} writes, ${counts.inDoubt} in doubt, ${counts.failed} failed`
      if (!flags.keep) await rm(files, { recursive: true, force: true })
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
    const seconds = (performance.now() - startedAt) / 1000
    outcomes.push({ draw, seconds, failure })
    say(
      `${failure === undefined ? 'ok    ' : 'FAILED'} ${draw.round} ${describeDraw(draw)} ${seconds.toFixed(1)} s ${facts}`,
    )
    if (failure !== undefined) say(`       ${failure}\n       repeat: ${repeatLine(draw)}\n       files: ${files}`)
  }
}

async function torture(): Promise<number> {
  await using program = await buildProgram()
  const folder = await mkdtemp(join(tmpdir(), 'torture-'))
  // Where there is such a folder, the plan is compiled once and not by each command.
  await mkdir(join(folder, 'node_modules'))
  const outcomes: Outcome[] = []
  const all = rounds(flags)
  // `for..of` of one job would end the generator for the others.
  const draws: Iterable<Draw> = { [Symbol.iterator]: () => ({ next: () => all.next() }) }
  await Promise.all(Array.from({ length: flags.jobs }, () => work(draws, program.main, folder, outcomes)))
  say(summaryTable(outcomes))
  const failed = outcomes.filter(({ failure }) => failure !== undefined)
  for (const { draw } of failed) say(`failed: ${repeatLine(draw)}`)
  if (failed.length === 0 && !flags.keep) await rm(folder, { recursive: true, force: true })
  return failed.length === 0 && outcomes.length > 0 ? 0 : 1
}

// Node 20 may never get done with freeing sockets that were reset.
process.exit(await torture())
