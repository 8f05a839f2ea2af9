/** Who waits, first come first served, each with one deadline. */

export type RequestRank = 'nested' | 'again' | 'fresh'

export interface RequestOptions {
  readonly rank: RequestRank
  readonly signal: AbortSignal | undefined
}

/** One that waits for a `T`. Settles once; whatever comes later is ignored. */
export class Request<T> {
  readonly startedAt = performance.now()
  readonly promise: Promise<T>
  isSettled = false
  #resolve!: (value: T) => void
  #reject!: (reason: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #onAbort: (() => void) | undefined

  constructor(readonly options: RequestOptions) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** The time that is left from now on, instead of what was left. */
  arm(ms: number, onTimeout: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(onTimeout, ms)
  }

  onAbort(listener: () => void): void {
    this.#onAbort = listener
    this.options.signal?.addEventListener('abort', listener, { once: true })
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
    clearTimeout(this.#timer)
    if (this.#onAbort !== undefined) this.options.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/**
 * Requests of three ranks: those within an open transaction (it cannot end without them), those that the fence refused
 * (they came before everyone who waits now), and all others. Sets keep the order of arrival and forget in no time.
 */
export class WaitQueue<T> {
  readonly #ranks: Readonly<Record<RequestRank, Set<Request<T>>>> = {
    nested: new Set(),
    again: new Set(),
    fresh: new Set(),
  }

  get size(): number {
    return this.#ranks.nested.size + this.#ranks.again.size + this.#ranks.fresh.size
  }

  get nestedSize(): number {
    return this.#ranks.nested.size
  }

  add(request: Request<T>): void {
    this.#ranks[request.options.rank].add(request)
  }

  /** @returns false when it was not there any more. */
  remove(request: Request<T>): boolean {
    return this.#ranks[request.options.rank].delete(request)
  }

  /** Takes the next one out. */
  shift(nestedOnly: boolean): Request<T> | undefined {
    for (const rank of nestedOnly ? (['nested'] as const) : (['nested', 'again', 'fresh'] as const)) {
      const [first] = this.#ranks[rank]
      if (first !== undefined) {
        this.#ranks[rank].delete(first)
        return first
      }
    }
    return undefined
  }

  /** Takes all out. */
  drain(): Request<T>[] {
    const all = [...this]
    for (const set of Object.values(this.#ranks)) set.clear()
    return all
  }

  *[Symbol.iterator](): Iterator<Request<T>> {
    yield* this.#ranks.nested
    yield* this.#ranks.again
    yield* this.#ranks.fresh
  }
}
