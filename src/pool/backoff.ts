/** Pauses between attempts at a server that refuses connections: longer each time, with jitter. */
const MIN_MS = 50
const MAX_MS = 1_000

export class Backoff {
  #ms = 0
  #timer: NodeJS.Timeout | undefined

  get isPausing(): boolean {
    return this.#timer !== undefined
  }

  /** An attempt failed. A pause that has begun goes on. */
  pause(onOver: () => void): void {
    if (this.#timer !== undefined) return
    this.#ms = Math.min(Math.max(this.#ms * 2, MIN_MS), MAX_MS)
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        onOver()
      },
      this.#ms * (0.75 + Math.random() / 2),
    )
    this.#timer.unref()
  }

  /** An attempt succeeded. */
  reset(): void {
    this.#ms = 0
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
