/** Events of a journal as the report needs them. Others may have written there: what the report sums up is looked at before. */
import { z } from 'zod'
import { CrossfadeError } from '../engines/errors.js'
import { PHASES, type MigrationEvent, type StoredEvent } from '../journal/events.js'

const number = z.number()
const side = z.enum(['blue', 'green'])

/** The events that a report is made of; it reads no others. */
const SHAPES = {
  'phase-done': z.looseObject({
    phase: z.enum(PHASES),
    result: z.enum(['done', 'failed', 'aborted']),
    durationMs: number,
  }),
  'pass-done': z.looseObject({
    direction: z.enum(['forward', 'reverse']),
    chunks: number,
    rows: number,
    differences: number,
    skipped: number,
  }),
  backup: z.looseObject({ archivedRows: number }),
  switched: z.looseObject({
    from: side,
    to: side,
    epoch: number,
    holdMs: number,
    attempts: number,
    maxWaitMs: number,
  }),
  outcome: z.looseObject({ outcome: z.string() }),
} satisfies Partial<Record<MigrationEvent['type'], z.ZodType>>

const EVENT = z.looseObject({ type: z.string() })

/** @throws {CrossfadeError} JOURNAL_INVALID naming the first event that is none. */
export function readEvents(events: readonly StoredEvent[]): readonly StoredEvent[] {
  for (const { seq, at, event } of events) {
    const { data, error } = EVENT.safeParse(event)
    if (error || Number.isNaN(Date.parse(at))) throw damaged(seq, 'is no event')
    const shape = Object.hasOwn(SHAPES, data.type) ? SHAPES[data.type as keyof typeof SHAPES] : undefined
    const [issue] = shape?.safeParse(event).error?.issues ?? []
    if (issue) throw damaged(seq, `(${data.type}) has no readable ${issue.path.join('.')}`)
  }
  return events
}

function damaged(seq: number, why: string): CrossfadeError {
  return new CrossfadeError('JOURNAL_INVALID', `the journal is damaged: its event ${seq} ${why}`)
}
