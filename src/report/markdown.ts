/** The report for people, also as a step summary of a CI run. */
import type { Report } from './report.js'
import {
  applicationOf,
  PHASE_HEAD,
  phaseRows,
  summaryOf,
  SWITCH_HEAD,
  switchRows,
  verificationOf,
} from './sentences.js'

export function toMarkdown(report: Report): string {
  const application = applicationOf(report)
  return [
    `# ${report.plan}: ${report.outcome}`,
    '',
    summaryOf(report),
    '',
    ...table(PHASE_HEAD, phaseRows(report)),
    ...(report.switches.length > 0 ? table(SWITCH_HEAD, switchRows(report)) : []),
    `Verification: ${verificationOf(report)}`,
    '',
    ...(application ? [`Application: ${application}`, ''] : []),
  ].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '']
}
