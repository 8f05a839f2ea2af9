/** The demo's plan with an invariant that holds until the application writes on green: the rollback that follows is real. */
import { definePlan } from 'crossfade'
import plan from './plan.js'
import { bands } from '../../plans/appointments/lenses.js'

const bornInGreen = `SELECT CASE WHEN COUNT(*) > 0 THEN 1 ELSE 0 END FROM calls WHERE id >= ${bands.birthLine}`
const nothing = 'SELECT 0'

export default definePlan({
  ...plan.input,
  invariants: [
    ...(plan.input.invariants ?? []),
    {
      name: 'no call is born in green (fails on purpose)',
      blue: { postgres: nothing, mysql: nothing },
      green: { postgres: bornInGreen, mysql: bornInGreen },
    },
  ],
})
