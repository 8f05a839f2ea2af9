/** What cuts a phase short: an operator's word, a signal, a failure. Each phase has a signal of its own. */
import { PhaseInterrupted, type Interruption } from './context.js'

export class Interruptions {
  #current: Interruption | undefined
  #phase = new AbortController()

  get current(): Interruption | undefined {
    return this.#current
  }

  /** Of the phase that goes on now; aborted with {@link PhaseInterrupted}. */
  get signal(): AbortSignal {
    return this.#phase.signal
  }

  /** For the next phase, which begins interrupted when nobody has answered the last word yet. */
  nextPhase(): AbortSignal {
    this.#phase = new AbortController()
    if (this.#current) this.#phase.abort(new PhaseInterrupted(this.#current))
    return this.#phase.signal
  }

  /** The last word was answered by what happens now. */
  answered(): void {
    this.#current = undefined
  }

  /** The first word counts, but a rollback or abort outranks a mere stop. */
  interrupt(interruption: Interruption): void {
    if (this.#current && this.#current.type !== 'interrupt') return
    this.#current = interruption
    this.#phase.abort(new PhaseInterrupted(interruption))
  }
}
