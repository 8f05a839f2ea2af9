/**
 * Keeps requests away from a host whose connections fail. Counts errors of connecting and connections that die, never a full
 * server, a wait that took too long, or a statement that failed: a busy host is a healthy one.
 */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** So many failures in a row, none longer ago than {@link WINDOW_MS}. One broken connection says nothing about its host. */
const THRESHOLD = 3
const WINDOW_MS = 10_000
/** First pause of an open breaker, doubled with each trial that fails. */
const PAUSE_MIN_MS = 500
const PAUSE_MAX_MS = 30_000

export class Breaker {
  #state: BreakerState = 'closed'
  #failures: number[] = []
  #pauseMs = 0
  #timer: NodeJS.Timeout | undefined

  /** @param onTrial called when one connection may be tried. */
  constructor(private readonly onTrial: () => void) {}

  get state(): BreakerState {
    return this.#state
  }

  failed(now = performance.now()): void {
    if (this.#state === 'open') return
    this.#failures = [...this.#failures.filter((at) => now - at < WINDOW_MS), now]
    if (this.#state === 'half-open' || this.#failures.length >= THRESHOLD) this.#open()
  }

  succeeded(): void {
    clearTimeout(this.#timer)
    this.#state = 'closed'
    this.#failures = []
    this.#pauseMs = 0
  }

  /** The host was heard of by other means: the trial need not wait. */
  hint(): void {
    if (this.#state !== 'closed') this.#tryOut()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #open(): void {
    this.#state = 'open'
    this.#failures = []
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, PAUSE_MIN_MS), PAUSE_MAX_MS)
    this.#timer = setTimeout(() => this.#tryOut(), this.#pauseMs * (0.75 + Math.random() / 2))
    this.#timer.unref()
  }

  #tryOut(): void {
    clearTimeout(this.#timer)
    this.#state = 'half-open'
    this.onTrial()
  }
}
