/**
 * What the databases acknowledged, kept outside both of them. Each write carries a key that the ledger made and that survives the
 * mapping, so that it is found again on whichever side has the authority.
 */
import { randomUUID } from 'node:crypto'
import { type WriteStream, createWriteStream } from 'node:fs'
import { once } from 'node:events'

/** Kinds of things that the application writes; how each is found on a side is in `lookups.ts`. */
export type Entity =
  | 'webhook'
  | 'call'
  | 'customer'
  | 'note'
  | 'appointment'
  | 'lock'
  | 'invoice'
  | 'notification'
  | 'api-call'
  | 'service'
  | 'staff'
  | 'hours'
  | 'company'
  | 'branch'

/** Values by the ledger's own names, as canonical text; NULL is null. */
export type Values = Readonly<Record<string, string | null>>

/** What a transaction made true, of things of the kinds `E`. */
export type Fact<E extends string = Entity> =
  /** The thing exists once and has these values; others that were recorded for it stay as they are. */
  | { readonly type: 'present'; readonly entity: E; readonly key: string; readonly values: Values }
  | { readonly type: 'absent'; readonly entity: E; readonly key: string }
  /** A number that only grows, by row `key`: several clients raise it, each under the lock of the row. */
  | { readonly type: 'counter'; readonly counter: 'calls of customer'; readonly key: string; readonly value: number }

/** Possible states of a thing: one when all was acknowledged, several after an unclear COMMIT. Undefined: it is not there. */
export type States = readonly (Values | undefined)[]

export interface LedgerOptions {
  /** Each acknowledged and each unclear transaction is appended to this file as a line of JSON. */
  readonly file?: string
}

export class Ledger<E extends string = Entity> implements AsyncDisposable {
  /** Tells the rows of this ledger from those of another one in the same database. */
  readonly run = randomUUID().slice(0, 8)
  readonly #states = new Map<E, Map<string, States>>()
  readonly #counters = new Map<string, number>()
  readonly #file: WriteStream | undefined
  #acknowledged = 0
  #inDoubt = 0

  constructor({ file }: LedgerOptions = {}) {
    this.#file = file === undefined ? undefined : createWriteStream(file, { flags: 'a' })
  }

  /** A key for a new thing: it starts like all keys of this ledger and fits the shortest column used, 50 characters. */
  newKey(): string {
    return `${this.prefix}${randomUUID()}`
  }

  get prefix(): string {
    return `app-${this.run}-`
  }

  /** Writes that were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Transactions whose COMMIT ended unclearly. */
  get inDoubt(): number {
    return this.#inDoubt
  }

  /** COMMIT has returned: from now on these facts hold. A thing belongs to one client, so its facts come in order. */
  acknowledge(facts: readonly Fact<E>[]): void {
    for (const fact of facts) {
      this.#acknowledged += 1
      if (fact.type === 'counter') {
        this.#counters.set(fact.key, Math.max(this.#counters.get(fact.key) ?? 0, fact.value))
      } else {
        this.#of(fact.entity).set(fact.key, [after(fact, this.#latest(fact))])
      }
    }
    this.#append('acknowledged', facts)
  }

  /** COMMIT may have taken effect or not: either is fine. The application must leave these things alone afterwards. */
  doubt(facts: readonly Fact<E>[]): void {
    this.#inDoubt += 1
    for (const fact of facts) {
      if (fact.type === 'counter') continue
      const before = this.#of(fact.entity).get(fact.key) ?? [undefined]
      this.#of(fact.entity).set(fact.key, [...before, ...before.map((state) => after(fact, state))])
    }
    this.#append('in doubt', facts)
  }

  states(entity: E): ReadonlyMap<string, States> {
    return this.#states.get(entity) ?? new Map()
  }

  counters(): ReadonlyMap<string, number> {
    return this.#counters
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#file) return
    this.#file.end()
    await once(this.#file, 'close')
  }

  #of(entity: E): Map<string, States> {
    let states = this.#states.get(entity)
    if (!states) this.#states.set(entity, (states = new Map()))
    return states
  }

  #latest(fact: { readonly entity: E; readonly key: string }): Values | undefined {
    return this.#of(fact.entity).get(fact.key)?.at(-1)
  }

  #append(outcome: string, facts: readonly Fact<E>[]): void {
    this.#file?.write(`${JSON.stringify({ at: new Date().toISOString(), outcome, facts })}\n`)
  }
}

function after(fact: Exclude<Fact<string>, { type: 'counter' }>, before: Values | undefined): Values | undefined {
  return fact.type === 'absent' ? undefined : { ...before, ...fact.values }
}
