/** Runs: how they begin, end, and are taken over. */
import { change, type Change } from './change.ts'
import type { Step } from './explorer.ts'
import { Program } from './program.ts'
import type { Rules } from './rules.ts'
import { syncSteps } from './sync.ts'
import { bury, DEAD, otherRun, RUN_IDS, RUN_NAMES, type RunId, type State } from './state.ts'

export function* runSteps(state: State, rules: Rules): Generator<Step<State>> {
  for (const id of RUN_IDS) {
    if (state.runs[id].at === 'dead') {
      const isPossible = rules.hasTwoRuns || state.runs[otherRun(id)].at === 'dead'
      if (isPossible && !state.journal.pending && state.journal.phase !== 'ended') yield begin(state, id)
      continue
    }
    yield change(state, `${RUN_NAMES[id]} dies`, (to) => bury(to, id), true)
    yield* new Program(state, id, rules).steps()
    yield* syncSteps(state, id, rules.has)
  }
}

function begin(state: State, id: RunId): Step<State> {
  const other = otherRun(id)
  // A holder that lives loses its lease when it was stopped, cut off or slow for too long.
  const isTakenOver = state.journal.holder === other && state.runs[other].at !== 'dead'
  const name = `${RUN_NAMES[id]} takes the lease${isTakenOver ? `, and ${RUN_NAMES[other]} does not know it` : ''}`
  const apply: Change = (to) => {
    to.journal.holder = id
    to.runs[id] = { ...DEAD, at: 'take blue' }
  }
  return change(state, name, apply, isTakenOver)
}
