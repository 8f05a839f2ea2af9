/** One line of text per event, for logs and terminals. Undefined for events that a line would only repeat. */
import type { MigrationEvent } from '../journal/events.js'
import { findingText } from '../plan/live-check.js'
import { count, duration } from './numbers.js'
import { plain, printable, type Paint } from './paint.js'

export function lineOf(event: MigrationEvent, paint: Paint = plain): string | undefined {
  const because = (reason: string | undefined): string => (reason ? `: ${printable(reason)}` : '')
  switch (event.type) {
    case 'phase-started':
      return paint('strong', `== ${event.phase}`)
    case 'phase-done': {
      const result = paint(event.result === 'done' ? 'good' : 'bad', event.result)
      return `   ${event.phase} ${result} after ${duration(event.durationMs)}${because(event.reason)}`
    }
    case 'finding': {
      const weight = event.severity === 'blocking' ? paint('bad', 'BLOCKING') : paint('warn', 'warning')
      return `   ${weight} ${event.side} ${event.code}: ${printable(findingText(event))}`
    }
    case 'backup': {
      const proof = event.isProven ? paint('good', 'restored and compared') : paint('bad', 'NOT proven')
      const tool = printable(`${event.tool}${event.note ? ` (${event.note})` : ''}`)
      return `   backup by ${tool}: ${count(event.bytes)} bytes, ${proof}; marker ${event.marker}; ${count(event.archivedRows)} rows archived`
    }
    case 'copied': {
      const state = event.isDone ? ', done' : ` (${count(event.rowsPerSecond)}/s)`
      return `   ${event.projection}: ${count(event.rows)} of about ${count(event.estimatedRows)} rows${state}`
    }
    case 'lag':
      return `   ${event.side} has ${count(event.changes)} changes queued, the oldest ${duration(event.ageMs)} old; ${count(event.applied)} applied`
    case 'throttled':
      return `   ${paint('warn', 'the copy waits')}${because(event.reason)}`
    case 'verified':
      if (event.differences === 0 && event.skipped === 0) return undefined
      return `   ${event.projection}: ${paint('bad', `${count(event.differences)} differences`)}, ${event.skipped} chunks not compared`
    case 'difference': {
      const columns = event.columns.length > 0 ? ` in ${event.columns.join(', ')}` : ''
      const key = printable(event.key.map((part) => part ?? 'NULL').join(', '))
      return `   ${paint('bad', 'DIFFERENT')} ${event.projection} key (${key}): ${event.kind}${columns}`
    }
    case 'pass-done': {
      const isClean = event.differences === 0 && event.skipped === 0
      const found = `${count(event.differences)} differences, ${event.skipped} not compared`
      return `   verified ${event.direction}: ${count(event.rows)} rows in ${event.chunks} chunks, ${paint(isClean ? 'good' : 'bad', found)}, ${duration(event.durationMs)}`
    }
    case 'invariant':
      return event.isEqual
        ? undefined
        : `   ${paint('bad', 'INVARIANT')} ${event.name}: ${printable(event.detail ?? 'differs')}`
    case 'probe': {
      const answers = event.isEqual === false ? `, ${paint('bad', 'ANSWERS DIFFER')}` : ''
      const isSlow = event.greenMs > event.limitMs
      const after = paint(isSlow ? 'warn' : 'good', `${event.greenMs} ms after`)
      return `   probe ${event.name}: ${event.blueMs} ms before, ${after} (limit ${event.limitMs} ms)${answers}`
    }
    case 'switch-step':
      return `   ${event.step} took ${duration(event.durationMs)}`
    case 'switch-missed': {
      const who = event.blockers.length > 0 ? ` (${printable(event.blockers.join('; '))})` : ''
      return `   ${paint('warn', `attempt ${event.attempt} backed out`)} at "${event.step}" after ${duration(event.heldMs)}${because(event.reason)}${who}; ${event.from} is open`
    }
    case 'switched': {
      const parts = Object.entries(event.steps).filter(([step]) => step !== 'arm' && step !== 'preconditions')
      const split = parts.map(([step, took]) => `${step} ${took}`).join(', ')
      return `   ${paint('good', `SWITCHED ${event.from} -> ${event.to}`)}, epoch ${event.epoch}, hold ${duration(event.holdMs)} (${split}), attempt ${event.attempts}`
    }
    case 'waiting':
      return `   ${paint('warn', `waiting for ${event.for}`)}: ${printable(event.why)}. Next: ${event.next}`
    case 'command':
      return `   ${event.command}: ${event.accepted ? '' : paint('bad', 'refused: ')}${printable(event.answer)}`
    case 'archived':
      return `   archived ${event.table}: ${count(event.rows)} rows`
    case 'hook':
      return `   hook ${event.command} ended with ${event.exitCode ?? 'a signal or a time-out'} after ${duration(event.durationMs)}`
    case 'note':
      return `   ${printable(event.message)}`
    case 'outcome':
      return `${paint('strong', `== ${event.outcome}`)}${because(event.reason)}`
  }
}
