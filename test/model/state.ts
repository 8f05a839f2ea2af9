/** What the model of the switch remembers: the journal, two sides, the board, two clients and two runs. */

/** Blue is 0 and green is 1, so that the other side is `1 - side`. */
export type SideId = 0 | 1
export const BLUE = 0
export const GREEN = 1
export const SIDE_NAMES = ['blue', 'green'] as const
export const SIDES = [BLUE, GREEN] as const

/** The first run and one that may take over from it, again and again in turns. */
export type RunId = 0 | 1
export const RUN_IDS = [0, 1] as const
export const RUN_NAMES = ['run A', 'run B'] as const
export const NOBODY = -1

/** Clients write a key of their own each, so that a lost write shows in its value. */
export type ClientId = 0 | 1
export const POOL = 0
export const CLIENTS = [0, 1] as const
export const CLIENT_NAMES = ['the pool', 'the plain client'] as const

/** `cutover`: copied and in sync, blue serves. `validate`, and `complete` before its end: green serves, the way back is open. */
export const PHASES = ['cutover', 'validate', 'rollback', 'ended'] as const
export type Phase = (typeof PHASES)[number]

/** Where a run is in its program; see run.ts. */
export const PLACES = [
  'dead',
  'take blue',
  'take green',
  'look',
  'shut',
  'reopen',
  'tell',
  'work',
  'arm',
  'hold',
  'fence',
  'drain',
  'commit',
  'open',
  'release',
  'back out',
  'back release',
  'advance',
  'late capture',
  'remove blue',
  'remove green',
] as const
export type Place = (typeof PLACES)[number]

export interface Journal {
  authority: SideId
  epoch: number
  phase: Phase
  /** The run that has the lease, or that nobody has taken it from yet. */
  holder: RunId | typeof NOBODY
  /** A commit of the switch whose answer is lost: it may still take effect. It has the lock of the lease's row. */
  pending: boolean
}

export interface SideState {
  isArmed: boolean
  isWritable: boolean
  epoch: number
  hasCapture: boolean
  /** The run whose sessions may work here. */
  run: RunId | typeof NOBODY
  /** The last value of each client's key. */
  values: [number, number]
  /** The value at the newest change of each key that was not acknowledged; 0 when there is none. */
  queue: [number, number]
}

export interface Board {
  side: SideId
  epoch: number
  isHeld: boolean
}

export interface Client {
  /** Where its next transaction goes, or the open one is. */
  side: SideId
  isHeld: boolean
  /** A transaction is open that has written; with gates it has the shared lock. */
  isWriting: boolean
  /** Values whose commit was sent, and the last one that was acknowledged. */
  sent: number
  acknowledged: number
}

/** A change that sync has taken: read from the origin, maybe written to the destination, not yet acknowledged. */
export interface Hand {
  key: ClientId
  upTo: number
  value: number
  isWritten: boolean
}

export interface Run {
  at: Place
  /** As the run has read them last. */
  authority: SideId
  epoch: number
  /** The origin of the sync that goes on beside. */
  syncFrom: SideId | typeof NOBODY
  hand: Hand | undefined
}

export interface State {
  journal: Journal
  sides: [SideState, SideState]
  board: Board
  clients: [Client, Client]
  runs: [Run, Run]
  /** A client got an acknowledgement from a side that did not have the authority. */
  hasStrayWrite: boolean
}

export const otherSide = (side: SideId): SideId => (side === BLUE ? GREEN : BLUE)
export const otherRun = (run: RunId): RunId => (run === 0 ? 1 : 0)

export const DEAD: Run = { at: 'dead', authority: BLUE, epoch: 0, syncFrom: NOBODY, hand: undefined }

/** Blue serves, green is closed and equal, capture is on both, nobody runs. */
export function initialState(): State {
  const side = (isBlue: boolean): SideState => ({
    isArmed: !isBlue,
    isWritable: isBlue,
    epoch: 1,
    hasCapture: true,
    run: NOBODY,
    values: [0, 0],
    queue: [0, 0],
  })
  const client = (): Client => ({ side: BLUE, isHeld: false, isWriting: false, sent: 0, acknowledged: 0 })
  return {
    journal: { authority: BLUE, epoch: 1, phase: 'cutover', holder: NOBODY, pending: false },
    sides: [side(true), side(false)],
    board: { side: BLUE, epoch: 1, isHeld: false },
    clients: [client(), client()],
    runs: [{ ...DEAD }, { ...DEAD }],
    hasStrayWrite: false,
  }
}

/** Its sessions end with it. The lease it had runs out. */
export function bury(to: State, id: RunId): void {
  to.runs[id] = { ...DEAD }
  if (to.journal.holder === id) to.journal.holder = NOBODY
  for (const side of SIDES) if (to.sides[side].run === id) to.sides[side].run = NOBODY
}

export function switchAuthority(to: State): void {
  to.journal.authority = otherSide(to.journal.authority)
  to.journal.epoch += 1
  // So that a client that opens by itself, because the lease of the hold ran out, goes where the journal says.
  if (to.board.epoch < to.journal.epoch)
    Object.assign(to.board, { side: to.journal.authority, epoch: to.journal.epoch })
}

export function copyState(state: State): State {
  const side = (one: SideState): SideState => ({ ...one, values: [...one.values], queue: [...one.queue] })
  const run = (one: Run): Run => ({ ...one, hand: one.hand && { ...one.hand } })
  return {
    journal: { ...state.journal },
    sides: [side(state.sides[0]), side(state.sides[1])],
    board: { ...state.board },
    clients: [{ ...state.clients[0] }, { ...state.clients[1] }],
    runs: [run(state.runs[0]), run(state.runs[1])],
    hasStrayWrite: state.hasStrayWrite,
  }
}

const PLACE_NUMBERS = new Map(PLACES.map((place, index) => [place, index]))
const PHASE_NUMBERS = new Map(PHASES.map((phase, index) => [phase, index]))
/** Here a run has yet to read what it goes by. */
const READS_NEXT: readonly Place[] = ['dead', 'take blue', 'take green', 'look', 'work']
const bit = (is: boolean): number => (is ? 1 : 0)

/** The two runs have one program, so states that differ in nothing but who is who are one. */
export function encodeState(state: State): string {
  const [one, two] = state.runs
  const [left, right] = [encodeRun(one), encodeRun(two)]
  if (left !== right) return left < right ? encodeFrom(state, 0, left + right) : encodeFrom(state, 1, right + left)
  const [straight, turned] = [encodeFrom(state, 0, left + right), encodeFrom(state, 1, right + left)]
  return straight < turned ? straight : turned
}

/** One character for a few small numbers. */
function encodeFrom({ journal, sides, board, clients, hasStrayWrite }: State, first: RunId, runs: string): string {
  const runNumber = (id: RunId | typeof NOBODY): number => (id === NOBODY ? 0 : id === first ? 1 : 2)
  const place = (side: SideState): number =>
    // Nobody asks for the epoch of a closed side.
    (side.isWritable ? side.epoch : 0) * 32 +
    runNumber(side.run) * 8 +
    bit(side.isArmed) * 4 +
    bit(side.isWritable) * 2 +
    bit(side.hasCapture)
  const rows = ({ values, queue }: SideState): number => values[0] * 64 + values[1] * 16 + queue[0] * 4 + queue[1]
  const client = (one: Client): number =>
    one.side * 64 + bit(one.isHeld) * 32 + bit(one.isWriting) * 16 + one.sent * 4 + one.acknowledged
  return (
    String.fromCharCode(
      PHASE_NUMBERS.get(journal.phase)! * 64 +
        journal.epoch * 16 +
        runNumber(journal.holder) * 4 +
        journal.authority * 2 +
        bit(journal.pending),
      bit(hasStrayWrite) * 32 + board.side * 16 + board.epoch * 2 + bit(board.isHeld),
      place(sides[0]),
      place(sides[1]),
      rows(sides[0]),
      rows(sides[1]),
      client(clients[0]),
      client(clients[1]),
    ) + runs
  )
}

function encodeRun({ at, authority, epoch, syncFrom, hand }: Run): string {
  return String.fromCharCode(
    PLACE_NUMBERS.get(at)! * 32 + (READS_NEXT.includes(at) ? 0 : epoch * 8 + authority * 4) + syncFrom + 1,
    hand ? 1 + hand.key + 2 * (hand.upTo + 4 * (hand.value + 4 * bit(hand.isWritten))) : 0,
  )
}
