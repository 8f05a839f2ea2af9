/** The report of a migration, as documented in docs/commands.md: a pure function of its events. */
import type { EngineName, Side } from '../engines/engine.js'
import type { MigrationEvent, StoredEvent } from '../journal/events.js'
import type { Plan } from '../plan/plan.js'

export interface Report {
  readonly version: 1
  readonly plan: string
  readonly engine: EngineName
  /** `running` while the migration has not ended, also between two runs. */
  readonly outcome: 'completed' | 'rolled-back' | 'failed' | 'running'
  readonly blue: { readonly tables: number; readonly rows: number }
  readonly green: { readonly tables: number; readonly rows: number }
  readonly archivedRows: number
  /** Known to whoever runs the application, e.g. the demo; zeros otherwise. */
  readonly writes: { readonly acknowledged: number; readonly lost: number; readonly duplicated: number }
  /** Likewise. */
  readonly requests: {
    readonly total: number
    readonly failed: number
    readonly p50Ms: number
    readonly p99Ms: number
    readonly maxMs: number
  }
  readonly switches: readonly {
    readonly from: Side
    readonly to: Side
    readonly epoch: number
    readonly holdMs: number
    readonly attempts: number
    /** Longest time that the gate of a client was closed, as clients tell it; the hold itself when there are none. */
    readonly maxWaitMs: number
  }[]
  readonly verification: {
    /** Sums over all passes. */
    readonly chunks: number
    readonly rowsCompared: number
    /** Of the last pass. */
    readonly differences: number
    readonly skipped: number
    /** Age of the last forward pass at the first switch; 0 without a switch. */
    readonly ageMsAtSwitch: number
  }
  /** One entry per phase and run, in order. */
  readonly phases: readonly { readonly name: string; readonly result: string; readonly durationMs: number }[]
}

/** What the events do not know. */
export interface ReportFacts {
  readonly engine: EngineName
  readonly blueRows: number
  readonly greenRows: number
}

export function buildReport(
  plan: Pick<Plan, 'name' | 'blue' | 'green'>,
  events: readonly StoredEvent[],
  facts: ReportFacts,
): Report {
  const of = <T extends MigrationEvent['type']>(type: T): Extract<MigrationEvent, { type: T }>[] =>
    events.flatMap(({ event }) => (event.type === type ? [event as Extract<MigrationEvent, { type: T }>] : []))
  const passes = of('pass-done')
  const last = passes.at(-1)
  return {
    version: 1,
    plan: plan.name,
    engine: facts.engine,
    outcome: outcomeOf(of('phase-done'), of('outcome')),
    blue: { tables: Object.keys(plan.blue).length, rows: facts.blueRows },
    green: { tables: Object.keys(plan.green).length, rows: facts.greenRows },
    archivedRows: of('backup').at(-1)?.archivedRows ?? 0,
    writes: { acknowledged: 0, lost: 0, duplicated: 0 },
    requests: { total: 0, failed: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 },
    switches: of('switched').map(({ from, to, epoch, holdMs, attempts, maxWaitMs }) => ({
      from,
      to,
      epoch,
      holdMs,
      attempts,
      maxWaitMs,
    })),
    verification: {
      chunks: passes.reduce((sum, pass) => sum + pass.chunks, 0),
      rowsCompared: passes.reduce((sum, pass) => sum + pass.rows, 0),
      differences: last?.differences ?? 0,
      skipped: last?.skipped ?? 0,
      ageMsAtSwitch: ageAtSwitch(events),
    },
    phases: of('phase-done').map(({ phase, result, durationMs }) => ({ name: phase, result, durationMs })),
  }
}

function outcomeOf(
  phases: readonly Extract<MigrationEvent, { type: 'phase-done' }>[],
  outcomes: readonly Extract<MigrationEvent, { type: 'outcome' }>[],
): Report['outcome'] {
  if (phases.some(({ phase, result }) => phase === 'rollback' && result === 'done')) return 'rolled-back'
  const last = outcomes.at(-1)?.outcome
  return last === 'completed' || last === 'failed' ? last : 'running'
}

function ageAtSwitch(events: readonly StoredEvent[]): number {
  const index = events.findIndex(({ event }) => event.type === 'switched')
  const pass = events
    .slice(0, Math.max(0, index))
    .findLast(({ event }) => event.type === 'pass-done' && event.direction === 'forward')
  return pass ? Math.max(0, Date.parse(events[index]!.at) - Date.parse(pass.at)) : 0
}
