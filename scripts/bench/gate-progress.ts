/** What a long proof says meanwhile, and where its time goes. */
import type { MigrationEvent, SwitchStep } from '../../src/journal/events.js'
import { quantile } from './rounds.js'

const EVERY = 10

export class GateProgress {
  readonly #startedAt = performance.now()
  readonly #steps = new Map<SwitchStep, number[]>()
  #done = 0
  #missed = 0

  constructor(
    private readonly switches: number,
    private readonly say: (line: string) => void,
  ) {}

  note(event: MigrationEvent): void {
    if (event.type === 'switch-missed') this.#missed += 1
    if (event.type !== 'switched') return
    for (const [step, ms] of Object.entries(event.steps) as [SwitchStep, number][])
      this.#steps.set(step, [...(this.#steps.get(step) ?? []), ms])
  }

  /** Call after each switch, and whatever follows it. */
  switched(): void {
    this.#done += 1
    if (this.#done % EVERY !== 0 && this.#done !== this.switches) return
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000)
    this.say(
      `gate: ${this.#done} of ${this.switches} switches, ${seconds} s; ${this.#median()}; ${this.#missed} missed`,
    )
    this.#steps.clear()
  }

  #median(): string {
    const parts = [...this.#steps].map(([step, times]) => {
      const ms = quantile(
        times.toSorted((left, right) => left - right),
        0.5,
      )
      return `${step} ${Math.round(ms)}`
    })
    return `median ms: ${parts.join(', ')}`
  }
}
