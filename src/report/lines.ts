/** One line of plain text per event, for logs and terminals. Undefined for events that a line would only repeat. */
import type { MigrationEvent } from '../journal/events.js'

const ms = (value: number): string => (value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`)
const count = (value: number): string => value.toLocaleString('en-US')

export function lineOf(event: MigrationEvent): string | undefined {
  switch (event.type) {
    case 'phase-started':
      return `== ${event.phase}`
    case 'phase-done':
      return `   ${event.phase} ${event.result} after ${ms(event.durationMs)}${event.reason ? `: ${event.reason}` : ''}`
    case 'finding':
      return `   ${event.severity === 'blocking' ? 'BLOCKING' : 'warning'} ${event.side} ${event.code}: ${event.message} ${event.hint}`
    case 'backup':
      return `   backup by ${event.tool}${event.note ? ` (${event.note})` : ''}: ${count(event.bytes)} bytes, ${event.isProven ? 'restored and compared' : 'NOT proven'}; marker ${event.marker}; ${count(event.archivedRows)} rows archived`
    case 'copied':
      return `   ${event.projection}: ${count(event.rows)} of about ${count(event.estimatedRows)} rows${event.isDone ? ', done' : ` (${count(event.rowsPerSecond)}/s)`}`
    case 'lag':
      return `   ${event.side} has ${count(event.changes)} changes queued, the oldest ${ms(event.ageMs)} old; ${count(event.applied)} applied`
    case 'throttled':
      return `   the copy waits: ${event.reason}`
    case 'verified':
      return event.differences > 0 || event.skipped > 0 ? `   ${event.projection}: ${count(event.differences)} differences, ${event.skipped} chunks not compared` : undefined
    case 'difference':
      return `   DIFFERENT ${event.projection} key (${event.key.join(', ')}): ${event.kind}${event.columns.length > 0 ? ` in ${event.columns.join(', ')}` : ''}`
    case 'pass-done':
      return `   verified ${event.direction}: ${count(event.rows)} rows in ${event.chunks} chunks, ${count(event.differences)} differences, ${event.skipped} not compared, ${ms(event.durationMs)}`
    case 'invariant':
      return event.isEqual ? undefined : `   INVARIANT ${event.name}: ${event.detail ?? 'differs'}`
    case 'probe':
      return `   probe ${event.name}: ${event.blueMs} ms before, ${event.greenMs} ms after (limit ${event.limitMs} ms)${event.isEqual === false ? ', ANSWERS DIFFER' : ''}`
    case 'switch-step':
      return `   ${event.step} took ${ms(event.durationMs)}`
    case 'switch-missed':
      return `   attempt ${event.attempt} backed out at "${event.step}" after ${ms(event.heldMs)}: ${event.reason}${event.blockers.length > 0 ? ` (${event.blockers.join('; ')})` : ''}; ${event.from} is open`
    case 'switched':
      return `   SWITCHED ${event.from} -> ${event.to}, epoch ${event.epoch}, hold ${ms(event.holdMs)} (${Object.entries(event.steps)
        .filter(([step]) => step !== 'arm' && step !== 'preconditions')
        .map(([step, took]) => `${step} ${took}`)
        .join(', ')}), attempt ${event.attempts}`
    case 'waiting':
      return `   waiting for ${event.for}: ${event.why}. Next: ${event.next}`
    case 'command':
      return `   ${event.command}: ${event.accepted ? '' : 'refused: '}${event.answer}`
    case 'archived':
      return `   archived ${event.table}: ${count(event.rows)} rows`
    case 'hook':
      return `   hook ${event.command} ended with ${event.exitCode ?? 'a signal'} after ${ms(event.durationMs)}`
    case 'note':
      return `   ${event.message}`
    case 'outcome':
      return `== ${event.outcome}${event.reason ? `: ${event.reason}` : ''}`
  }
}
