/** The report of a migration, as documented in docs/commands.md: a pure function of its events. */
import type { EngineName } from '../engines/engine.js'
import type { MigrationEvent, StoredEvent } from '../journal/events.js'
import type { Plan } from '../plan/plan.js'

export interface Report {
  readonly version: 1
  readonly plan: string
  readonly engine: EngineName
  readonly outcome: 'completed' | 'rolled-back' | 'failed' | 'running'
  readonly blue: { readonly tables: number; readonly rows: number }
  readonly green: { readonly tables: number; readonly rows: number }
  readonly archivedRows: number
  /** Known to whoever runs the application, e.g. the demo; zeros otherwise. */
  readonly writes: { readonly acknowledged: number; readonly lost: number; readonly duplicated: number }
  readonly requests: { readonly total: number; readonly failed: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  readonly switches: readonly { readonly from: string; readonly to: string; readonly epoch: number; readonly holdMs: number; readonly attempts: number; readonly maxWaitMs: number }[]
  readonly verification: { readonly chunks: number; readonly rowsCompared: number; readonly differences: number; readonly skipped: number; readonly ageMsAtSwitch: number }
  readonly phases: readonly { readonly name: string; readonly result: string; readonly durationMs: number }[]
}

export interface ReportFacts {
  readonly engine: EngineName
  readonly blueRows: number
  readonly greenRows: number
}

export function buildReport(plan: Plan, events: readonly StoredEvent[], facts: ReportFacts): Report {
  const of = <T extends MigrationEvent['type']>(type: T): { at: string; event: Extract<MigrationEvent, { type: T }> }[] =>
    events.flatMap(({ at, event }) => (event.type === type ? [{ at, event: event as Extract<MigrationEvent, { type: T }> }] : []))
  const passes = of('pass-done')
  const last = passes.at(-1)?.event
  const firstSwitch = of('switched')[0]
  const before = firstSwitch && passes.filter(({ at, event }) => event.direction === 'forward' && at <= firstSwitch.at).at(-1)
  const phases = of('phase-done').map(({ event }) => event)
  const isRolledBack = phases.some((phase) => phase.phase === 'rollback' && phase.result === 'done')
  const isComplete = phases.some((phase) => phase.phase === 'complete' && phase.result === 'done' && !phase.reason)
  const lastOutcome = of('outcome').at(-1)?.event.outcome
  return {
    version: 1,
    plan: plan.name,
    engine: facts.engine,
    outcome: isRolledBack ? 'rolled-back' : lastOutcome === 'completed' && isComplete ? 'completed' : lastOutcome === 'failed' ? 'failed' : 'running',
    blue: { tables: Object.keys(plan.blue).length, rows: facts.blueRows },
    green: { tables: Object.keys(plan.green).length, rows: facts.greenRows },
    archivedRows: of('backup').at(-1)?.event.archivedRows ?? 0,
    writes: { acknowledged: 0, lost: 0, duplicated: 0 },
    requests: { total: 0, failed: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 },
    switches: of('switched').map(({ event: { from, to, epoch, holdMs, attempts, maxWaitMs } }) => ({ from, to, epoch, holdMs, attempts, maxWaitMs })),
    verification: {
      chunks: passes.reduce((sum, { event }) => sum + event.chunks, 0),
      rowsCompared: passes.reduce((sum, { event }) => sum + event.rows, 0),
      differences: last?.differences ?? 0,
      skipped: last?.skipped ?? 0,
      ageMsAtSwitch: before ? Date.parse(firstSwitch.at) - Date.parse(before.at) : 0,
    },
    phases: phases.map(({ phase, result, durationMs }) => ({ name: phase, result, durationMs })),
  }
}

/** The report for people. */
export function toMarkdown(report: Report): string {
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [
    `# ${report.plan}: ${report.outcome}`,
    '',
    `${report.engine}, ${report.blue.tables} tables (${report.blue.rows} rows) to ${report.green.tables} tables (${report.green.rows} rows); ${report.archivedRows} rows archived.`,
    '',
    row(['phase', 'result', 'ms']),
    row(['---', '---', '---:']),
    ...report.phases.map((phase) => row([phase.name, phase.result, phase.durationMs])),
    '',
    row(['switch', 'epoch', 'hold ms', 'attempts']),
    row(['---', '---:', '---:', '---:']),
    ...report.switches.map((change) => row([`${change.from} to ${change.to}`, change.epoch, change.holdMs, change.attempts])),
    '',
    `Verification: ${report.verification.rowsCompared} rows compared in ${report.verification.chunks} chunks; the last pass found ${report.verification.differences} differences and skipped ${report.verification.skipped} chunks; it was ${report.verification.ageMsAtSwitch} ms old at the switch.`,
    '',
    `Application: ${report.requests.total} requests, ${report.requests.failed} failed, longest ${report.requests.maxMs} ms; ${report.writes.acknowledged} writes acknowledged, ${report.writes.lost} lost, ${report.writes.duplicated} duplicated.`,
    '',
  ].join('\n')
}
