/** What happened to the application, joined to the report of the migration. */
import type { Report } from '../../src/report/report.js'
import { count, duration } from '../../src/report/numbers.js'
import type { TrafficResult } from './traffic.js'

/** The migration's report with what only the application knows. */
export function completeReport(report: Report, { stats, ledger }: TrafficResult): Report {
  const round = (ms: number): number => Math.round(ms * 10) / 10
  return {
    ...report,
    writes: {
      acknowledged: ledger.acknowledged,
      // A value that is not what was acknowledged is a lost write as well.
      lost: ledger.lost + ledger.wrong,
      duplicated: ledger.duplicated,
    },
    requests: {
      total: stats.requests,
      failed: stats.failed + stats.inDoubt,
      p50Ms: round(stats.latency.p50Ms),
      p99Ms: round(stats.latency.p99Ms),
      maxMs: round(stats.latency.maxMs),
    },
  }
}

export function summaryLines(report: Report, { stats, ledger, side }: TrafficResult): string[] {
  const { writes, requests, verification } = report
  const errors = Object.entries(stats.errors).map(([message, times]) => `   ${times} x ${message}`)
  const { longest } = stats
  return [
    '',
    `What the application saw (${side} has the authority now):`,
    `   requests            ${count(requests.total)} in ${duration(stats.seconds * 1000)}, ${count(stats.bySide.blue)} on blue and ${count(stats.bySide.green)} on green`,
    `   failed              ${count(requests.failed)}`,
    `   latency             p50 ${duration(requests.p50Ms)}, p99 ${duration(requests.p99Ms)}`,
    `   longest wait        ${duration(requests.maxMs)}${longest ? ` (${longest.operation})` : ''}`,
    ...report.switches.map(
      ({ from, to, holdMs, maxWaitMs, attempts }) =>
        `   ${`${from} to ${to}`.padEnd(19)} held for ${duration(holdMs)}, clients waited ${duration(maxWaitMs)} at most, attempt ${attempts}`,
    ),
    `   writes acknowledged ${count(writes.acknowledged)}, looked for on ${side}: ${count(ledger.checked)} things`,
    `   lost                ${count(writes.lost)}`,
    `   duplicated          ${count(writes.duplicated)}`,
    `   verified            ${count(verification.rowsCompared)} rows in ${count(verification.chunks)} chunks, ${count(verification.differences)} differences, ${verification.skipped} not compared`,
    ...errors,
    ...ledger.details.slice(0, 20).map((detail) => `   ${detail}`),
  ]
}
