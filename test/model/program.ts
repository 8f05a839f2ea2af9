/** The program of a run: take the sides, make them agree with the journal, then the work of the phase, with the switch in it. */
import { change, type Change } from './change.ts'
import type { Step } from './explorer.ts'
import type { Mistake } from './mistakes.ts'
import { orderOf, type Has, type Rules } from './rules.ts'
import {
  BLUE,
  bury,
  CLIENTS,
  GREEN,
  NOBODY,
  otherRun,
  otherSide,
  RUN_NAMES,
  SIDE_NAMES,
  SIDES,
  switchAuthority,
  type Place,
  type Run,
  type RunId,
  type SideId,
  type State,
} from './state.ts'

/** From here a run comes to the board, which does not know runs, before it comes to anything that does. */
const TOUCHES_BOARD: readonly Place[] = ['shut', 'reopen', 'tell', 'arm', 'hold', 'release', 'back release']

/** With these an old run has more to say. */
const FORGETTING_HIDES: readonly Mistake[] = [
  'the fence does not know old runs',
  'sync does not know old runs',
  'the commit does not ask for the lease',
]

export class Program {
  readonly #run: Run
  readonly #name: string
  /** The side that this run takes for the one with the authority. */
  readonly #own: SideId
  readonly #order: readonly Place[]

  constructor(
    private readonly state: State,
    private readonly id: RunId,
    private readonly rules: Rules,
  ) {
    this.#order = orderOf(rules)
    this.#run = state.runs[id]
    this.#name = RUN_NAMES[id]
    this.#own = this.#run.authority
  }

  get has(): Has {
    return this.rules.has
  }

  steps(): Generator<Step<State>> {
    switch (this.#run.at) {
      case 'dead':
        throw new Error('a dead run does nothing')
      case 'take blue':
        return this.#take(BLUE, 'take green')
      case 'take green':
        return this.#take(GREEN, this.has('a resumed run does not look at the fences') ? 'work' : 'look')
      case 'look':
        return this.#look()
      case 'shut':
        return this.#shut()
      case 'reopen':
        return this.#reopen()
      case 'tell':
        return this.#release('work', this.#own, this.#run.epoch)
      case 'work':
        return this.#work()
      case 'arm':
        return this.#arm()
      case 'hold':
        return this.#do('hold', 'holds the clients', (to) => {
          to.board.isHeld = true
        })
      case 'fence':
        return this.#fence()
      case 'drain':
        return this.#drain()
      case 'commit':
        return this.#commit()
      case 'open':
        return this.#open()
      case 'release':
        return this.#releaseSwitched()
      case 'back out':
        return this.#onSide(this.#own, `opens ${SIDE_NAMES[this.#own]} again`, 'back release', (to) => {
          setFence(to, this.#own, true, this.#run.epoch)
        })
      case 'back release':
        return this.#backRelease()
      case 'late capture':
        return this.#do('late capture', 'installs the reverse capture', (to) => {
          to.sides[GREEN].hasCapture = true
        })
      case 'advance':
        return this.#inJournal('work', 'moves the phase on', (to, run) => {
          // The other direction begins where this one ended.
          run.syncFrom = run.authority
          if (to.journal.phase === 'cutover') to.journal.phase = 'validate'
        })
      case 'remove blue':
        return this.#remove(BLUE, 'remove green')
      case 'remove green':
        return this.#remove(GREEN, 'work')
    }
  }

  *#take(side: SideId, next: Place): Generator<Step<State>> {
    const { holder } = this.state.journal
    if (holder !== this.id && this.state.sides[side].run === holder)
      return yield this.#end(`finds ${SIDE_NAMES[side]} taken`)
    yield this.#step(`takes ${SIDE_NAMES[side]}`, (to, run) => {
      to.sides[side].run = this.id
      run.at = next
      this.#forget(to, otherRun(this.id))
    })
  }

  /** A run without lease and sides whose next word to a server ends it is as good as dead. */
  #forget(to: State, old: RunId): void {
    if (FORGETTING_HIDES.some(this.has)) return
    const hasNothing = to.journal.holder !== old && SIDES.every((side) => to.sides[side].run !== old)
    if (hasNothing && !(this.rules.hasBoard && TOUCHES_BOARD.includes(to.runs[old].at))) bury(to, old)
  }

  /** Under the lock of the lease's row, which a pending commit has. */
  *#look(): Generator<Step<State>> {
    const { journal } = this.state
    if (journal.pending && !this.has('the journal is read beside a pending commit')) return
    if (journal.holder !== this.id) return yield this.#end('has lost the lease')
    yield this.#step('reads the journal', (to, run) => {
      run.authority = journal.authority
      run.epoch = journal.epoch
      const isSwitching = journal.phase === 'cutover' || journal.phase === 'rollback'
      if (this.has('a resumed run opens the side it was going to') && isSwitching)
        run.authority = otherSide(journal.authority)
      run.at = 'shut'
    })
  }

  *#shut(): Generator<Step<State>> {
    const other = otherSide(this.#own)
    const { isArmed, isWritable } = this.state.sides[other]
    if (!isArmed || !isWritable) return yield this.#go('reopen', `finds ${SIDE_NAMES[other]} closed`)
    if (isWritten(this.state, other)) return
    yield* this.#onSide(other, `closes ${SIDE_NAMES[other]}`, 'reopen', (to) =>
      setFence(to, other, false, this.#run.epoch),
    )
  }

  *#reopen(): Generator<Step<State>> {
    const { isArmed, isWritable, epoch } = this.state.sides[this.#own]
    const where = SIDE_NAMES[this.#own]
    const next = this.rules.hasBoard ? 'tell' : 'work'
    if (!isArmed || (isWritable && epoch === this.#run.epoch)) return yield this.#go(next, `finds ${where} open`)
    yield* this.#onSide(this.#own, `opens ${where}`, next, (to) => setFence(to, this.#own, true, this.#run.epoch))
  }

  *#work(): Generator<Step<State>> {
    const { journal, sides } = this.state
    const { phase, authority, epoch } = journal
    if (journal.pending) return
    if (journal.holder !== this.id) return yield this.#end('has lost the lease')
    const go = (what: string, at: Place, syncFrom: SideId | typeof NOBODY): Step<State> =>
      this.#step(what, (_, run) => Object.assign(run, { at, syncFrom, authority, epoch }))
    switch (phase) {
      case 'cutover':
        if (authority === GREEN) yield go('finds the switch done', 'advance', NOBODY)
        else yield go('begins the switch', 'arm', BLUE)
        return
      case 'validate':
        if (this.#run.syncFrom !== GREEN) return yield go('follows green', 'work', GREEN)
        yield* this.#asked('rollback')
        if (this.#run.hand === undefined && isEmpty(sides[GREEN].queue)) yield* this.#asked('ended')
        return
      case 'rollback':
        if (authority === GREEN) yield go('begins the way back', this.#order[0]!, GREEN)
        else yield go('finds blue in charge', 'remove blue', NOBODY)
        return
      case 'ended':
        yield this.#end('ends')
    }
  }

  *#arm(): Generator<Step<State>> {
    if (this.state.sides[BLUE].isArmed || this.has('the old side is not armed'))
      return yield this.#go(this.#order[0]!, 'has armed blue')
    // A trigger is made behind the writes of its table that are open.
    if (isWritten(this.state, BLUE)) return
    yield* this.#onSide(BLUE, 'arms blue', this.#order[0]!, (to) => {
      to.sides[BLUE].isArmed = true
    })
  }

  *#fence(): Generator<Step<State>> {
    const where = SIDE_NAMES[this.#own]
    if (isWritten(this.state, this.#own) && !this.has('the fence does not wait for writers'))
      return yield this.#go('back release', `does not get the fence of ${where} in time`)
    yield* this.#onSide(this.#own, `closes ${where}`, this.#after('fence'), (to) =>
      setFence(to, this.#own, false, this.#run.epoch + 1),
    )
  }

  *#drain(): Generator<Step<State>> {
    const isFenced = !this.has('the position is taken before the fence')
    yield this.#go(isFenced ? 'back out' : 'back release', 'finds a difference')
    if (this.#run.hand !== undefined || !isEmpty(this.state.sides[this.#own].queue)) return
    yield this.#step('has drained the queue', (_, run) => {
      run.syncFrom = NOBODY
      run.at = this.#after('drain')
    })
  }

  /** Compare-and-set of the epoch, in one transaction with the check of the lease. */
  *#commit(): Generator<Step<State>> {
    const { journal } = this.state
    if (journal.pending) return
    const hasLease = journal.holder === this.id || this.has('the commit does not ask for the lease')
    if (!hasLease || journal.epoch !== this.#run.epoch) return yield this.#end('has lost the lease')
    yield this.#step('commits the switch', (to, run) => {
      switchAuthority(to)
      run.authority = otherSide(run.authority)
      run.epoch += 1
      run.at = this.#after('commit')
    })
    const next = this.has('an unclear commit counts as failed') ? 'back out' : 'look'
    const apply = (to: State, run: Run): void => {
      to.journal.pending = true
      run.at = next
    }
    yield this.#step('sends the commit of the switch and gets no answer', apply, true)
  }

  *#open(): Generator<Step<State>> {
    const isEarly = this.has('the new side opens before the commit')
    const side = isEarly ? otherSide(this.#own) : this.#own
    const epoch = isEarly ? this.#run.epoch + 1 : this.#run.epoch
    yield* this.#onSide(side, `opens ${SIDE_NAMES[side]}`, this.#after('open'), (to) => setFence(to, side, true, epoch))
  }

  #releaseSwitched(): Generator<Step<State>> {
    const isEarly = this.has('clients are released before the commit')
    const side = isEarly ? otherSide(this.#own) : this.#own
    return this.#release(this.#after('release'), side, isEarly ? this.#run.epoch + 1 : this.#run.epoch)
  }

  *#backRelease(): Generator<Step<State>> {
    const [first] = this.#order
    if (this.rules.hasBoard) yield* this.#release(first!, this.#own, this.#run.epoch, this.#own)
    else yield this.#step('goes on with sync', (_, run) => Object.assign(run, { at: first, syncFrom: this.#own }))
  }

  *#release(next: Place, side: SideId, epoch: number, syncFrom = this.#run.syncFrom): Generator<Step<State>> {
    const { board } = this.state
    if (!board.isHeld && board.side === side && board.epoch === epoch && next === 'work')
      return yield this.#go(next, 'finds the board right')
    if (board.epoch > epoch && !this.has('the board takes any epoch'))
      return yield this.#end('finds a newer epoch on the board')
    yield this.#step(`releases the clients to ${SIDE_NAMES[side]}`, (to, run) => {
      to.board = { side, epoch, isHeld: false }
      Object.assign(run, { at: next, syncFrom })
    })
  }

  *#remove(side: SideId, next: Place): Generator<Step<State>> {
    const apply: Change = (to) => {
      const place = to.sides[side]
      place.hasCapture = false
      place.queue = [0, 0]
      if (side === BLUE) place.isArmed = false
    }
    if (side === BLUE) yield* this.#onSide(side, 'removes all from blue', next, apply)
    else if (this.state.journal.holder !== this.id) yield this.#end('has lost the lease')
    else
      yield* this.#onSide(side, 'removes capture from green, and ends the migration', next, (to) => {
        apply(to)
        to.journal.phase = 'ended'
      })
  }

  #after(place: Place): Place {
    return this.#order[this.#order.indexOf(place) + 1]!
  }

  /** Only while this run has the side: sessions of an older one are gone. */
  *#onSide(side: SideId, what: string, next: Place, apply: Change): Generator<Step<State>> {
    if (this.state.sides[side].run !== this.id && !this.has('the fence does not know old runs'))
      return yield this.#end(`has lost ${SIDE_NAMES[side]}`)
    yield this.#step(what, (to, run) => {
      apply(to)
      run.at = next
    })
  }

  /** Only while this run has the lease. */
  *#inJournal(next: Place, what: string, apply: (to: State, run: Run) => void): Generator<Step<State>> {
    if (this.state.journal.pending) return
    if (this.state.journal.holder !== this.id) return yield this.#end('has lost the lease')
    yield this.#step(what, (to, run) => {
      apply(to, run)
      run.at = next
    })
  }

  /** An operator's word. */
  *#asked(phase: 'rollback' | 'ended'): Generator<Step<State>> {
    if (this.state.journal.pending || this.state.journal.holder !== this.id) return
    const what = phase === 'rollback' ? 'is asked to roll back' : 'is asked to end the way back'
    const apply: Change = (to) => {
      to.journal.phase = phase
    }
    yield this.#step(what, apply, true)
  }

  *#do(place: Place, what: string, apply: Change): Generator<Step<State>> {
    yield this.#step(what, (to, run) => {
      apply(to)
      run.at = this.#after(place)
    })
  }

  #go(at: Place, what: string): Step<State> {
    return this.#step(what, (_, run) => {
      run.at = at
    })
  }

  #end(why: string): Step<State> {
    return change(this.state, `${this.#name} ${why}`, (to) => bury(to, this.id))
  }

  #step(what: string, apply: (to: State, run: Run) => void, isOptional = false): Step<State> {
    return change(this.state, `${this.#name} ${what}`, (to) => apply(to, to.runs[this.id]), isOptional)
  }
}

function setFence(to: State, side: SideId, isWritable: boolean, epoch: number): void {
  Object.assign(to.sides[side], { isWritable, epoch })
}

const isEmpty = (queue: readonly number[]): boolean => queue.every((value) => value === 0)

/** Somebody's transaction has written there and is not committed: it holds the gate's lock. */
const isWritten = (state: State, side: SideId): boolean =>
  CLIENTS.some((id) => state.clients[id].isWriting && state.clients[id].side === side)
