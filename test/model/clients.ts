/** The application: a client of the pool, which follows the board, and one that knows two URLs and nothing else. */
import type { Step } from './explorer.ts'
import { change, type Change } from './change.ts'
import {
  CLIENT_NAMES,
  CLIENTS,
  otherSide,
  POOL,
  SIDE_NAMES,
  type ClientId,
  type SideState,
  type State,
} from './state.ts'

/** Without gate triggers everybody may write. */
export const takesWrites = (side: SideState): boolean => !side.isArmed || side.isWritable

export function* clientSteps(state: State, writes: readonly [number, number]): Generator<Step<State>> {
  for (const id of CLIENTS) {
    const client = state.clients[id]
    const name = CLIENT_NAMES[id]
    const where = SIDE_NAMES[client.side]
    const step = (what: string, apply: Change, isOptional = false): Step<State> =>
      change(state, `${name} ${what}`, apply, isOptional)
    if (client.isWriting) {
      yield step(`commits on ${where}`, (to) => commit(to, id, true))
      yield step(`commits on ${where} and gets no answer`, (to) => commit(to, id, false), true)
      yield step(`rolls back on ${where}`, (to) => {
        to.clients[id].isWriting = false
      })
      continue
    }
    if (id === POOL && (client.side !== state.board.side || client.isHeld !== state.board.isHeld))
      yield step('hears the board', (to) => hear(to, id))
    if (client.isHeld || client.sent === writes[id]) continue
    if (takesWrites(state.sides[client.side]))
      yield step(`writes on ${where}`, (to) => {
        to.clients[id].isWriting = true
      })
    // A pool that is refused reads the board, which is a step of its own above.
    else if (id !== POOL)
      yield step(`is refused on ${where}`, (to) => {
        to.clients[id].side = otherSide(client.side)
      })
  }
}

function commit(to: State, id: ClientId, isAnswered: boolean): void {
  const client = to.clients[id]
  const side = to.sides[client.side]
  client.isWriting = false
  client.sent += 1
  side.values[id] = client.sent
  if (side.hasCapture) side.queue[id] = client.sent
  if (!isAnswered) return
  client.acknowledged = client.sent
  if (client.side !== to.journal.authority) to.hasStrayWrite = true
}

/** Only while no transaction is open: whoever has one goes on, and hears of it behind that. */
function hear(to: State, id: ClientId): void {
  to.clients[id].side = to.board.side
  to.clients[id].isHeld = to.board.isHeld
}
