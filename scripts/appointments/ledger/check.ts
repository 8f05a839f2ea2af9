/** Holds the ledger against the side that has the authority. */
import type { EngineName, Side } from '../../../src/engines/engine.js'
import { openPoolDriver, type DriverConnection } from '../../../src/engines/pool-driver.js'
import type { Entity, Ledger, States, Values } from './ledger.js'
import { canonical, lookupsFor, toFound, type Lookup } from './lookups.js'

export interface CheckOptions {
  readonly side: Side
  readonly engine: EngineName
  /** With the namespace in it, as Crossfade and its pool read it. */
  readonly url: string
  readonly ledger: Ledger
  /** Most details kept. The counts are always complete. Default 50. */
  readonly maxDetails?: number
}

export interface LedgerResult {
  /** Writes that were acknowledged. */
  readonly acknowledged: number
  /** Things that the ledger knows and that were looked for. */
  readonly checked: number
  /** Transactions whose outcome nobody knows; either is fine. */
  readonly inDoubt: number
  /** Things that are not there, and counters that are lower than acknowledged. */
  readonly lost: number
  /** Things that are there more than once: each surplus one. */
  readonly duplicated: number
  /** Things with other values than acknowledged, deleted ones that are there, and ones that nobody acknowledged. */
  readonly wrong: number
  readonly details: readonly string[]
}

/** Keys of one statement. */
const KEYS_PER_STATEMENT = 1_000
const TIMEOUT_MS = 10_000

export async function checkLedger(options: CheckOptions): Promise<LedgerResult> {
  const { side, engine, url, ledger } = options
  const driver = await openPoolDriver(url)
  const connection = await driver.connect({ timeoutMs: TIMEOUT_MS, application: 'appointments ledger' })
  const verdict = new Verdict(options.maxDetails ?? 50)
  let checked = 0
  try {
    const lookups = lookupsFor(engine, side)
    for (const entity of Object.keys(lookups) as Entity[]) {
      const states = ledger.states(entity)
      const found = await find(connection, lookups[entity], engine, ledger.prefix, [...states.keys()])
      compare(entity, states, found, verdict)
      checked += states.size
    }
    const counters = ledger.counters()
    const sql = 'SELECT id AS "key", call_count AS value FROM customers WHERE id IN (%KEYS%)'
    compareCounters(counters, await find(connection, { sql }, engine, ledger.prefix, [...counters.keys()]), verdict)
    checked += counters.size
  } finally {
    await connection.close()
  }
  return { acknowledged: ledger.acknowledged, checked, inDoubt: ledger.inDoubt, ...verdict.read() }
}

class Verdict {
  readonly #counts = { lost: 0, duplicated: 0, wrong: 0 }
  readonly #details: string[] = []

  constructor(private readonly maxDetails: number) {}

  add(kind: 'lost' | 'duplicated' | 'wrong', count: number, detail: string): void {
    this.#counts[kind] += count
    if (this.#details.length < this.maxDetails) this.#details.push(`${kind}: ${detail}`)
  }

  read(): Pick<LedgerResult, 'lost' | 'duplicated' | 'wrong' | 'details'> {
    return { ...this.#counts, details: this.#details }
  }
}

async function find(
  connection: DriverConnection,
  lookup: Lookup,
  engine: EngineName,
  prefix: string,
  keys: readonly string[],
): Promise<Map<string, Values[]>> {
  // Aliases in double quotes are standard SQL; MySQL and MariaDB want backquotes.
  const sql = (engine === 'postgres' ? lookup.sql : lookup.sql.replaceAll('"', '`')).replaceAll(
    '%PREFIX%',
    () => `${prefix}%`,
  )
  const found = new Map<string, Values[]>()
  const batches = sql.includes('%KEYS%') ? slices(keys, KEYS_PER_STATEMENT) : [undefined]
  for (const batch of batches) {
    const marks = batch?.map((_, index) => (engine === 'postgres' ? `$${index + 1}` : '?')).join(', ')
    const { rows } = await connection.query(marks === undefined ? sql : sql.replace('%KEYS%', marks), batch ?? [])
    for (const row of lookup.expand ? rows.flatMap(lookup.expand) : rows) {
      const { key, values } = toFound(row)
      found.set(key, [...(found.get(key) ?? []), values])
    }
  }
  if (!sql.includes('%KEYS%')) for (const key of found.keys()) if (!key.startsWith(prefix)) found.delete(key)
  return found
}

function compare(
  entity: Entity,
  states: ReadonlyMap<string, States>,
  found: ReadonlyMap<string, Values[]>,
  verdict: Verdict,
): void {
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

function compareCounters(
  counters: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, Values[]>,
  verdict: Verdict,
): void {
  for (const [key, value] of counters) {
    const actual = Number(found.get(key)?.[0]?.['value'] ?? 0)
    if (actual < value) verdict.add('lost', 1, `calls of customer ${key}: ${actual}, but ${value} was acknowledged`)
  }
}

function differences(expected: Values, actual: Values): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const wanted = value === null ? null : canonical(name, value)
    return wanted === (actual[name] ?? null)
      ? []
      : [`${name} is ${JSON.stringify(actual[name] ?? null)}, not ${JSON.stringify(wanted)}`]
  })
}

function slices<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}
