import type { SchemaSpec } from 'crossfade'
import { companies } from './blue/companies.js'
import { branches } from './blue/branches.js'
import { people } from './blue/people.js'
import { eventTypes } from './blue/event-types.js'
import { bookings } from './blue/bookings.js'
import { calls } from './blue/calls.js'
import { webhooks } from './blue/webhooks.js'
import { logs } from './blue/logs.js'
import { billing } from './blue/billing.js'
import { retired } from './blue/retired.js'

/**
 * The old schema as it runs today: 85 tables, 1,188 columns, with its duplicated indexes, its cycles of foreign keys and its one
 * table without a primary key. Index names that the old system used on several tables carry the table in front, because
 * PostgreSQL wants them unique within a schema.
 */
export const blue = {
  ...companies,
  ...branches,
  ...people,
  ...eventTypes,
  ...bookings,
  ...calls,
  ...webhooks,
  ...logs,
  ...billing,
  ...retired,
} as const satisfies SchemaSpec
