/**
 * The gate in front of every transaction and of every single query outside one. Synchronous: entering, leaving, holding and
 * opening are plain calls, so no transaction can slip in between "hold" and "nothing is in flight".
 */
import type { Side } from '../engines/engine.js'

/** Which side accepts writes, as this pool knows it. */
export interface Authority {
  readonly side: Side
  readonly epoch: number
}

export type GateState = 'open' | 'draining' | 'held'

export class Gate {
  #state: GateState = 'open'
  #holdId: string | undefined
  #inFlight = 0

  constructor(
    private current: Authority,
    /** Called after each change of the state, synchronously. */
    private readonly onChange: (state: GateState) => void,
  ) {}

  get state(): GateState {
    return this.#state
  }

  get holdId(): string | undefined {
    return this.#holdId
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get authority(): Authority {
    return this.current
  }

  /** May a transaction begin? One that belongs to an open transaction may as long as that one runs. */
  admits(isNested: boolean): boolean {
    return this.#state === 'open' || (isNested && this.#state === 'draining')
  }

  /** Counts a transaction in. Call only when {@link admits}; each call is paired with one {@link leave}. */
  enter(): Authority {
    this.#inFlight += 1
    return this.current
  }

  leave(): void {
    this.#inFlight -= 1
    if (this.#state === 'draining' && this.#inFlight === 0) this.#become('held')
  }

  /** Repeating it changes nothing; another id is a new hold, to be acknowledged again. */
  hold(holdId: string | undefined): void {
    if (this.#state !== 'open' && this.#holdId === holdId) return
    this.#holdId = holdId
    this.#become(this.#inFlight === 0 ? 'held' : 'draining')
  }

  open(authority: Authority): void {
    const isSame = authority.side === this.current.side && authority.epoch === this.current.epoch
    if (this.#state === 'open' && isSame) return
    this.current = authority
    this.#holdId = undefined
    this.#become('open')
  }

  #become(state: GateState): void {
    this.#state = state
    this.onChange(state)
  }
}
