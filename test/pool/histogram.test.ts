import { expect, test } from 'vitest'
import { Histogram } from '../../src/pool/histogram.ts'

test('a histogram counts in buckets, the upper end included, and estimates within them', () => {
  const histogram = new Histogram()
  expect(histogram.stats()).toMatchObject({ count: 0, sumMs: 0, maxMs: 0, p50Ms: 0, p99Ms: 0 })
  for (let ms = 1; ms <= 100; ms += 1) histogram.record(ms)
  histogram.record(60_000)

  const stats = histogram.stats()
  expect(stats).toMatchObject({ count: 101, sumMs: 65_050, maxMs: 60_000 })
  expect(stats.p50Ms).toBeGreaterThan(49)
  expect(stats.p50Ms).toBeLessThan(52)
  expect(stats.p99Ms).toBeGreaterThan(50)
  expect(stats.p99Ms).toBeLessThanOrEqual(100)
  const filled = stats.buckets.filter(({ count }) => count > 0).map(({ upToMs, count }) => [upToMs, count])
  expect(filled).toEqual([
    [1, 1],
    [2.5, 1],
    [5, 3],
    [10, 5],
    [25, 15],
    [50, 25],
    [100, 50],
    [Infinity, 1],
  ])
})
