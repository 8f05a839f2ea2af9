/** `crossfade check`: the plan by itself, and with URLs against the databases. */
import { openSide, requireOneEngine } from '../engines/open-side.js'
import { checkLive, findingText } from '../plan/live-check.js'
import { loadDefinition } from '../plan/load.js'
import { readPlan } from '../plan/parse.js'
import type { Plan, PlanProblem } from '../plan/plan.js'
import { coverageSummary, coverageTable } from '../report/coverage.js'
import { printable } from '../report/paint.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { metaOf, readUrls, type CommonFlags } from './settings.js'

/**
 * @returns the exit code: 0, or 4 when something blocks.
 * @throws {CrossfadeError} PLAN_INVALID when the file cannot be loaded.
 */
export async function check(planPath: string, flags: CommonFlags, output: Output): Promise<number> {
  const { definition } = await loadDefinition(planPath)
  const { plan, problems } = readPlan(definition)
  if (!plan) return tellProblems(problems, output)
  if (output.isJson) for (const row of plan.coverage) output.result('', { type: 'table', ...row })
  else output.result(coverageTable(plan, output.paint), {})
  const { blue, green } = readUrls(flags, process.env)
  if (blue && green) return checkDatabases(plan, { blue, green, meta: metaOf(flags, process.env) }, output)
  tellSummary(plan, { blocking: 0, warnings: 0, isLive: false }, output)
  return EXIT.done
}

function tellProblems(problems: readonly PlanProblem[], output: Output): number {
  for (const { path, message, hint } of problems)
    output.result(`${output.paint('bad', path || '(plan)')}: ${printable(`${message}. ${hint}`)}`, {
      type: 'problem',
      path,
      message,
      hint,
    })
  const plural = problems.length === 1 ? '' : 's'
  output.result(`\nThe plan has ${problems.length} problem${plural}.`, {
    type: 'summary',
    outcome: 'refused',
    problems: problems.length,
  })
  return EXIT.refused
}

async function checkDatabases(
  plan: Plan,
  { blue, green, meta }: { readonly blue: string; readonly green: string; readonly meta: string },
  output: Output,
): Promise<number> {
  await using left = await openSide(blue, 'blue', meta)
  await using right = await openSide(green, 'green', meta)
  requireOneEngine(left, right)
  const findings = await checkLive(plan, left, right)
  for (const finding of findings) {
    const weight = finding.severity === 'blocking' ? output.paint('bad', 'BLOCKING') : output.paint('warn', 'warning')
    const text = printable(`${finding.side} ${finding.code}: ${findingText(finding)}`)
    output.result(`${weight} ${text}`, { type: 'finding', ...finding })
  }
  const blocking = findings.filter((finding) => finding.severity === 'blocking').length
  tellSummary(plan, { blocking, warnings: findings.length - blocking, isLive: true }, output)
  return blocking > 0 ? EXIT.refused : EXIT.done
}

function tellSummary(
  plan: Plan,
  found: { readonly blocking: number; readonly warnings: number; readonly isLive: boolean },
  output: Output,
): void {
  const live = found.isLive
    ? `${found.blocking} blocking findings, ${found.warnings} warnings.`
    : 'Not looked at: the databases (CROSSFADE_BLUE_URL and CROSSFADE_GREEN_URL say where they are).'
  const of = (kind: string): number => plan.coverage.filter((row) => row.kind === kind).length
  output.result(`\n${coverageSummary(plan)}. ${live}`, {
    type: 'summary',
    outcome: found.blocking > 0 ? 'refused' : 'ok',
    plan: plan.name,
    blueTables: plan.coverage.length,
    greenTables: Object.keys(plan.green).length,
    mapped: of('map'),
    folded: of('fold'),
    retired: of('retire'),
    ...found,
  })
}
