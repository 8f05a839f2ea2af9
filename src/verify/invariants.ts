/** The second path: hand-written SQL asked of both sides, which shares nothing with the mapping it checks. */
import { createHash } from 'node:crypto'
import type { Session } from '../engines/engine.js'
import { raw, type RawRow } from '../engines/sql.js'
import type { Invariant, Probe } from '../plan/define.js'
import { bind, sqlFor, statementsOf } from '../plan/questions.js'
import type { MigrationEvent } from '../journal/events.js'

/** @returns the name and the first place where the answers differ, without values. */
export async function checkInvariants(
  invariants: readonly Invariant[],
  blue: Session,
  green: Session,
): Promise<Extract<MigrationEvent, { type: 'invariant' }>[]> {
  const results: Extract<MigrationEvent, { type: 'invariant' }>[] = []
  for (const invariant of invariants) {
    const left = await blue.query(raw(sqlFor(blue.dialect.engine, invariant.blue)))
    const right = await green.query(raw(sqlFor(green.dialect.engine, invariant.green)))
    const detail = firstDifference(left, right)
    results.push({
      type: 'invariant',
      name: invariant.name,
      isEqual: detail === undefined,
      ...(detail ? { detail } : {}),
    })
  }
  return results
}

/** Rows in any order: each side sorts by its own collation. */
function firstDifference(left: readonly RawRow[], right: readonly RawRow[]): string | undefined {
  const [a, b] = [left, right].map((rows) => rows.map((row) => JSON.stringify(row.map(plain))).sort()) as [
    string[],
    string[],
  ]
  if (a.length !== b.length) return `${a.length} rows on blue, ${b.length} on green`
  const place = a.findIndex((row, index) => row !== b[index])
  return place < 0 ? undefined : `row ${place + 1} of ${a.length} differs`
}

/** Numbers by value: 12.50 and 12.5 are one answer. */
function plain(value: RawRow[number]): string | null {
  if (value === null) return null
  const text = String(value)
  if (!/^-?\d+(\.\d+)?$/.test(text)) return text === 't' ? '1' : text === 'f' ? '0' : text
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
}

/** Runs of a probe whose median counts. */
const PROBE_RUNS = 5

/** Answers and medians of the probes. Times are reported against their limits and never decide by themselves. */
export async function runProbes(
  probes: readonly Probe[],
  blue: Session,
  green: Session,
): Promise<Extract<MigrationEvent, { type: 'probe' }>[]> {
  const results: Extract<MigrationEvent, { type: 'probe' }>[] = []
  for (const probe of probes) {
    const parameters: Record<string, string | null> = {}
    for (const [name, question] of Object.entries(probe.parameters ?? {})) {
      const value = (await blue.query(raw(sqlFor(blue.dialect.engine, question))))[0]?.[0]
      parameters[name] = value === undefined || value === null ? null : String(value)
    }
    const left = await timed(blue, sqlFor(blue.dialect.engine, probe.blue), parameters)
    const right = await timed(green, sqlFor(green.dialect.engine, probe.green), parameters)
    results.push({
      type: 'probe',
      name: probe.name,
      isEqual: probe.isCompared === false ? null : left.digest === right.digest,
      blueMs: left.medianMs,
      greenMs: right.medianMs,
      limitMs: probe.afterMs,
    })
  }
  return results
}

async function timed(
  session: Session,
  text: string,
  parameters: Readonly<Record<string, string | null>>,
): Promise<{ medianMs: number; digest: string }> {
  const statements = statementsOf(text).map((statement) => bind(statement, parameters))
  const times: number[] = []
  let digest = ''
  for (let run = 0; run < PROBE_RUNS; run += 1) {
    const startedAt = performance.now()
    const rows: string[] = []
    for (const statement of statements)
      for (const row of await session.query(statement)) rows.push(JSON.stringify(row.map(plain)))
    times.push(performance.now() - startedAt)
    digest = createHash('sha256').update(rows.sort().join('\n')).digest('hex')
  }
  const sorted = times.sort((left, right) => left - right)
  return { medianMs: Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 1000) / 1000, digest }
}
