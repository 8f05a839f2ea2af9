import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { openSide } from '../../src/engines/open-side.ts'
import { watchSilence } from '../../src/engines/silence.ts'
import { raw } from '../../src/engines/sql.ts'
import { through } from '../../scripts/torture/bed.ts'
import { Proxy } from '../../scripts/torture/proxy.ts'
import { createDatabase, describeEachEngine } from '../support/servers.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('a connection is dead when the server was not at work on its statement twice, and nothing came in between', async () => {
  vi.useFakeTimers()
  let traffic = 0
  const works = [true, false, true, false, false]
  const dead = vi.fn()
  watchSilence({
    traffic: () => traffic,
    isAtWork: () => (works.length === 0 ? Promise.reject(new Error('no server')) : Promise.resolve(works.shift()!)),
    onDead: dead,
  })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(works).toHaveLength(1)
  traffic += 1
  await vi.advanceTimersByTimeAsync(10_000)
  expect(dead).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(dead).toHaveBeenCalledOnce()
})

describeEachEngine('behind a network that drops everything', (engine) => {
  // The run waited for ever: neither end was told, and the lease was lost meanwhile.
  test('a statement ends as lost, also when new connections work; a long one goes on', async () => {
    await using database = await createDatabase(engine)
    const { hostname, port } = new URL(database.url)
    await using proxy = await Proxy.open({ host: hostname, port: Number(port) })
    const url = through(proxy, database.url) + (engine === 'postgres' ? '?schema=public' : '')
    await using side = await openSide(url, 'blue', 'crossfade')
    await using direct = await openSide(
      database.url + (engine === 'postgres' ? '?schema=public' : ''),
      'blue',
      'crossfade',
    )
    await using long = await direct.connect('copy')
    const session = await side.connect('copy')
    onTestFinished(() => session.close())
    const sleep = (seconds: number) =>
      raw(engine === 'postgres' ? `SELECT pg_sleep(${seconds})` : `SELECT SLEEP(${seconds})`)
    proxy.setTrouble({ type: 'black-hole' })
    const lost = session.query(sleep(0))
    proxy.setTrouble(undefined, { areOldDead: true })
    const slow = long.query(sleep(16))
    await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await expect(slow).resolves.toHaveLength(1)
  })
})
