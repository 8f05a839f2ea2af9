/** How far a replica is behind, by its own word: the monitor asks all the time, and reads where it does not. */

/** How long an answer counts, and a replica that is too far behind is left alone. */
const KNOWN_MS = 1_000

export class Lag {
  /** Undefined while nobody has asked, and when the host cannot tell. */
  ms: number | undefined
  #askedAt = -Infinity

  constructor(private readonly maxMs: number) {}

  /** True for a while after the host said so: then one read may ask again. */
  get isTooLong(): boolean {
    return this.#isLong && this.#isKnown
  }

  /** Asks when the last answer is old; others go on with that one meanwhile. @returns whether it is too long. */
  async look(ask: () => Promise<number | undefined>): Promise<boolean> {
    if (!this.#isKnown) {
      this.#askedAt = performance.now()
      this.heard(await ask())
    }
    return this.#isLong
  }

  /** What the host has just said. */
  heard(ms: number | undefined): void {
    this.#askedAt = performance.now()
    this.ms = ms
  }

  get #isLong(): boolean {
    return this.ms !== undefined && this.ms > this.maxMs
  }

  get #isKnown(): boolean {
    return performance.now() - this.#askedAt < KNOWN_MS
  }
}
