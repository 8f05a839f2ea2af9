import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Breaker } from '../../src/pool/breaker.ts'

describe('the breaker of a host', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  const create = () => {
    const seen = { trials: 0 }
    const breaker = new Breaker(() => (seen.trials += 1))
    const fail = (times: number) => {
      for (let time = 0; time < times; time += 1) breaker.failed()
    }
    return { breaker, seen, fail }
  }

  test('opens after several failures, but neither after one nor after those of long ago', () => {
    const { breaker, fail } = create()
    fail(2)
    expect(breaker.state).toBe('closed')
    vi.advanceTimersByTime(11_000)
    fail(2)
    expect(breaker.state).toBe('closed')
    fail(1)
    expect(breaker.state).toBe('open')
  })

  test('a success in between begins the count anew', () => {
    const { breaker, fail } = create()
    fail(2)
    breaker.succeeded()
    fail(2)
    expect(breaker.state).toBe('closed')
  })

  test('allows one trial after its pause, and pauses for longer when that fails', () => {
    const { breaker, seen, fail } = create()
    fail(3)
    vi.advanceTimersByTime(300)
    expect(seen.trials).toBe(0)
    vi.advanceTimersByTime(400)
    expect([breaker.state, seen.trials]).toEqual(['half-open', 1])
    fail(1)
    vi.advanceTimersByTime(700)
    expect([breaker.state, seen.trials]).toEqual(['open', 1])
    vi.advanceTimersByTime(600)
    expect([breaker.state, seen.trials]).toEqual(['half-open', 2])
    breaker.succeeded()
    expect(breaker.state).toBe('closed')
    vi.advanceTimersByTime(60_000)
    expect(seen.trials).toBe(2)
  })

  test('need not wait when the host was heard of', () => {
    const { breaker, seen, fail } = create()
    fail(3)
    breaker.hint()
    expect([breaker.state, seen.trials]).toEqual(['half-open', 1])
  })
})
