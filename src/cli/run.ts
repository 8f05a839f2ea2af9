/** `crossfade run`, and the other commands when no orchestrator is there to hear them. */
import { setFlagsFromString } from 'node:v8'
import type { CommandName, Phase } from '../journal/events.js'
import { runMigration } from '../machine/migration.js'
import { loadPlan, type LoadedPlan } from '../plan/load.js'
import { EXIT, exitCodeOf } from './exit-codes.js'
import { openLog } from './log.js'
import type { Output } from './output.js'
import { actorName, backupDirectory, requireUrls, type CommonFlags } from './settings.js'

const HEAP_GROWTH_PERCENT = 25

export interface RunFlags extends CommonFlags {
  readonly yes?: boolean
  readonly until?: Phase
  /** Keep running while waiting for approval, also without a terminal. */
  readonly wait?: boolean
}

export async function run(
  planPath: string,
  flags: RunFlags,
  output: Output,
  first?: CommandName,
  loaded?: LoadedPlan,
): Promise<number> {
  const { plan, planHash } = loaded ?? (await loadPlan(planPath))
  const urls = requireUrls(flags, process.env)
  // A run lasts for hours beside the servers it works on: garbage goes when the heap has grown by so much, not when it has doubled.
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`)
  using stop = stopOnSignals()
  const { outcome, reason } = await runMigration({
    plan,
    planHash,
    ...urls,
    backupDirectory: backupDirectory(flags, plan.name, process.env),
    until: flags.until,
    approve: flags.yes === true,
    first,
    exitWhenWaiting: flags.wait !== true && !process.stdout.isTTY,
    onEvent: (event) => output.event(event),
    log: openLog(flags.logFile),
    signal: stop.signal,
    actor: actorName(first ? 'operator' : 'orchestrator'),
  })
  output.end()
  const exitCode = exitCodeOf(outcome)
  // The reason was told as an event.
  output.result(`${outcome}, exit code ${exitCode}`, { type: 'exit', outcome, reason, exitCode })
  return exitCode
}

/** The first signal asks the run to end where it can go on from; a second one does not wait for that. */
function stopOnSignals(): Disposable & { readonly signal: AbortSignal } {
  const stop = new AbortController()
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted)
    stop.abort()
  }
  for (const name of names) process.on(name, onSignal)
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal)
    },
  }
}
