/** Holds the ledger against the side that has the authority. */
import type { EngineName, Side } from '../../../src/engines/engine.js'
import { openPoolDriver, type DriverConnection } from '../../../src/engines/pool-driver.js'
import { compareStates, Verdict, type Findings } from './compare.js'
import type { Entity, Ledger, Values } from './ledger.js'
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

export interface LedgerResult extends Findings {
  /** Writes that were acknowledged. */
  readonly acknowledged: number
  /** Things that the ledger knows and that were looked for. */
  readonly checked: number
  /** Transactions whose outcome nobody knows; either is fine. */
  readonly inDoubt: number
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
      compareStates({ entity, states, found, verdict, canonical })
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

function slices<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}
