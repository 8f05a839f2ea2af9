/** What a measurement says, and how it is shown. */
import Table from 'cli-table3'
import type { BenchEngine } from './place.js'
import { ratios, summarise, type Summary } from './rounds.js'

export const MEASUREMENTS = ['copy', 'capture', 'switch', 'verify', 'memory'] as const
/** Of `npm run bench:pool`. */
export const POOL_MEASUREMENTS = ['rates', 'release', 'gate', 'failover', 'replica', 'saturation'] as const
export type MeasurementName = (typeof MEASUREMENTS)[number]
export type PoolMeasurementName = (typeof POOL_MEASUREMENTS)[number]

interface Common {
  readonly engine: BenchEngine
  readonly measurement: MeasurementName | PoolMeasurementName
  readonly name: string
  /** How much was moved, written or waited for. */
  readonly size: string
  readonly unit: string
  /** Undefined: for information. */
  readonly isMet: boolean | undefined
}

/** Crossfade beside the limit, from the same rounds. */
export interface RatioResult extends Common {
  readonly type: 'ratio'
  readonly ours: Summary
  readonly limit: Summary
  readonly limitName: string
  /** Of the rounds: ours divided by the limit of the same round. */
  readonly ratio: Summary
  readonly atLeast: number | undefined
}

/** A figure that stands by itself. */
export interface ValueResult extends Common {
  readonly type: 'value'
  readonly value: number
  readonly atMost: number | undefined
  /** What it was made of, e.g. samples over time. */
  readonly details?: unknown
}

export type Result = RatioResult | ValueResult

export function ratioResult(
  given: Omit<RatioResult, 'type' | 'ours' | 'limit' | 'ratio' | 'isMet' | 'atLeast'> & {
    readonly ours: readonly number[]
    readonly limit: readonly number[]
    readonly atLeast?: number
  },
): RatioResult {
  const ratio = ratios(given.ours, given.limit)
  const { atLeast } = given
  return {
    ...given,
    type: 'ratio',
    ours: summarise(given.ours),
    limit: summarise(given.limit),
    ratio,
    atLeast,
    isMet: atLeast === undefined ? undefined : ratio.median >= atLeast,
  }
}

export function valueResult(
  given: Omit<ValueResult, 'type' | 'isMet' | 'atMost'> & { readonly atMost?: number },
): ValueResult {
  const { atMost } = given
  return { ...given, type: 'value', atMost, isMet: atMost === undefined ? undefined : given.value <= atMost }
}

/** One table per engine. */
export function tableOf(results: readonly Result[]): string {
  const table = new Table({
    head: ['measurement', 'size', 'Crossfade', 'limit', 'ratio (min to max)', 'goal', ''],
    style: { head: [], border: [] },
  })
  for (const result of results) table.push(cellsOf(result))
  return table.toString()
}

function cellsOf(result: Result): string[] {
  const { measurement, name, size, unit, isMet } = result
  const verdict = isMet === undefined ? '' : isMet ? 'met' : 'MISSED'
  const head = [`${measurement}: ${name}`, size]
  if (result.type === 'value') {
    const goal = result.atMost === undefined ? '' : `at most ${number(result.atMost)}`
    return [...head, `${number(result.value)} ${unit}`, '', '', goal, verdict]
  }
  const { ours, limit, limitName, ratio, atLeast } = result
  return [
    ...head,
    `${number(ours.median)} ${unit}`,
    `${number(limit.median)} (${limitName})`,
    `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`,
    atLeast === undefined ? '' : `at least ${atLeast}`,
    verdict,
  ]
}

const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Math.round(value * 10) / 10)
