/** The appointments plan with a soak of 10 s instead of a minute. */
import { definePlan } from 'crossfade'
import appointments from '../../plans/appointments/plan.js'

export default definePlan({ ...appointments.input, limits: { ...appointments.input.limits, soakMs: 10_000 } })
