/** A backup that was restored and compared, before anything else is made on either side. */
import { runBackup } from '../backup.js'
import { checkLive } from '../../plan/live-check.js'
import type { MigrationContext, PhaseResult } from '../context.js'

export async function backup(context: MigrationContext): Promise<PhaseResult> {
  const { plan, blue, green, journal, runEpoch, signal } = context
  const findings = await checkLive(plan, blue, green)
  for (const finding of findings) await context.emit({ type: 'finding', side: 'blue', ...finding })
  const blocking = findings.filter((finding) => finding.severity === 'blocking')
  if (blocking.length > 0)
    return { type: 'stopped', outcome: 'refused', reason: blocking.map((finding) => `${finding.message} ${finding.hint}`).join('\n') }
  await runBackup({ plan, blue, journal, runEpoch, directory: context.backupDirectory, signal, emit: context.emit })
  return { type: 'done' }
}
