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
      DB_LOG_SLOW_QUERIES: 'true',
      DB_SLOW_QUERY_TIME: '0.25',
    }
    expect(resolveOptions({ blue: BLUE, max: 7 }, environment)).toMatchObject({
      min: 3,
      max: 7,
      acquireTimeoutMs: 2_500,
      idleTimeoutMs: 60_000,
      isEnabled: true,
      logSlowQueries: true,
      slowQueryMs: 250,
    })
    expect(resolveOptions({ blue: BLUE, max: 2 }, environment)).toMatchObject({ min: 2, max: 2 })
    expect(resolveOptions({ url: BLUE }, {})).toMatchObject({
      min: 10,
      max: 100,
      acquireTimeoutMs: 5_000,
      idleTimeoutMs: 300_000,
      holdTimeoutMs: 30_000,
      urls: { blue: BLUE },
    })
  })

  test('are refused when they do not fit together, or are no counts', () => {
    expect(() => resolveOptions({ blue: BLUE }, { DB_POOL_MIN: '9', DB_POOL_MAX: '5' })).toThrow(
      /min \(9\) is above max \(5\)/,
    )
    expect(() => resolveOptions({ blue: BLUE, min: 3, max: 2 }, {})).toThrow(/min \(3\) is above max \(2\)/)
    expect(() => resolveOptions({ blue: BLUE, max: 1.5, queueLimit: 0.5 }, {})).toThrow(
      /max must be a whole.*queueLimit must be a whole/,
    )
  })

  test('keep nothing open when pooling is disabled', () => {
    expect(resolveOptions({ url: BLUE }, { DB_POOL_ENABLED: 'off' })).toMatchObject({ isEnabled: false, min: 0 })
  })

  test('say where the replicas are, for each side', () => {
    const replicas = { blue: ['postgres://r1/blue', 'postgres://r2/blue'] }
    expect(resolveOptions({ blue: BLUE, replicas }, { DB_READ_HOST: 'other' }).replicas).toEqual({
      ...replicas,
      green: [],
    })
    expect(resolveOptions({ url: BLUE, replicas: replicas.blue }, {}).replicas).toEqual({ ...replicas, green: [] })
    const strangers = { blue: ['mysql://r1/blue'], green: ['postgres://r2/green'] }
    expect(() => resolveOptions({ blue: BLUE, replicas: strangers }, {})).toThrow(
      /replica of blue is of another engine.*green has replicas and no primary/,
    )
  })

  test('make URLs of replicas from the hosts that the environment names', () => {
    const environment = {
      DB_READ_HOST: 'r1, r2:6000,localhost:5432,',
      DB_READ_USERNAME: 'reader',
      DB_READ_PASSWORD: 'p@ss/word',
    }
    const blue = 'postgres://app:secret@localhost/shop?schema=blue'
    const green = 'postgres://app:secret@localhost:5432/shop?schema=green'
    expect(resolveOptions({ blue, green }, environment).replicas).toEqual({
      blue: [
        'postgres://reader:p%40ss%2Fword@r1/shop?schema=blue',
        'postgres://reader:p%40ss%2Fword@r2:6000/shop?schema=blue',
      ],
      green: [
        'postgres://reader:p%40ss%2Fword@r1:5432/shop?schema=green',
        'postgres://reader:p%40ss%2Fword@r2:6000/shop?schema=green',
      ],
    })
    // Green is elsewhere: these hosts do not have its data.
    const far = resolveOptions({ blue, green: 'postgres://elsewhere/shop' }, { DB_READ_HOST: 'r1' })
    expect(far.replicas).toEqual({ blue: ['postgres://app:secret@r1/shop?schema=blue'], green: [] })
    expect(() => resolveOptions({ blue }, { DB_READ_HOST: 'r1/x' })).toThrow(/DB_READ_HOST must be a list/)
  })

  test('tell all problems at once', () => {
    const wrong = () => resolveOptions({ green: BLUE, max: 0, queueLimit: -1 }, { DB_POOL_TIMEOUT: 'soon' })
    expect(wrong).toThrow(/blue or url is missing.*max must be.*DB_POOL_TIMEOUT must be a number.*queueLimit/)
  })
})
