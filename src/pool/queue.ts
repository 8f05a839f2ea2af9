/** Who waits, first come first served, each with one deadline. */

import type { Target } from './lane.js'

export type RequestRank = 'nested' | 'again' | 'fresh'

export interface RequestOptions {
  readonly rank: RequestRank
  readonly target: Target
  readonly signal: AbortSignal | undefined
  /** When the wait began, on the clock of `performance.now()`, for a request that is made again. Default now. */
  readonly since?: number | undefined
  /** Where the application borrows, if leaks are watched. */
  readonly origin?: Error | undefined
}

/** One that waits for a `T`. Settles once; whatever comes later is ignored. */
export class Request<T> {
  readonly startedAt: number
  readonly promise: Promise<T>
  isSettled = false
  /** When the wait is over, on the same clock. See {@link Deadlines}. */
  deadline = Infinity
  #resolve!: (value: T) => void
  #reject!: (reason: unknown) => void
  #onAbort: (() => void) | undefined

  constructor(readonly options: RequestOptions) {
    this.startedAt = options.since ?? performance.now()
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  onAbort(listener: () => void): void {
    if (this.options.signal === undefined) return
    this.#onAbort = listener
    this.options.signal.addEventListener('abort', listener, { once: true })
  }

  grant(value: T): void {
    this.#settle()
    this.#resolve(value)
  }

  refuse(reason: unknown): void {
    this.#settle()
    this.#reject(reason)
  }

  #settle(): void {
    this.isSettled = true
    if (this.#onAbort !== undefined) this.options.signal?.removeEventListener('abort', this.#onAbort)
  }
}

const RANKS = ['nested', 'again', 'fresh'] as const satisfies readonly RequestRank[]
const NESTED = ['nested'] as const satisfies readonly RequestRank[]
const TARGETS = ['primary', 'replica'] as const satisfies readonly Target[]

/** Which requests: of a target, or of all; and perhaps only those within an open transaction. */
export interface Selection {
  readonly target?: Target | undefined
  readonly isNestedOnly?: boolean
}

/**
 * Requests of three ranks: those within an open transaction (it cannot end without them), those that are made again (they
 * came before everyone who waits now), and all others. Each target has a line of its own, so that nobody waits for a host
 * that he does not want. Sets keep the order of arrival and forget in no time.
 */
export class WaitQueue<T> {
  readonly #lines: Readonly<Record<RequestRank, Readonly<Record<Target, Set<Request<T>>>>>> = {
    nested: { primary: new Set(), replica: new Set() },
    again: { primary: new Set(), replica: new Set() },
    fresh: { primary: new Set(), replica: new Set() },
  }

  #size = 0

  get size(): number {
    return this.#size
  }

  count({ target, isNestedOnly = false }: Selection = {}): number {
    if (this.#size === 0 || (target === undefined && !isNestedOnly)) return this.#size
    let sum = 0
    for (const rank of isNestedOnly ? NESTED : RANKS) {
      for (const one of TARGETS) if (target === undefined || one === target) sum += this.#lines[rank][one].size
    }
    return sum
  }

  add(request: Request<T>): void {
    this.#lineOf(request).add(request)
    this.#size += 1
  }

  /** @returns false when it was not there any more. */
  remove(request: Request<T>): boolean {
    const wasThere = this.#lineOf(request).delete(request)
    if (wasThere) this.#size -= 1
    return wasThere
  }

  /** Takes the next one out. Of two lines, the one whose first has waited for longer. */
  shift({ target, isNestedOnly = false }: Selection = {}): Request<T> | undefined {
    for (const rank of isNestedOnly ? NESTED : RANKS) {
      let next: Request<T> | undefined
      for (const one of TARGETS) {
        const line = this.#lines[rank][one]
        if (line.size === 0 || (target !== undefined && one !== target)) continue
        const [first] = line
        if (first !== undefined && (next === undefined || first.startedAt < next.startedAt)) next = first
      }
      if (next === undefined) continue
      this.remove(next)
      return next
    }
    return undefined
  }

  /** Takes all out. */
  drain(selection: Selection = {}): Request<T>[] {
    const all: Request<T>[] = []
    for (let next = this.shift(selection); next !== undefined; next = this.shift(selection)) all.push(next)
    return all
  }

  *[Symbol.iterator](): Iterator<Request<T>> {
    for (const rank of RANKS) for (const target of TARGETS) yield* this.#lines[rank][target]
  }

  #lineOf({ options: { rank, target } }: Request<T>): Set<Request<T>> {
    return this.#lines[rank][target]
  }
}
