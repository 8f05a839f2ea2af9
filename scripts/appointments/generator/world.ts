/** How many rows each table gets, and which rows belong to which company. Pure arithmetic: nothing is kept in memory. */
import { Random, saltOf } from './random.js'

/** Rows of a table at scale 1 and how they grow with the scale. */
export interface Growth {
  /** Rows at scale 1, the size of the pilot. */
  readonly pilot: number
  /** Rows grow with scale to the power of this. Default 1. */
  readonly power?: number
}

/** Enough for every key function of the plan; a jump in the keys shows who walks ranges instead of rows. */
const KEY_JUMP = 1_000_000_000_000

/** Which company owns the rows of a table: in blocks, the first company a third of them, the others the rest in equal parts. */
export type OwnedTable =
  'branches' | 'staff' | 'customers' | 'services' | 'calcom_event_types' | 'users' | 'invoices' | 'phone_numbers'

export class World {
  readonly companies: number
  #uuidRandom: Random

  constructor(
    readonly seed: number,
    readonly counts: Readonly<Record<string, number>>,
    readonly hasMicroseconds: boolean,
    readonly maxBlobBytes: number,
  ) {
    this.companies = counts['companies']!
    this.#uuidRandom = new Random(seed)
  }

  count(table: string): number {
    return this.counts[table]!
  }

  /** The key of the `index`-th row: with gaps, as deleted rows leave them, and with a jump half-way in some tables. */
  id(table: string, index: number): number {
    const id = index + 7 * Math.floor(index / 50)
    return JUMPING.has(table) && index > this.count(table) / 2 ? id + KEY_JUMP : id
  }

  uuid(table: string, index: number): string {
    const tail = index.toString(16).padStart(8, '0')
    return this.#uuidRandom.reseed(saltOf(table), index).uuid().slice(0, 28) + tail
  }

  /** A company for a row that any may own: the first has a third of all, early ones more than late ones. */
  anyCompany(random: Random): number {
    if (this.companies === 1 || random.chance(1 / 3)) return 1
    const position = random.float()
    return 2 + Math.floor(position * Math.sqrt(position) * (this.companies - 1))
  }

  companyOf(table: OwnedTable, index: number): number {
    const first = this.#firstBlock(table)
    if (index <= first) return 1
    const others = this.companies - 1
    return 1 + Math.ceil(((index - first) * others) / (this.count(table) - first))
  }

  /** First and last row of a company; the last is below the first where it has none. */
  blockOf(table: OwnedTable, company: number): readonly [number, number] {
    const first = this.#firstBlock(table)
    if (company === 1) return [1, first]
    const rest = this.count(table) - first
    const others = this.companies - 1
    return [
      first + Math.floor(((company - 2) * rest) / others) + 1,
      first + Math.floor(((company - 1) * rest) / others),
    ]
  }

  /** A row of a company's block, if it has any. */
  pickOwned(table: OwnedTable, company: number, random: Random): number | undefined {
    const [low, high] = this.blockOf(table, company)
    return high < low ? undefined : random.between(low, high)
  }

  /** The `step`-th row of a company's block counted from a place of its own for each `start`; none when there are not as many. */
  nthOwned(table: OwnedTable, company: number, start: number, step: number): number | undefined {
    const [low, high] = this.blockOf(table, company)
    const size = high - low + 1
    return step >= size ? undefined : low + ((start + step) % size)
  }

  #firstBlock(table: OwnedTable): number {
    return this.companies === 1 ? this.count(table) : Math.max(1, Math.floor(this.count(table) / 3))
  }
}

const JUMPING = new Set(['webhook_logs', 'logs', 'retell_webhooks', 'mcp_metrics', 'rate_limit_violations'])

/** Counts of all tables whose sum is about `rows`. */
export function countRows(growths: Readonly<Record<string, Growth>>, rows: number): Record<string, number> {
  const atScale = (scale: number): Record<string, number> =>
    Object.fromEntries(
      Object.entries(growths).map(([table, { pilot, power }]) => [
        table,
        Math.max(1, Math.round(pilot * scale ** (power ?? 1))),
      ]),
    )
  let low = 1e-6
  let high = 1e6
  // The sum grows with the scale, so halving finds it; 60 steps are more than a double can tell apart.
  for (let step = 0; step < 60; step += 1) {
    const middle = Math.sqrt(low * high)
    const sum = Object.values(atScale(middle)).reduce((total, count) => total + count, 0)
    if (sum < rows) low = middle
    else high = middle
  }
  return atScale(high)
}
