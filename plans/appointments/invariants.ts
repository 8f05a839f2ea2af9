/** Questions asked of both sides by hand-written SQL: a second way to the truth, which knows nothing of the mapping. */
import type { Invariant } from 'crossfade'
import { bookingInvariants } from './invariants/bookings.js'
import { peopleInvariants } from './invariants/people.js'
import { recordInvariants } from './invariants/records.js'

export const invariants: readonly Invariant[] = [...bookingInvariants, ...peopleInvariants, ...recordInvariants]
