import { describe, expect, test } from 'vitest'
import { resolveOptions } from '../../src/pool/options.ts'

const BLUE = 'postgres://localhost/blue'

describe('options of the pool', () => {
  test('come from the application, then from the environment, then from the defaults', () => {
    const environment = {
      DB_POOL_MIN: '3',
      DB_POOL_MAX: '50',
      DB_POOL_TIMEOUT: '2.5',
      DB_POOL_IDLE_TIMEOUT: '60',
      DB_POOL_ENABLED: 'true',
    }
    expect(resolveOptions({ blue: BLUE, max: 7 }, environment)).toMatchObject({
      min: 3,
      max: 7,
      acquireTimeoutMs: 2_500,
      idleTimeoutMs: 60_000,
      isEnabled: true,
    })
    expect(resolveOptions({ url: BLUE }, {})).toMatchObject({
      min: 10,
      max: 100,
      acquireTimeoutMs: 5_000,
      idleTimeoutMs: 300_000,
      holdTimeoutMs: 30_000,
      urls: { blue: BLUE },
    })
  })

  test('keep nothing open when pooling is disabled', () => {
    expect(resolveOptions({ url: BLUE }, { DB_POOL_ENABLED: 'off' })).toMatchObject({ isEnabled: false, min: 0 })
  })

  test('tell all problems at once', () => {
    const wrong = () => resolveOptions({ green: BLUE, max: 0, queueLimit: -1 }, { DB_POOL_TIMEOUT: 'soon' })
    expect(wrong).toThrow(/blue or url is missing.*max must be.*DB_POOL_TIMEOUT must be a number.*queueLimit/)
  })
})
