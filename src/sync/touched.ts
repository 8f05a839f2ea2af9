/** Scopes that sync has written since the last verification: what must be looked at again before a switch. */
import type { Scope } from '../plan/compile.js'
import type { Projection } from '../plan/projection.js'

/** Each takes about 100 bytes, as one text. */
const MOST_SCOPES = 200_000

export class TouchedScopes {
  #scopes = new Map<Projection, Set<string>>()
  #size = 0
  #isOverfull = true

  /** How many scopes there are. */
  get size(): number {
    return this.#size
  }

  /** More was touched than could be kept, or nobody has begun a whole pass in this run: only such a pass tells. */
  get isOverfull(): boolean {
    return this.#isOverfull
  }

  add(projection: Projection, scopes: readonly Scope[]): void {
    const known = this.#scopes.get(projection) ?? new Set<string>()
    const before = known.size
    for (const scope of scopes) known.add(JSON.stringify(scope))
    this.#scopes.set(projection, known)
    this.#size += known.size - before
    if (this.#size > MOST_SCOPES) this.markOverfull()
  }

  /** Everything of a projection was written again. */
  markOverfull(): void {
    this.clear()
    this.#isOverfull = true
  }

  /** Before a whole pass begins. */
  clear(): void {
    this.#scopes = new Map()
    this.#size = 0
    this.#isOverfull = false
  }

  /** Takes all scopes out. The caller looks at them, or puts them back. */
  take(): { projection: Projection; scopes: Scope[] }[] {
    const taken = [...this.#scopes].map(([projection, scopes]) => ({
      projection,
      scopes: Array.from(scopes, (scope) => JSON.parse(scope) as Scope),
    }))
    this.#scopes = new Map()
    this.#size = 0
    return taken
  }
}
