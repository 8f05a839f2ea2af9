/** What clients see when the host that takes their writes dies, freezes, vanishes or changes its role. Real replication. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { Server } from '../../scripts/servers/index.ts'
import { Proxy } from '../../scripts/torture/proxy.ts'
import { createPool, HostReadOnlyError, PoolEndedError, type Pool, type PoolOptions } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { listenTo } from './channels.ts'
import { createFailoverStage, Writers, type FailoverStage } from './failover-stage.ts'
import { until } from './support.ts'

/** What may be told when a host is lost. Nothing else, and no error of a driver. */
const LOSSES = new Set(['OutcomeUnknownError', 'ConnectionLostError', 'HostUnreachableError'])

describeEachEngine('failover', (engine) => {
  const open: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
  })
  const begin = async (more: (stage: FailoverStage) => Promise<PoolOptions> | PoolOptions = () => ({})) => {
    const stage = await createFailoverStage(engine)
    open.push(stage)
    const pool = createPool({
      url: stage.url(stage.primary),
      replicas: [stage.url(stage.replica)],
      min: 2,
      max: 8,
      acquireTimeoutMs: 30_000,
      ...(await more(stage)),
    })
    open.push(pool)
    const events: string[] = []
    pool.on('failover', () => events.push('failover'))
    pool.on('conflict', ({ rivals }) => events.push(rivals.length > 0 ? 'conflict' : 'no conflict'))
    const writers = new Writers(pool)
    open.push({ [Symbol.asyncDispose]: () => writers.stop() })
    await writers.more(50)
    return { stage, pool, writers, events }
  }
  /** Promotes the replica; the writes are to follow by themselves. */
  const promote = async (stage: FailoverStage, writers: Writers, what: string): Promise<void> => {
    await stage.promote()
    const promotedAt = performance.now()
    const firstAt = await writers.firstWrite()
    const seen = [...writers.errors].map(([name, { count }]) => `${count} ${name}`).join(', ')
    console.log(
      `${engine}, ${what}: first write ${Math.round(firstAt - promotedAt)} ms after the promotion; ${seen || 'no error'}`,
    )
    await writers.more(50)
  }
  const expectAllKept = async ({ stage, pool, writers }: { stage: FailoverStage; pool: Pool; writers: Writers }) => {
    await writers.stop()
    const kept = new Set(await stage.readIds(stage.replica))
    expect([...writers.acknowledged.keys()].filter((id) => !kept.has(id))).toEqual([])
    await pool.end()
    await until(async () => (await stage.countSessions(stage.replica)) === 0)
  }

  /** The former primary is back and believes that it is primary. Nothing gets there that began after `from`. */
  const expectNothingOnLoser = async (
    { stage, writers, events }: { stage: FailoverStage; writers: Writers; events: string[] },
    from: number,
  ) => {
    await until(() => events.includes('conflict'))
    await stage.commitAlone(stage.primary)
    await writers.more(100)
    const [lost, won] = [await stage.readIds(stage.primary), new Set(await stage.readIds(stage.replica))]
    expect(lost.filter((id) => id >= from)).toEqual([])
    // What is only there was promised to nobody.
    expect(lost.filter((id) => writers.acknowledged.has(id) && !won.has(id))).toEqual([])
    expect(events.filter((event) => event === 'failover')).toHaveLength(1)
  }

  test('a primary that was killed: its replica gets the writes, no acknowledged one is lost; it gets none when it is back', async () => {
    using channels = listenTo('failover')
    const { stage, pool, writers, events } = await begin(() => ({ name: 'failover' }))
    await stage.primary.kill('SIGKILL')
    const from = writers.next
    await promote(stage, writers, 'killed')
    expect(events).toEqual(['failover'])
    const where = (server: Server) => expect.stringContaining(`${new URL(stage.url(server)).host}/`) as string
    expect(channels.about('failover')).toMatchObject([
      { pool: 'failover', side: 'blue', from: where(stage.primary), to: where(stage.replica), why: 'unreachable' },
    ])
    await stage.primary.restart()
    await expectNothingOnLoser({ stage, writers, events }, from)
    await expectAllKept({ stage, pool, writers })
    expect([...writers.errors.keys()].filter((name) => !LOSSES.has(name))).toEqual([])
    await until(async () => (await stage.countSessions(stage.primary)) === 0)
  })

  test('a primary that froze is left, and gets nothing when it wakes and believes that it is primary', async () => {
    const { stage, pool, writers, events } = await begin()
    await stage.primary.kill('SIGSTOP')
    await promote(stage, writers, 'frozen')
    await stage.primary.kill('SIGCONT')
    await stage.commitAlone(stage.primary)
    await until(() => events.includes('conflict'))
    const wokeAt = performance.now()
    await writers.more(100)
    const later = [...writers.acknowledged].filter(([, at]) => at > wokeAt).map(([id]) => id)
    const onTheOld = new Set(await stage.readIds(stage.primary))
    expect(later.filter((id) => onTheOld.has(id))).toEqual([])
    await expectAllKept({ stage, pool, writers })
    expect([...writers.errors.keys()].filter((name) => !LOSSES.has(name))).toEqual([])
    await until(async () => (await stage.countSessions(stage.primary)) === 0)
  })

  test('a primary that the network swallows without a word is left, and nobody waits for its answers', async () => {
    let proxy: Proxy | undefined
    const { stage, pool, writers, events } = await begin(async (made) => {
      const url = new URL(made.url(made.primary))
      proxy = await Proxy.open({ host: url.hostname, port: Number(url.port) })
      open.push(proxy)
      url.port = String(proxy.port)
      return { url: url.href }
    })
    proxy!.setTrouble({ type: 'black-hole' })
    await promote(stage, writers, 'cut off')
    const from = writers.next
    proxy!.setTrouble(undefined, { areOldDead: true })
    await expectNothingOnLoser({ stage, writers, events }, from)
    await expectAllKept({ stage, pool, writers })
    expect([...writers.errors.keys()].filter((name) => !LOSSES.has(name))).toEqual([])
    proxy!.endDead({ isClientTold: true })
    await until(async () => (await stage.countSessions(stage.primary)) === 0)
  })

  test('a demotion, roles that flap, and a planned change of the primary are seen by nobody; the word of the operator counts most', async () => {
    const { stage, pool, writers, events } = await begin()
    const { host: primary } = new URL(stage.url(stage.primary))
    const { host: replica } = new URL(stage.url(stage.replica))
    for (let round = 0; round < 5; round += 1) {
      await stage.setReadOnly(stage.primary, true)
      await sleep(round * 40)
      await stage.setReadOnly(stage.primary, false)
      await writers.more(5)
    }
    expect(events).toEqual([])

    await using unused = await pool.connection()
    await using used = await pool.connection()
    await used.query('SELECT 1')
    await pool.setHost(replica, 'drained')
    await stage.setReadOnly(stage.primary, true)
    await stage.promote()
    // Long enough for a promotion to be found, were it not for the operator.
    await sleep(1_500)
    expect(events).toEqual([])
    await pool.setHost(replica, 'auto')
    await writers.firstWrite()
    expect(events).toEqual(['failover'])
    await expect(unused.query('INSERT INTO written VALUES (-1)')).resolves.toMatchObject({ rowCount: 1 })
    await expect(used.query('SELECT 1')).rejects.toThrow(HostReadOnlyError)
    unused.release()
    used.release()

    // Nobody could take over: the end of the pool is told to whom waits for that.
    const lone = createPool({ url: stage.url(stage.primary), min: 1, max: 2, acquireTimeoutMs: 600_000 })
    const write = lone.query('INSERT INTO written VALUES (-2)').catch((error: unknown) => error)
    await until(() => (lone.stats().hosts[0]?.errors['read-only'] ?? 0) > 0)
    await lone.end({ drainMs: 600_000 })
    expect(await write).toBeInstanceOf(PoolEndedError)

    await pool.setHost(primary, 'maintenance')
    await until(async () => (await stage.countSessions(stage.primary)) === 0)
    await writers.more(20)
    await expect(pool.setHost('nowhere:1', 'drained')).rejects.toThrow(/no host/)
    await expectAllKept({ stage, pool, writers })
    expect(Object.fromEntries(writers.errors)).toEqual({})
  })
})
