/** What a ledger knows against what a side has. */
import type { States, Values } from './ledger.js'

export interface Findings {
  /** Things that are not there, and counters that are lower than acknowledged. */
  readonly lost: number
  /** Things that are there more than once: each surplus one. */
  readonly duplicated: number
  /** Things with other values than acknowledged, deleted ones that are there, and ones that nobody acknowledged. */
  readonly wrong: number
  readonly details: readonly string[]
}

export class Verdict {
  readonly #counts = { lost: 0, duplicated: 0, wrong: 0 }
  readonly #details: string[] = []

  constructor(private readonly maxDetails: number) {}

  add(kind: 'lost' | 'duplicated' | 'wrong', count: number, detail: string): void {
    this.#counts[kind] += count
    if (this.#details.length < this.maxDetails) this.#details.push(`${kind}: ${detail}`)
  }

  read(): Findings {
    return { ...this.#counts, details: this.#details }
  }
}

export interface Comparison {
  readonly entity: string
  readonly states: ReadonlyMap<string, States>
  /** Everything of this ledger that is there, by key; a key that is there twice has two. */
  readonly found: ReadonlyMap<string, readonly Values[]>
  readonly verdict: Verdict
  /** Text that is equal when the value is. Default: the text as it is. */
  readonly canonical?: (name: string, value: string) => string
}

export function compareStates({ entity, states, found, verdict, canonical = (_, value) => value }: Comparison): void {
  const differences = (expected: Values, actual: Values): string[] => differencesOf(expected, actual, canonical)
  for (const [key, possible] of states) {
    const rows = found.get(key) ?? []
    if (rows.length > 1) verdict.add('duplicated', rows.length - 1, `${entity} ${key} is there ${rows.length} times`)
    const [row] = rows
    if (row === undefined) {
      if (!possible.includes(undefined)) verdict.add('lost', 1, `${entity} ${key} is not there`)
    } else if (!possible.some((state) => state !== undefined && differences(state, row).length === 0)) {
      const expected = possible.at(-1)
      const what =
        expected === undefined ? 'is there again' : `has other values: ${differences(expected, row).join('; ')}`
      verdict.add('wrong', 1, `${entity} ${key} ${what}`)
    }
  }
  for (const key of found.keys())
    if (!states.has(key)) verdict.add('wrong', 1, `${entity} ${key} was never acknowledged`)
}

function differencesOf(expected: Values, actual: Values, canonical: (name: string, value: string) => string): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const wanted = value === null ? null : canonical(name, value)
    return wanted === (actual[name] ?? null)
      ? []
      : [`${name} is ${JSON.stringify(actual[name] ?? null)}, not ${JSON.stringify(wanted)}`]
  })
}
