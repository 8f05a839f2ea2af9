/** The appointments system: 85 tables become 18. */
import { definePlan } from 'crossfade'
import { blue } from './blue.js'
import { green } from './green.js'
import { invariants } from './invariants.js'
import { bands } from './lenses.js'
import { probes } from './probes.js'
import { activity } from './tables/activity.js'
import { billing } from './tables/billing.js'
import { bookings } from './tables/bookings.js'
import { branches } from './tables/branches.js'
import { calls } from './tables/calls.js'
import { companies } from './tables/companies.js'
import { eventTypes } from './tables/event-types.js'
import { people } from './tables/people.js'
import { retired } from './tables/retired.js'
import { webhooks } from './tables/webhooks.js'

export default definePlan({
  name: 'appointments',
  blue,
  green,
  bands,
  tables: (t) => ({
    ...companies(t),
    ...branches(t),
    ...people(t),
    ...eventTypes(t),
    ...bookings(t),
    ...calls(t),
    ...webhooks(t),
    ...activity(t),
    ...billing(t),
    ...retired(t),
  }),
  invariants,
  probes,
})
