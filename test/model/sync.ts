/** Sync beside the program of a run: take a change and read its key, write it to the other side, acknowledge it. */
import { change } from './change.ts'
import type { Step } from './explorer.ts'
import type { Has } from './rules.ts'
import {
  bury,
  CLIENTS,
  NOBODY,
  otherSide,
  RUN_NAMES,
  SIDE_NAMES,
  type Hand,
  type RunId,
  type SideId,
  type State,
} from './state.ts'

export function* syncSteps(state: State, id: RunId, has: Has): Generator<Step<State>> {
  const { syncFrom, hand } = state.runs[id]
  if (syncFrom === NOBODY) return
  const origin = state.sides[syncFrom]
  const step = (what: string, apply: (to: State, hand: Hand) => void): Step<State> =>
    change(state, `sync of ${RUN_NAMES[id]} ${what}`, (to) => apply(to, to.runs[id].hand!))
  const lost = (side: SideId): Step<State> =>
    change(state, `sync of ${RUN_NAMES[id]} has lost ${SIDE_NAMES[side]}`, (to) => bury(to, id))
  if (hand === undefined) {
    const key = CLIENTS.find((one) => origin.queue[one] > 0)
    if (key === undefined) return
    if (origin.run !== id) return yield lost(syncFrom)
    return yield step(`takes a change of ${SIDE_NAMES[syncFrom]}`, (to) => {
      to.runs[id].hand = { key, upTo: origin.queue[key], value: origin.values[key], isWritten: false }
      if (has('changes are acknowledged before they are applied')) to.sides[syncFrom].queue[key] = 0
    })
  }
  const target = otherSide(syncFrom)
  if (!hand.isWritten) {
    // The lease of the side is asked in the transaction that writes.
    if (state.sides[target].run !== id && !has('sync does not know old runs')) return yield lost(target)
    return yield step(`writes to ${SIDE_NAMES[target]}`, (to, own) => {
      to.sides[target].values[own.key] = own.value
      own.isWritten = true
    })
  }
  if (origin.run !== id) return yield lost(syncFrom)
  yield step(`acknowledges its change`, (to, { key, upTo }) => {
    const { queue } = to.sides[syncFrom]
    // What was written since is another change.
    if (queue[key] <= upTo) queue[key] = 0
    to.runs[id].hand = undefined
  })
}
