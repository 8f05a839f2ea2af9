/** What a benchmark prints at its end, and writes as JSON. */
import { writeFile } from 'node:fs/promises'
import type { machineFacts } from './machine.js'
import type { BenchEngine } from './place.js'
import { tableOf, type Result } from './results.js'

export interface EngineReport {
  readonly engine: BenchEngine
  readonly version: string
  readonly how: string
  readonly seconds: number
  readonly loadAfter: number
  readonly results: readonly Result[]
}

export interface BenchReport {
  /** ISO 8601. */
  readonly date: string
  readonly isQuick: boolean
  readonly machine: ReturnType<typeof machineFacts>
  readonly sizes: { readonly rounds: number }
  readonly engines: readonly EngineReport[]
}

/** @param file for all samples as JSON; none is written without it. */
export async function tellReport(
  report: BenchReport,
  say: (line: string) => void,
  file: string | undefined,
): Promise<void> {
  const { date, sizes, engines } = report
  for (const { engine, version, seconds, loadAfter, results } of engines) {
    say(
      `\n${engine} ${version}, ${date.slice(0, 16)}Z, ${sizes.rounds} rounds, ${seconds} s, load at the end ${loadAfter}`,
    )
    say(tableOf(results))
  }
  if (file !== undefined) await writeFile(file, `${JSON.stringify({ version: 1, ...report }, null, 2)}\n`)
}
