/**
 * Two orchestrators that live: one is stopped at a place of its work, another takes the migration over and goes on, then the first
 * one wakes. It may move nothing and write nothing, and says so.
 */
import { afterAll, expect, test } from 'vitest'
import { createPlanFolder } from '../support/plan-file.js'
import { describeEachEngine } from '../support/servers.js'
import { ledgerOn, openLedger } from '../support/ledger.js'
import { createShop, type CliResult, type Shop } from '../support/shop.js'
import { stopAt, type Stopped } from '../support/stopped.js'

const last = ({ exitCode, lines, stderr }: CliResult): unknown => ({ exitCode, stderr, ...lines.at(-1) })
const sorted = (entries: Iterable<[string, number]>): [string, number][] =>
  [...entries].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))

describeEachEngine('an orchestrator that was left behind', (engine) => {
  const folder = createPlanFolder()
  afterAll(() => folder[Symbol.dispose]())
  // Short, so that nobody waits long for a run that is stopped.
  const plan = folder.shopWith('short-lease.ts', `{ limits: { ...shop.input.limits, leaseMs: 3000 } }`)

  async function stateOf(shop: Shop): Promise<unknown> {
    const { lines } = await shop.cli(['status', plan, '--json'])
    const { authority, epoch, phase, outcome, lastOutcome } = lines[0]!
    return { authority, epoch, phase, outcome, lastOutcome }
  }
  /** It notices, says who has the migration, and changes nothing. */
  async function expectHarmless(shop: Shop, runs: readonly Stopped[]): Promise<void> {
    const before = await stateOf(shop)
    for (const run of runs) {
      const end = await run.wake()
      expect(last(end), `${run.place}: ${end.stdout.slice(-3000)}`).toMatchObject({ exitCode: 7, stderr: '' })
      expect(JSON.stringify(end.lines.at(-1)), run.place).toMatch(
        /has lost the lease|no longer holds|has lost (blue|green)/,
      )
    }
    expect(await stateOf(shop)).toEqual(before)
  }
  async function expectClosed(shop: Shop, side: 'blue' | 'green'): Promise<void> {
    await expect(shop.sql(side, `UPDATE orders SET cents = 0 WHERE id = 1`)).rejects.toThrow(
      `crossfade: side ${side} is closed`,
    )
  }

  test('stopped before, while and after it copies, and at each step of a switch, harms nothing when it wakes', async () => {
    await using shop = await createShop(engine)
    await using ledger = openLedger(shop, 'l')
    const there: Stopped[] = []
    for (const place of ['schema', 'copy', 'arm', 'hold', 'drain', 'commit'])
      there.push(await stopAt(shop, place, ['run', plan, '--yes', '--until', 'cutover']))
    const forward = await shop.cli(['run', plan, '--yes', '--until', 'cutover', '--json'])
    expect(last(forward), forward.stdout).toMatchObject({ exitCode: 0, outcome: 'until-reached' })
    await ledger.grow(5)
    // Half of them wake while green serves, the others when blue does again.
    await expectHarmless(
      shop,
      there.filter((_, index) => index % 2 === 0),
    )
    await expectClosed(shop, 'blue')
    await ledger.grow(5)

    const back: Stopped[] = []
    for (const place of ['fence', 'verify', 'switch']) back.push(await stopAt(shop, place, ['rollback', plan]))
    const end = await shop.cli(['run', plan, '--json'])
    expect(last(end), end.stdout).toMatchObject({ exitCode: 5, outcome: 'rolled-back' })
    await ledger.grow(5)
    await expectHarmless(shop, [...there.filter((_, index) => index % 2 === 1), ...back])
    await expectClosed(shop, 'green')
    await ledger.grow(5)

    const acknowledged = await ledger.close()
    expect(await ledgerOn(shop, 'blue', 'l')).toEqual(sorted(acknowledged))
    expect((await shop.cli(['complete', plan])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  }, 400_000)

  test('stopped in the middle of an abort, leaves a later migration alone when it wakes', async () => {
    await using shop = await createShop(engine)
    expect((await shop.cli(['run', plan, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    const aborting = await stopAt(shop, 'abort-begun', ['abort', plan])
    const late = await stopAt(shop, 'abort-begun', ['run', plan])
    const aborted = await shop.cli(['run', plan, '--json'])
    expect(last(aborted), aborted.stdout).toMatchObject({ exitCode: 0, outcome: 'aborted' })
    expect(await shop.remains()).toEqual([])
    // Nothing is left that could tell it, and it makes nothing of its own.
    expect(last(await late.wake())).toMatchObject({ exitCode: 7, stderr: '' })
    expect(await shop.remains()).toEqual([])

    expect((await shop.cli(['run', plan, '--yes', '--until', 'cutover'])).exitCode).toBe(0)
    await shop.sql('green', `UPDATE orders SET cents = 9 WHERE reference = 'a'`)
    await expectHarmless(shop, [aborting])
    await expectClosed(shop, 'blue')
    expect((await shop.cli(['rollback', plan])).exitCode).toBe(5)
    expect(await shop.sql('blue', `SELECT cents FROM orders WHERE reference = 'a'`)).toEqual([{ cents: 9 }])
    expect((await shop.cli(['complete', plan])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  })
})
