/** Times of the generated data: two years in order of the rows, with the nights of the clock change in it. */
import type { Random } from './random.js'

/** The first and last moment of the generated history. Fixed, so that a seed gives the same data on every day. */
export const FIRST_MS = Date.UTC(2024, 0, 2)
export const LAST_MS = Date.UTC(2026, 0, 2)

/** One hour before to two hours after the change to summer time and back in Europe/Berlin, in UTC. */
const CLOCK_CHANGES = [
  Date.UTC(2024, 2, 31, 1),
  Date.UTC(2024, 9, 27, 1),
  Date.UTC(2025, 2, 30, 1),
  Date.UTC(2025, 9, 26, 1),
] as const

const AROUND_THE_CHANGE = [-3_600_000, -1_000, 0, 1_000, 1_799_000, 3_599_000, 3_600_000, 7_200_000] as const

/** The time of row `index` of `count`: later rows are later, give or take an hour; one in a hundred lies in a clock change. */
export function momentOf(random: Random, index: number, count: number): number {
  if (random.chance(0.01)) return random.pick(CLOCK_CHANGES) + random.pick(AROUND_THE_CHANGE)
  const position = FIRST_MS + ((LAST_MS - FIRST_MS) * (index - 0.5)) / count
  return Math.floor((position + random.int(3_600_000)) / 1_000) * 1_000
}

/** `YYYY-MM-DD HH:MM:SS` in UTC. */
export function timeText(ms: number): string {
  const text = new Date(ms).toISOString()
  return `${text.slice(0, 10)} ${text.slice(11, 19)}`
}

/** With microseconds where the engine's type has them. */
export function preciseTimeText(ms: number, random: Random, hasMicroseconds: boolean): string {
  if (!hasMicroseconds || !random.chance(0.1)) return timeText(ms)
  return `${timeText(ms)}.${String(random.pick([1, 999_999, 123_456, 500_000, 10, random.int(1_000_000)])).padStart(6, '0')}`
}

export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
