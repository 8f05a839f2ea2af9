import Table from 'cli-table3'
import type { Sample } from './watch.js'

/** By what the run was doing: the largest values, and the last ones. */
export function summaryOf(samples: readonly Sample[]): string {
  const table = new Table({
    head: ['while', 'seconds', 'changes', 'memory MB, max', 'queue rows, max', 'queue MB, max', 'journal MB', 'events'],
    style: { head: [], border: [] },
  })
  for (const doing of new Set(samples.map((sample) => sample.doing))) {
    const part = samples.filter((sample) => sample.doing === doing)
    const most = (of: (sample: Sample) => number): string => Math.max(...part.map(of)).toLocaleString('en-US')
    const last = part.at(-1)!
    table.push([
      doing,
      `${part[0]!.seconds} to ${last.seconds}`,
      last.changes.toLocaleString('en-US'),
      most(({ memoryMb }) => memoryMb),
      most(({ queueRows }) => queueRows),
      most(({ queueMb }) => queueMb),
      last.journalMb,
      last.journalEvents,
    ])
  }
  return table.toString()
}
