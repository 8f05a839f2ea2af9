/** `crossfade check`: the plan by itself, and with URLs against the databases. */
import { openSide } from '../engines/open-side.js'
import { checkLive } from '../plan/live-check.js'
import { loadPlan } from '../plan/load.js'
import { coverageSummary, coverageTable } from '../report/coverage.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { readUrls, type CommonFlags } from './settings.js'

/** @returns the exit code: 0, or 4 when something blocks. @throws {CrossfadeError} PLAN_INVALID with every problem of the plan. */
export async function check(planPath: string, flags: CommonFlags, output: Output): Promise<number> {
  const { plan } = await loadPlan(planPath)
  if (flags.json) for (const row of plan.coverage) output.result('', { type: 'table', ...row })
  else output.result(coverageTable(plan), {})
  const { blue, green } = readUrls(flags, process.env)
  if (!blue || !green) {
    output.result(`${coverageSummary(plan)}. Not looked at: the databases (give CROSSFADE_BLUE_URL and CROSSFADE_GREEN_URL).`, { type: 'summary', outcome: 'ok', tables: plan.coverage.length, findings: 0 })
    return EXIT.done
  }
  const meta = flags.meta ?? process.env['CROSSFADE_META'] ?? 'crossfade'
  await using left = await openSide(blue, 'blue', meta)
  await using right = await openSide(green, 'green', meta)
  const findings = await checkLive(plan, left, right)
  for (const finding of findings) output.event({ type: 'finding', side: 'blue', ...finding })
  const blocking = findings.filter((finding) => finding.severity === 'blocking').length
  output.result(`${coverageSummary(plan)}. ${blocking} blocking findings, ${findings.length - blocking} warnings.`, {
    type: 'summary',
    outcome: blocking > 0 ? 'refused' : 'ok',
    tables: plan.coverage.length,
    findings: findings.length,
    blocking,
  })
  return blocking > 0 ? EXIT.refused : EXIT.done
}
