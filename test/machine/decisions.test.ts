/** Decisions as functions of plain values: the size of a chunk, whether the copy waits, whether a lease is free. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isFree } from '../../src/journal/lease.js'
import { retryDelayMs } from '../../src/journal/plan-store.js'
import { CrossfadeError } from '../../src/engines/errors.js'
import { ageOf } from '../../src/machine/proofs.js'
import { DEFAULT_LIMITS } from '../../src/plan/plan.js'
import { FIRST_CHUNK_ROWS, nextChunkRows } from '../../src/sync/chunk-size.js'
import { reasonToWait, type LoadSample } from '../../src/sync/throttle.js'

// A proof of an hour ahead counted as fresh until the clock had come there again.
test('a verification is old when the clock was put back since', () => {
  expect(ageOf(1000, 1500)).toBe(500)
  expect(ageOf(3_601_000, 1000)).toBe(Number.POSITIVE_INFINITY)
})

describe('the size of the next chunk', () => {
  const rows = fc.integer({ min: 100, max: 200_000 })
  const milliseconds = fc.double({ min: 0, max: 1e7, noNaN: true })
  const target = fc.integer({ min: 1, max: 60_000 })

  test('stays within its limits, and moves by a factor of 4 at most', () => {
    fc.assert(
      fc.property(rows, milliseconds, target, (now, tookMs, targetMs) => {
        const next = nextChunkRows(now, tookMs, targetMs)
        expect(Number.isInteger(next)).toBe(true)
        expect(next).toBeGreaterThanOrEqual(Math.max(100, Math.floor(now / 4)))
        expect(next).toBeLessThanOrEqual(Math.min(200_000, now * 4))
      }),
    )
  })

  test('grows after a fast chunk, shrinks after a slow one, and stays after one on time', () => {
    expect(nextChunkRows(1000, 250, 500)).toBe(2000)
    expect(nextChunkRows(1000, 1000, 500)).toBe(500)
    expect(nextChunkRows(1000, 500, 500)).toBe(1000)
    expect(nextChunkRows(1000, 0, 500)).toBe(4000)
    expect(nextChunkRows(1000, 1e9, 500)).toBe(250)
  })

  test('finds the target whatever the rate of the server is', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), target, (rowsPerMs, targetMs) => {
        let size = FIRST_CHUNK_ROWS
        for (let chunk = 0; chunk < 20; chunk += 1) size = nextChunkRows(size, size / rowsPerMs, targetMs)
        const wanted = Math.min(Math.max(rowsPerMs * targetMs, 100), 200_000)
        expect(size).toBeGreaterThanOrEqual(wanted * 0.9 - 1)
        expect(size).toBeLessThanOrEqual(wanted * 1.1 + 1)
      }),
    )
  })
})

describe('the copy', () => {
  const calm: LoadSample = { replicaLagMs: null, runningQueries: 0, queuedChanges: 0 }
  const reason = (sample: Partial<LoadSample>, limits = {}, baseline = 0): string | undefined =>
    reasonToWait({ ...calm, ...sample }, { ...DEFAULT_LIMITS, ...limits }, baseline)

  test('waits above a limit and not at it', () => {
    expect(reason({})).toBeUndefined()
    expect(reason({ replicaLagMs: 5000 })).toBeUndefined()
    expect(reason({ replicaLagMs: 5000.6 })).toBe('a replica is 5001 ms behind (limit 5000 ms)')
    expect(reason({ queuedChanges: 50_000 })).toBeUndefined()
    expect(reason({ queuedChanges: 50_001 })).toBe('50001 changes are queued (limit 50000)')
  })

  test('takes twice what ran at the start as the limit for queries, at least 100, unless the plan says one', () => {
    expect(reason({ runningQueries: 100 })).toBeUndefined()
    expect(reason({ runningQueries: 101 })).toBe('101 queries run on the server (limit 100)')
    expect(reason({ runningQueries: 160 }, {}, 80)).toBeUndefined()
    expect(reason({ runningQueries: 161 }, {}, 80)).toBe('161 queries run on the server (limit 160)')
    expect(reason({ runningQueries: 5 }, { maxRunningQueries: 4 }, 80)).toBe('5 queries run on the server (limit 4)')
  })
})

describe('a lease', () => {
  test('is free without a holder, or from the moment it runs out', () => {
    const lease = { runEpoch: 1, holder: 'other', expiresAtMs: 1000, token: null }
    expect(isFree(lease, 999)).toBe(false)
    expect(isFree(lease, 1000)).toBe(true)
    expect(isFree({ ...lease, holder: null }, 0)).toBe(true)
  })
})

describe('a call of the journal', () => {
  test('is tried again after contention a few times, after a lost connection once, and after nothing else', () => {
    const delays = (code: 'CONTENTION' | 'CONNECTION_LOST' | 'LEASE_LOST'): (number | undefined)[] =>
      [0, 1, 2, 3, 4, 5].map((retries) => retryDelayMs(new CrossfadeError(code, 'x'), retries))
    expect(delays('CONTENTION')).toEqual([20, 40, 60, 80, 100, undefined])
    expect(delays('CONNECTION_LOST')).toEqual([200, undefined, undefined, undefined, undefined, undefined])
    expect(delays('LEASE_LOST').every((delay) => delay === undefined)).toBe(true)
  })
})
