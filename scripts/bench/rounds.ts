/** Interleaved rounds and what is made of them. */

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly samples: readonly number[]
}

export function summarise(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((left, right) => left - right)
  return {
    median: quantile(sorted, 0.5),
    min: sorted[0] ?? NaN,
    max: sorted.at(-1) ?? NaN,
    samples: samples.map(rounded),
  }
}

/** @param sorted ascending. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return NaN
  const place = (sorted.length - 1) * share
  const below = Math.floor(place)
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!]
  return low + (high - low) * (place - below)
}

const rounded = (value: number): number => (Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)))

/**
 * Runs every piece once in each round, beginning with another one each time, so that a machine that slows down or speeds up does
 * so for all of them. A piece returns its own figure, such as rows per second, because it has things to do that do not count.
 */
export async function interleave<Name extends string>(
  rounds: number,
  pieces: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(pieces) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>
  for (let round = 0; round < rounds; round += 1)
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length]!
      samples[name].push(await pieces[name]())
    }
  return samples
}

/** Each sample beside the one of the same round. */
export function ratios(ours: readonly number[], limit: readonly number[]): Summary {
  return summarise(ours.map((value, round) => value / limit[round]!))
}

/** @returns units of `work` per second, and what `work` returned has to say how many there were. */
export async function perSecond(work: () => Promise<number>): Promise<number> {
  const startedAt = performance.now()
  const units = await work()
  return (units * 1000) / (performance.now() - startedAt)
}
