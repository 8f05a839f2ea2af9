import { quantile } from './rounds.js'

/** The median of the last quarter above that of the second one: in the first the process is still warming up. */
export function growth(samples: readonly number[]): number {
  const quarter = Math.floor(samples.length / 4)
  if (quarter === 0) return 0
  const medianOf = (part: readonly number[]): number =>
    quantile(
      part.toSorted((left, right) => left - right),
      0.5,
    )
  return medianOf(samples.slice(-quarter)) - medianOf(samples.slice(quarter, 2 * quarter))
}
