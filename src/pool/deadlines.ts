/** The ends of many waits by one timer: most of them come to nothing, and a timer for each would cost more than lending. */
import type { Request } from './queue.js'

export class Deadlines<T> {
  #timer: NodeJS.Timeout | undefined
  #dueAt = Infinity

  /** @param onLate called for each request whose time is over; it settles it. */
  constructor(
    private readonly waiting: Iterable<Request<T>>,
    private readonly onLate: (request: Request<T>) => void,
  ) {}

  /** Call once the request is among those waiting, and again when its deadline has become an earlier one. */
  watch({ deadline }: Request<T>): void {
    if (deadline >= this.#dueAt) return
    clearTimeout(this.#timer)
    this.#dueAt = deadline
    this.#timer = setTimeout(() => this.#look(), Math.max(0, deadline - performance.now()))
  }

  /** Nobody waits any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#dueAt = Infinity
  }

  #look(): void {
    this.#dueAt = Infinity
    const now = performance.now()
    for (const request of [...this.waiting]) {
      if (request.deadline <= now) this.onLate(request)
      else this.watch(request)
    }
  }
}
