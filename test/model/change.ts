/** How steps of the model are made. */
import type { Step } from './explorer.ts'
import { copyState, type State } from './state.ts'

export type Change = (to: State) => void

/** The change works on a copy. */
export function change(from: State, name: string, apply: Change, isOptional = false): Step<State> {
  const to = copyState(from)
  apply(to)
  return { name, to, isOptional }
}
