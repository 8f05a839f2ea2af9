/** SIGKILL in each phase but the switch, which has a test of its own: the next run goes on with no manual step, to the same end. */
import { afterAll, expect, test } from 'vitest'
import { blueRows, listObjects } from '../support/footprint.js'
import { createPlanFolder } from '../support/plan-file.js'
import { describeEachEngine } from '../support/servers.js'
import { createShop, SHOP_PLAN, type CliResult, type Shop } from '../support/shop.js'
import { waitingFor, watch, type Line } from '../support/watch.js'

const last = ({ exitCode, lines, stderr }: CliResult): unknown => ({ exitCode, stderr, ...lines.at(-1) })

describeEachEngine('a run that is killed', (engine) => {
  const folder = createPlanFolder()
  afterAll(() => folder[Symbol.dispose]())

  /** Starts a command that dies at a place of the program. */
  async function crash(shop: Shop, place: string, args: readonly string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await shop.cli(args, { CROSSFADE_CRASH_AT: place })
    expect(exitCode, `${place}: ${stdout}${stderr}`).toBeNull()
  }
  /** Starts a command that is killed when it tells something. */
  async function kill(shop: Shop, when: (line: Line) => boolean, args: readonly string[]): Promise<void> {
    const run = watch(shop.spawn([...args, '--json']))
    await run.line(when)
    run.child.kill('SIGKILL')
    expect((await run.result).exitCode).toBeNull()
  }
  const started =
    (phase: string) =>
    (line: Line): boolean =>
      line['type'] === 'phase-started' && line['phase'] === phase

  /** Objects without what differs from shop to shop. */
  const objectsOf = async (shop: Shop): Promise<string[]> => {
    const names = [
      [shop.meta, 'meta'],
      [new URL(shop.blueUrl).pathname.slice(1), 'blue'],
      [new URL(shop.greenUrl).pathname.slice(1), 'green'],
    ] as const
    const objects = await listObjects(shop)
    return engine === 'postgres'
      ? objects
      : objects.map((object) => names.reduce((text, [from, to]) => text.replaceAll(from, to), object)).sort()
  }
  const greenRows = async (shop: Shop): Promise<unknown> =>
    Promise.all(
      ['shops', 'items', 'orders', 'assignments'].map((table) =>
        shop.sql('green', `SELECT * FROM ${table} ORDER BY 1, 2`),
      ),
    )
  const BEFORE = [
    `INSERT INTO orders (item_id, reference, state, cents) VALUES (1, 'while dead', 'new', 7)`,
    `DELETE FROM shops WHERE id = 3`,
    `UPDATE services SET item_ref = '3' WHERE id = 1`,
  ]
  const BEHIND = [`UPDATE orders SET cents = 8 WHERE reference = 'while dead'`, `DELETE FROM items WHERE id = 2`]

  test('once in each phase comes to the same end as one that is not', async () => {
    await using shop = await createShop(engine)
    const long = folder.shopWith('soak.ts', `{ limits: { ...shop.input.limits, soakMs: 600_000 } }`)
    await kill(shop, started('backup'), ['run', SHOP_PLAN])
    await kill(shop, ({ type }) => type === 'archived', ['run', SHOP_PLAN])
    await crash(shop, 'backup', ['run', SHOP_PLAN])
    await kill(shop, started('parallel-schema'), ['run', SHOP_PLAN])
    await crash(shop, 'parallel-schema', ['run', SHOP_PLAN])
    await kill(shop, ({ type, projection }) => type === 'copied' && projection === 'items', ['run', SHOP_PLAN])
    await shop.sql('blue', ...BEFORE)
    await kill(shop, ({ type }) => type === 'verified', ['run', SHOP_PLAN])
    await crash(shop, 'dual-write-sync', ['run', SHOP_PLAN, '--yes'])
    // The switch was approved; it is not asked for again.
    await kill(shop, waitingFor('soak'), ['run', long])
    await shop.sql('green', ...BEHIND)
    await crash(shop, 'validate', ['run', SHOP_PLAN])
    await crash(shop, 'complete', ['run', SHOP_PLAN, '--yes'])
    // What is written from here on is not captured, so nothing may lead back.
    const back = await shop.cli(['rollback', SHOP_PLAN, '--json'])
    expect(last(back), back.stdout).toMatchObject({ exitCode: 4, stderr: '', code: 'WRONG_PHASE' })
    const end = await shop.cli(['run', SHOP_PLAN, '--json'])
    expect(last(end), end.stdout).toMatchObject({ exitCode: 0, stderr: '', outcome: 'completed' })

    await using other = await createShop(engine)
    expect((await other.cli(['run', SHOP_PLAN, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    await other.sql('blue', ...BEFORE)
    expect((await other.cli(['run', SHOP_PLAN, '--yes', '--until', 'validate'])).exitCode).toBe(0)
    await other.sql('green', ...BEHIND)
    expect((await other.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await objectsOf(shop)).toEqual(await objectsOf(other))
    expect(await greenRows(shop)).toEqual(await greenRows(other))
    // Blue followed until the way back was ended.
    expect(await blueRows(shop)).toEqual(await blueRows(other))
    for (const one of [shop, other])
      await expect(one.sql('blue', `UPDATE orders SET cents = 0 WHERE id = 1`)).rejects.toThrow(/side blue is closed/)
  })

  test('in a rollback before the switch, or behind it, ends as rolled back with nothing left', async () => {
    await using shop = await createShop(engine)
    const before = await blueRows(shop)
    const objects = await listObjects(shop)
    expect((await shop.cli(['run', SHOP_PLAN, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    await kill(shop, started('rollback'), ['rollback', SHOP_PLAN])
    await crash(shop, 'rollback', ['run', SHOP_PLAN])
    expect(last(await shop.cli(['run', SHOP_PLAN, '--json']))).toMatchObject({ exitCode: 5, outcome: 'rolled-back' })
    expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
    expect(await blueRows(shop)).toEqual(before)
    expect(await listObjects(shop)).toEqual(objects)

    expect((await shop.cli(['run', SHOP_PLAN, '--yes', '--until', 'cutover'])).exitCode).toBe(0)
    await shop.sql('green', `UPDATE orders SET cents = 9 WHERE reference = 'a'`)
    await kill(shop, started('rollback'), ['rollback', SHOP_PLAN])
    await crash(shop, 'rollback', ['run', SHOP_PLAN])
    expect(last(await shop.cli(['run', SHOP_PLAN, '--json']))).toMatchObject({ exitCode: 5, outcome: 'rolled-back' })
    expect(await shop.sql('blue', `SELECT cents FROM orders WHERE reference = 'a'`)).toEqual([{ cents: 9 }])
    expect((await shop.cli(['complete', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
    expect(await listObjects(shop)).toEqual(objects)
  })

  // The next run went on with a migration of which half was gone.
  test('in an abort ends as aborted with nothing left', async () => {
    await using shop = await createShop(engine)
    const before = await blueRows(shop)
    const objects = await listObjects(shop)
    expect((await shop.cli(['run', SHOP_PLAN, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    await crash(shop, 'abort-begun', ['abort', SHOP_PLAN])
    expect(last(await shop.cli(['run', SHOP_PLAN, '--json', '--yes']))).toMatchObject({
      exitCode: 0,
      outcome: 'aborted',
    })
    expect(await shop.remains()).toEqual([])
    expect(await blueRows(shop)).toEqual(before)
    expect(await listObjects(shop)).toEqual(objects)
  })
})
