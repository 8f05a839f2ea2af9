/** A report is made of whatever a journal holds: it is readable in each form, or refused with JOURNAL_INVALID and nothing else. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CrossfadeError } from '../../src/engines/errors.js'
import { PHASES, type StoredEvent } from '../../src/journal/events.js'
import { toEvent } from '../../src/journal/rows.js'
import { toHtml } from '../../src/report/html.js'
import { toJunit } from '../../src/report/junit.js'
import { toMarkdown } from '../../src/report/markdown.js'
import { readEvents } from '../../src/report/read-events.js'
import { buildReport, type Report } from '../../src/report/report.js'
import shop from '../fixtures/plans/shop.js'
import { SEED } from '../data/seed.js'

const OPTIONS = { numRuns: 400, seed: SEED }

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('<script>alert(1)</script>', '"]]>', '&', "'", '|', '\u0000', '__proto__', ''),
)
const amount = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e15, noNaN: true }))
const side = fc.constantFrom('blue', 'green')

/** Events as a run writes them. */
const sound = fc.oneof(
  fc.record({
    type: fc.constant('phase-done'),
    phase: fc.constantFrom(...PHASES),
    result: fc.constantFrom('done', 'failed', 'aborted'),
    durationMs: amount,
    reason: hostile,
  }),
  fc.record({
    type: fc.constant('pass-done'),
    direction: fc.constantFrom('forward', 'reverse'),
    chunks: amount,
    rows: amount,
    differences: fc.nat(),
    skipped: fc.nat(),
    durationMs: amount,
  }),
  fc.record({ type: fc.constant('backup'), tool: hostile, note: hostile, archivedRows: amount }),
  fc.record({
    type: fc.constant('switched'),
    from: side,
    to: side,
    epoch: fc.nat(),
    holdMs: amount,
    attempts: fc.nat(),
    maxWaitMs: amount,
    steps: fc.dictionary(hostile, amount),
  }),
  fc.record({
    type: fc.constant('outcome'),
    outcome: fc.oneof(fc.constantFrom('completed', 'failed'), hostile),
    reason: hostile,
  }),
  fc.record({ type: fc.constant('note'), message: hostile }),
  // Of a version that does not exist yet.
  fc.record({ type: hostile, detail: fc.jsonValue() }),
)

/** Anything, also what has the type of a real event and nothing else of it. */
const broken = fc.oneof(
  fc.jsonValue(),
  fc.record({
    type: fc.constantFrom('phase-done', 'pass-done', 'backup', 'switched', 'outcome', 'constructor', '__proto__'),
    phase: fc.jsonValue(),
    outcome: fc.jsonValue(),
    chunks: fc.jsonValue(),
    from: fc.jsonValue(),
  }),
)

const rowsOf = (events: readonly unknown[]): StoredEvent[] =>
  events.map((event, index) =>
    toEvent({
      seq: String(index + 1),
      at_ms: String(1.7e12 + index),
      actor: 'a',
      epoch: '1',
      event: JSON.stringify(event),
    }),
  )

const reportOf = (events: readonly StoredEvent[]): Report =>
  buildReport({ name: shop.input.name, blue: shop.input.blue, green: shop.input.green }, readEvents(events), {
    engine: 'postgres',
    blueRows: 1,
    greenRows: 2,
  })

/** Every number is one, and nothing of a text that somebody wrote has become markup. */
function expectReadable(report: Report): void {
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  expect(['completed', 'rolled-back', 'failed', 'running']).toContain(report.outcome)
  for (const text of [toHtml(report), toMarkdown(report)]) expect(text).not.toMatch(/NaN|undefined|\[object|<script/)
  const xml = toJunit(report)
  expect(xml).not.toMatch(/NaN|undefined|\[object/)
  const opened = [...xml.matchAll(/<(\w+)(?: [\w]+="[^"<]*")*(\/?)>|<\/(\w+)>/g)]
  const depth = opened.reduce((sum, [, , isClosed, end]) => sum + (end ? -1 : isClosed ? 0 : 1), 0)
  expect(depth).toBe(0)
  // Nothing is left that is no tag and no declaration.
  expect(xml.replace(/<(\w+)(?: [\w]+="[^"<]*")*(\/?)>|<\/(\w+)>/g, '').trim()).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>',
  )
}

describe('a report', () => {
  test('of events as a run writes them is readable in each form', () => {
    fc.assert(
      fc.property(fc.array(sound, { maxLength: 12 }), (events) => expectReadable(reportOf(rowsOf(events)))),
      OPTIONS,
    )
  })

  test('of a damaged journal is readable, or refused with JOURNAL_INVALID', () => {
    let [read, refused] = [0, 0]
    fc.assert(
      fc.property(fc.array(fc.oneof(sound, broken), { maxLength: 6 }), (events) => {
        try {
          expectReadable(reportOf(rowsOf(events)))
          read += 1
        } catch (error) {
          if (!(error instanceof CrossfadeError)) throw error
          expect(error.code).toBe('JOURNAL_INVALID')
          expect(error.message).toMatch(/^the journal is damaged: its event \d+ /)
          refused += 1
        }
      }),
      OPTIONS,
    )
    expect(Math.min(read, refused)).toBeGreaterThan(20)
  })

  test('of events that are no JSON is refused with the number of the event', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const row = { seq: '17', at_ms: '0', actor: 'a', epoch: '1', event: `${text}}` }
        expect(() => toEvent(row)).toThrow('the journal is damaged: its event 17 is no JSON')
      }),
      OPTIONS,
    )
  })
})
