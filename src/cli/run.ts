/** `crossfade run`, and the other commands when no orchestrator is there to hear them. */
import type { CommandName, Phase } from '../journal/events.js'
import { runMigration } from '../machine/migration.js'
import { loadPlan, type LoadedPlan } from '../plan/load.js'
import { exitCodeOf } from './exit-codes.js'
import { openLog } from './log.js'
import type { Output } from './output.js'
import { actorName, backupDirectory, requireUrls, type CommonFlags } from './settings.js'

export interface RunFlags extends CommonFlags {
  readonly yes?: boolean
  readonly until?: Phase
  /** Keep running while waiting for approval, also without a terminal. */
  readonly wait?: boolean
}

export async function run(planPath: string, flags: RunFlags, output: Output, first?: CommandName, loaded?: LoadedPlan): Promise<number> {
  const { plan, planHash } = loaded ?? (await loadPlan(planPath))
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    const result = await runMigration({
      plan,
      planHash,
      ...requireUrls(flags, process.env),
      backupDirectory: backupDirectory(flags, plan.name),
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
    const exitCode = exitCodeOf(result.outcome)
    output.result(`${result.outcome}${result.reason ? `: ${result.reason}` : ''}`, { type: 'exit', outcome: result.outcome, reason: result.reason, exitCode })
    return exitCode
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}
