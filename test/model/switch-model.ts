/** The model of the switch, put together: what may happen, what must hold, and where it may rest. See docs/switch-model.md. */
import { change } from './change.ts'
import { clientSteps, takesWrites } from './clients.ts'
import type { Model, Step } from './explorer.ts'
import type { Mistake } from './mistakes.ts'
import type { Rules } from './rules.ts'
import { runSteps } from './run.ts'
import { CLIENTS, encodeState, GREEN, initialState, otherSide, POOL, switchAuthority, type State } from './state.ts'

export interface SwitchModelOptions {
  readonly mistake?: Mistake
  /** How many transactions each client commits: the pool's, the plain one's. */
  readonly writes: readonly [number, number]
  /** See {@link Rules.hasTwoRuns}. */
  readonly hasTwoRuns: boolean
}

export function createSwitchModel({ mistake, writes, hasTwoRuns }: SwitchModelOptions): Model<State> {
  const has = (one: Mistake): boolean => one === mistake
  const rules: Rules = { has, hasBoard: writes[POOL] > 0, hasTwoRuns }
  const initial = initialState()
  if (has('the reverse capture comes after the switch')) initial.sides[GREEN].hasCapture = false
  return {
    initial,
    encode: encodeState,
    *next(state): Generator<Step<State>> {
      yield* clientSteps(state, writes)
      yield* runSteps(state, rules)
      yield* serverSteps(state)
    },
    invariants: {
      'at most one side takes writes': ({ sides }) => !(takesWrites(sides[0]) && takesWrites(sides[1])),
      'no write is acknowledged by a side without the authority': ({ hasStrayWrite }) => !hasStrayWrite,
      'no acknowledged write is lost': ({ journal, sides, clients }) =>
        CLIENTS.every((id) => sides[journal.authority].values[id] >= clients[id].acknowledged),
      'what differs is on its way': (state) => !isWayOpen(state) || CLIENTS.every((id) => isFollowed(state, id)),
    },
    isSettled: (state) => isSettled(state, writes),
  }
}

function* serverSteps(state: State): Generator<Step<State>> {
  if (state.board.isHeld)
    yield change(state, 'the lease of the hold runs out', (to) => {
      to.board.isHeld = false
    })
  if (!state.journal.pending) return
  yield change(state, 'the pending commit takes effect', (to) => {
    switchAuthority(to)
    to.journal.pending = false
  })
  yield change(state, 'the pending commit is undone', (to) => {
    to.journal.pending = false
  })
}

/** Until the way back is ended, or has been gone, the other side follows the one with the authority. */
const isWayOpen = ({ journal: { phase, authority } }: State): boolean =>
  authority === GREEN ? phase !== 'ended' : phase === 'cutover'

function isFollowed({ journal, sides }: State, id: 0 | 1): boolean {
  const own = sides[journal.authority]
  return own.values[id] === sides[otherSide(journal.authority)].values[id] || own.queue[id] > 0
}

/** The migration waits for an operator or has ended, both sides agree with the journal, and every client got its writes through. */
function isSettled(state: State, writes: readonly [number, number]): boolean {
  const { journal, sides, board, clients } = state
  return (
    (journal.phase === 'validate' || journal.phase === 'ended') &&
    takesWrites(sides[journal.authority]) &&
    !takesWrites(sides[otherSide(journal.authority)]) &&
    (writes[POOL] === 0 || (board.side === journal.authority && !board.isHeld)) &&
    CLIENTS.every((id) => clients[id].sent === writes[id] && (!isWayOpen(state) || isEqual(state, id)))
  )
}

const isEqual = ({ sides }: State, id: 0 | 1): boolean => sides[0].values[id] === sides[1].values[id]
