/** A backup that was restored and compared, before anything else is made on either side. */
import { checkLive, findingText } from '../../plan/live-check.js'
import { runBackup } from '../backup.js'
import type { MigrationContext, PhaseResult } from '../context.js'

export async function backup(context: MigrationContext): Promise<PhaseResult> {
  // Remains are this migration's own: its lease and journal are here by now.
  const findings = (await checkLive(context.plan, context.blue, context.green)).filter(({ code }) => code !== 'remains')
  for (const finding of findings) await context.emit({ type: 'finding', ...finding })
  const blocking = findings.filter((finding) => finding.severity === 'blocking')
  if (blocking.length > 0)
    return {
      type: 'stopped',
      outcome: 'refused',
      reason: blocking.map(findingText).join('\n'),
    }
  await runBackup({ ...context, directory: context.backupDirectory })
  return { type: 'done' }
}
