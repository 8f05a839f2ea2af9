/** Where a migration stands, from what the journal knows: a pure function, shown as text or JSON. */
import type { Side } from '../engines/engine.js'
import type { MigrationEvent, StoredEvent } from '../journal/events.js'
import type { MigrationState, Progress } from '../journal/journal.js'
import { count, duration } from './numbers.js'
import { plain, printable, type Paint } from './paint.js'

export interface Lag {
  readonly side: Side
  readonly changes: number
  readonly ageMs: number
}

export interface StatusFacts {
  readonly state: MigrationState
  readonly holder: { readonly holder: string; readonly expiresInMs: number } | undefined
  readonly copies: readonly Progress[]
  readonly events: readonly StoredEvent[]
  /** Projections to be copied. */
  readonly projections: number
  readonly lag: Lag | undefined
  readonly hasPlanChanged: boolean
  readonly nowMs: number
}

/** The events that the status is read from; the others are many. */
export const STATUS_EVENTS = [
  'phase-started',
  'copied',
  'pass-done',
  'waiting',
  'switched',
  'switch-missed',
  'command',
  'outcome',
] as const satisfies readonly MigrationEvent['type'][]

type Waiting = Omit<Extract<MigrationEvent, { type: 'waiting' }>, 'type'>

export interface Status extends MigrationState {
  readonly hasPlanChanged: boolean
  readonly holder: { readonly holder: string; readonly expiresInMs: number } | null
  readonly copied: { readonly done: number; readonly of: number }
  readonly tables: readonly { projection: string; rows: number; estimatedRows: number; isDone: boolean }[]
  readonly lag: Lag | null
  readonly lastVerification:
    | (Omit<Extract<MigrationEvent, { type: 'pass-done' }>, 'type'> & { readonly at: string; readonly ageMs: number })
    | null
  readonly switches: readonly { at: string; from: Side; to: Side; epoch: number; holdMs: number; attempts: number }[]
  /** The last attempt that backed out since the last switch. */
  readonly lastMiss: {
    readonly at: string
    readonly step: string
    readonly reason: string
    readonly blockers: readonly string[]
  } | null
  readonly waiting: Waiting | null
  readonly lastOutcome: { readonly at: string; readonly outcome: string; readonly reason: string } | null
  readonly nextCommands: readonly string[]
}

export function buildStatus(facts: StatusFacts): Status {
  const { state, events, nowMs } = facts
  const of = <T extends MigrationEvent['type']>(
    type: T,
  ): (StoredEvent & { event: Extract<MigrationEvent, { type: T }> })[] =>
    events.filter(
      (stored): stored is StoredEvent & { event: Extract<MigrationEvent, { type: T }> } => stored.event.type === type,
    )
  const tables = facts.copies.map(({ name, value }) => {
    const { rows = 0, estimatedRows = 0, isDone = false } = (value ?? {}) as Partial<Status['tables'][number]>
    return { projection: name.slice(name.indexOf(':') + 1), rows, estimatedRows, isDone }
  })
  const pass = of('pass-done').at(-1)
  const switched = of('switched')
  const missed = of('switch-missed').at(-1)
  const outcome = of('outcome').at(-1)
  return {
    ...state,
    hasPlanChanged: facts.hasPlanChanged,
    holder: facts.holder ?? null,
    copied: { done: tables.filter((table) => table.isDone).length, of: facts.projections },
    tables,
    lag: facts.lag ?? null,
    lastVerification: pass
      ? { at: pass.at, ageMs: Math.max(0, nowMs - Date.parse(pass.at)), ...without(pass.event, 'type') }
      : null,
    switches: switched.map(({ at, event: { from, to, epoch, holdMs, attempts } }) => ({
      at,
      from,
      to,
      epoch,
      holdMs,
      attempts,
    })),
    lastMiss:
      missed && missed.seq > (switched.at(-1)?.seq ?? 0)
        ? { at: missed.at, step: missed.event.step, reason: missed.event.reason, blockers: missed.event.blockers }
        : null,
    waiting: state.phase === 'ended' ? null : waitingIn(events),
    lastOutcome: outcome ? { at: outcome.at, outcome: outcome.event.outcome, reason: outcome.event.reason } : null,
    nextCommands: nextCommands(state),
  }
}

/** The last wait, unless something has happened since that ended it. */
function waitingIn(events: readonly StoredEvent[]): Waiting | null {
  const index = events.findLastIndex(({ event }) => event.type === 'waiting')
  const event = events[index]?.event
  if (event?.type !== 'waiting') return null
  // A wait for sessions or for a lag ends by itself: whatever follows means that it is over.
  const isBrief = event.for === 'sessions' || event.for === 'lag' || event.for === 'verification'
  const isOver = events.slice(index + 1).some(({ event: later }) => {
    if (isBrief) return true
    if (later.type === 'command') return later.accepted && later.command !== 'verify'
    return later.type === 'phase-started' || later.type === 'switched'
  })
  return isOver ? null : without(event, 'type')
}

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _left, ...rest } = value
  return rest
}

/** The commands that would be accepted now. */
export function nextCommands(
  state: Pick<MigrationState, 'phase' | 'outcome' | 'authority' | 'isPaused' | 'isSwitchApproved'>,
): string[] {
  if (state.phase === 'ended') return state.outcome === 'rolled-back' ? ['report', 'complete', 'run'] : ['report']
  if (state.phase === 'rollback') return ['run']
  if (state.authority === 'green') {
    const isValidated = state.phase === 'complete'
    return ['run', 'verify', ...(isValidated ? ['complete'] : []), 'rollback', 'report']
  }
  const isReady = state.phase === 'dual-write-sync' && !state.isSwitchApproved
  return ['run', ...(isReady ? ['verify', 'cutover'] : []), state.isPaused ? 'resume' : 'pause', 'rollback', 'abort']
}

export function statusLines(status: Status, paint: Paint = plain): string[] {
  const { lastVerification: pass, holder, lag, waiting, lastMiss } = status
  const phase = status.phase === 'ended' ? `ended (${status.outcome})` : status.phase
  return [
    `${paint('strong', status.plan)}: ${paint('strong', phase)}${status.isPaused ? paint('warn', ', paused') : ''}`,
    `   ${status.authority} has the authority, epoch ${status.epoch}`,
    holder
      ? `   run by ${holder.holder} (lease for ${duration(holder.expiresInMs)})`
      : `   ${status.phase === 'ended' ? 'nothing runs' : paint('warn', 'no orchestrator is running: `crossfade run` goes on')}`,
    ...(status.hasPlanChanged && status.phase !== 'ended'
      ? [`   ${paint('bad', 'the plan has changed since this migration began')}`]
      : []),
    ...status.tables
      .filter((table) => !table.isDone)
      .map((table) => `   ${table.projection}: ${count(table.rows)} of about ${count(table.estimatedRows)} rows`),
    `   ${status.copied.done} of ${status.copied.of} projections copied`,
    ...(lag ? [`   ${lag.side} has ${count(lag.changes)} changes queued, the oldest ${duration(lag.ageMs)} old`] : []),
    pass
      ? `   verified ${pass.direction} ${duration(pass.ageMs)} ago: ${count(pass.rows)} rows, ${paint(
          pass.differences + pass.skipped > 0 ? 'bad' : 'good',
          `${count(pass.differences)} differences, ${pass.skipped} chunks not compared`,
        )}`
      : '   not verified yet',
    ...status.switches.map(
      (change) =>
        `   switched ${change.from} to ${change.to} at ${change.at}, epoch ${change.epoch}, hold ${duration(change.holdMs)}, attempt ${change.attempts}`,
    ),
    ...(lastMiss
      ? [
          `   ${paint('warn', `the switch backed out at "${lastMiss.step}"`)}: ${printable([lastMiss.reason, ...lastMiss.blockers].join('; '))}`,
        ]
      : []),
    ...(waiting
      ? [`   ${paint('warn', `waits for ${waiting.for}`)}: ${printable(waiting.why)}; next: ${waiting.next}`]
      : []),
    ...(status.rollbackReason ? [`   rollback: ${printable(status.rollbackReason)}`] : []),
    ...(status.lastOutcome && !holder
      ? [`   the last run ended: ${printable(`${status.lastOutcome.outcome}: ${status.lastOutcome.reason}`)}`]
      : []),
    `   possible now: ${status.nextCommands.join(', ')}`,
  ]
}
