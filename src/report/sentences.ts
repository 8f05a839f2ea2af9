/** The sentences of a report that Markdown and HTML share. */
import { count, duration } from './numbers.js'
import type { Report } from './report.js'

export function summaryOf(report: Report): string {
  const side = (tables: number, rows: number): string => `${tables} tables (${count(rows)} rows)`
  const { blue, green, archivedRows } = report
  return `${report.engine}, ${side(blue.tables, blue.rows)} to ${side(green.tables, green.rows)}; ${count(archivedRows)} rows archived.`
}

export function verificationOf({ verification, switches }: Report): string {
  const { chunks, rowsCompared, differences, skipped, ageMsAtSwitch } = verification
  const age = switches.length > 0 ? `; it was ${duration(ageMsAtSwitch)} old at the switch` : ''
  return `${count(rowsCompared)} rows compared in ${count(chunks)} chunks; the last pass found ${count(differences)} differences and left ${count(skipped)} chunks out${age}.`
}

/** Undefined where nobody told what the application saw. */
export function applicationOf({ requests, writes }: Report): string | undefined {
  if (requests.total === 0 && writes.acknowledged === 0) return undefined
  const answers = `${count(requests.total)} requests, ${count(requests.failed)} failed; median ${duration(requests.p50Ms)}, 99th percentile ${duration(requests.p99Ms)}, longest ${duration(requests.maxMs)}.`
  return `${answers} ${count(writes.acknowledged)} writes acknowledged, ${count(writes.lost)} lost, ${count(writes.duplicated)} duplicated.`
}

export const PHASE_HEAD = ['phase', 'result', 'took'] as const
export const SWITCH_HEAD = ['switch', 'epoch', 'hold', 'longest wait of a client', 'attempts'] as const

export const phaseRows = (report: Report): string[][] =>
  report.phases.map(({ name, result, durationMs }) => [name, result, duration(durationMs)])

export const switchRows = (report: Report): string[][] =>
  report.switches.map(({ from, to, epoch, holdMs, maxWaitMs, attempts }) => [
    `${from} to ${to}`,
    String(epoch),
    duration(holdMs),
    duration(maxWaitMs),
    String(attempts),
  ])
