/** What stops a migration that is going on: differences, a changed plan, drift, commands out of season. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tamper } from '../support/crossfade-session.js'
import { blueRows, footprint } from '../support/footprint.js'
import { createPlanFolder } from '../support/plan-file.js'
import { describeEachEngine } from '../support/servers.js'
import { holdTransaction } from '../support/hold-transaction.js'
import { createShop, finished, SHOP_PLAN, type CliResult, type Shop } from '../support/shop.js'

const last = ({ exitCode, lines, stderr }: CliResult): unknown => ({ exitCode, stderr, ...lines.at(-1) })

describeEachEngine('between copy and switch', (engine) => {
  let shop: Shop
  const folder = createPlanFolder()
  beforeAll(async () => {
    shop = await createShop(engine)
    const run = await shop.cli(['run', SHOP_PLAN, '--until', 'dual-write-sync'])
    if (run.exitCode !== 0) throw new Error(run.stdout + run.stderr)
  })
  afterAll(async () => {
    folder[Symbol.dispose]()
    await shop[Symbol.asyncDispose]()
  })

  /** Blue has the authority and takes writes, green does not. */
  async function expectBlueInCharge(): Promise<void> {
    const { lines } = await shop.cli(['status', SHOP_PLAN, '--json'])
    expect(lines).toMatchObject([{ type: 'status', authority: 'blue', epoch: 1, holder: null, switches: [] }])
    await shop.sql('blue', `UPDATE orders SET cents = cents WHERE id = 1`)
    await expect(shop.sql('green', `UPDATE orders SET cents = 0 WHERE id = 1`)).rejects.toThrow(
      /crossfade: side green is closed/,
    )
  }

  test('commands out of season are refused with 4 and change nothing', async () => {
    const before = await footprint(shop)
    const complete = await shop.cli(['complete', SHOP_PLAN, '--json'])
    expect(last(complete)).toEqual({
      exitCode: 4,
      stderr: '',
      v: 1,
      type: 'error',
      code: 'WRONG_PHASE',
      message: 'cannot complete in phase dual-write-sync: green is not validated',
      hint: '`crossfade status` shows the phase and the commands that are possible in it.',
    })
    expect(await footprint(shop)).toEqual(before)
    await expectBlueInCharge()
  })

  test('--until a phase that is done ends at once', async () => {
    for (const phase of ['backup', 'parallel-schema'])
      expect(last(await shop.cli(['run', SHOP_PLAN, '--json', '--yes', '--until', phase]))).toMatchObject({
        exitCode: 0,
        outcome: 'until-reached',
        reason: `${phase} is done`,
      })
    await expectBlueInCharge()
  })

  test('a row of green that differs is found by `verify` with 3, and the switch is refused with 4', async () => {
    expect(last(await shop.cli(['verify', SHOP_PLAN, '--json']))).toMatchObject({
      exitCode: 0,
      stderr: '',
      type: 'pass-done',
      direction: 'forward',
      differences: 0,
      skipped: 0,
    })
    await tamper(
      shop,
      'green',
      `UPDATE orders SET cents = 101 WHERE reference = 'c'`,
      `DELETE FROM orders WHERE reference = 'b'`,
      `UPDATE shops SET name = 'secret-name' WHERE id = 2`,
    )
    const before = await blueRows(shop)
    const verify = await shop.cli(['verify', SHOP_PLAN, '--json'])
    expect(last(verify)).toMatchObject({ exitCode: 3, stderr: '', type: 'pass-done', differences: 3 })
    const differences = verify.lines.filter(({ type }) => type === 'difference')
    expect(differences).toEqual(
      expect.arrayContaining([
        { v: 1, type: 'difference', projection: 'orders', key: ['3'], kind: 'different', columns: ['cents'] },
        { v: 1, type: 'difference', projection: 'orders', key: ['2'], kind: 'missing', columns: [] },
        { v: 1, type: 'difference', projection: 'shops', key: ['2'], kind: 'different', columns: ['name'] },
      ]),
    )
    // Keys and columns are told, values are not.
    expect(verify.stdout).not.toContain('secret-name')

    const run = await shop.cli(['run', SHOP_PLAN, '--json', '--yes'])
    expect(last(run)).toMatchObject({
      exitCode: 4,
      stderr: '',
      type: 'exit',
      outcome: 'refused',
      reason: 'verification: 3 differences, 0 chunks not compared; nothing was switched',
    })
    const cutover = await shop.cli(['cutover', SHOP_PLAN])
    expect(cutover.exitCode).toBe(4)
    expect(cutover.stdout).toContain('3 differences')
    await expectBlueInCharge()
    expect(await blueRows(shop)).toEqual(before)

    // A write on blue brings its row again; a later clean pass clears the difference.
    await shop.sql('blue', `UPDATE orders SET state = state`, `UPDATE shops SET name = name WHERE id = 2`)
    expect((await shop.cli(['run', SHOP_PLAN, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    expect((await shop.cli(['verify', SHOP_PLAN])).exitCode).toBe(0)
  })

  test('a plan whose mapping was changed in the middle is refused with 4; limits may change', async () => {
    const changed = folder.shopWith('changed.ts', `{ bands: { base: '2000000000000000' } }`)
    const tuned = folder.shopWith('tuned.ts', `{ limits: { ...shop.input.limits, soakMs: 0 } }`)
    const before = await footprint(shop)
    const refused = {
      exitCode: 4,
      stderr: '',
      code: 'PLAN_INVALID',
      message: 'plan "shop" has changed since this migration began; go on with the old plan, or abort and start again',
      hint: 'Mend the places named above and run `crossfade check` again.',
    }
    expect(last(await shop.cli(['run', changed, '--json', '--yes']))).toMatchObject(refused)
    expect(last(await shop.cli(['cutover', changed, '--json']))).toMatchObject(refused)
    const status = await shop.cli(['status', changed])
    expect(status.exitCode).toBe(0)
    expect(status.stdout).toContain('the plan has changed since this migration began')
    expect(await footprint(shop)).toEqual(before)
    expect((await shop.cli(['run', tuned, '--until', 'dual-write-sync'])).exitCode).toBe(0)
    await expectBlueInCharge()
  })

  test('a column that was added to blue in the middle stops the switch', async () => {
    await shop.sql('blue', 'ALTER TABLE orders ADD COLUMN surprise int')
    const run = await shop.cli(['run', SHOP_PLAN, '--json', '--yes'])
    expect(last(run)).toMatchObject({
      exitCode: 4,
      stderr: '',
      outcome: 'refused',
      reason:
        'REFUSED: blue has the column orders.surprise, which the plan does not know. Add the column to the schema of the plan and say where it goes',
    })
    await expectBlueInCharge()
    await shop.sql('blue', 'ALTER TABLE orders DROP COLUMN surprise')
  })

  test('an invariant and a probe that green cannot be asked refuse before anything is copied, or before the switch', async () => {
    const both = (text: string): string => JSON.stringify({ postgres: text, mysql: text })
    const asking = (name: string, text: string): string =>
      folder.shopWith(
        `${name}.ts`,
        `{ invariants: [...shop.input.invariants, { name: 'lost', blue: ${both('SELECT 1')}, green: ${both(text)} }] }`,
      )
    await using own = await createShop(engine)
    const early = await own.cli(['run', asking('early', 'SELECT lost FROM orders'), '--yes', '--json'])
    expect(early.exitCode, early.stdout).toBe(4)
    expect(early.lines.at(-1)).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('the invariant "lost" cannot be asked on green'),
    })
    expect(early.lines.some(({ type }) => type === 'copied')).toBe(false)
    // The plan is mended, and the run goes on.
    const mended = await own.cli(['run', asking('mended', 'SELECT 1'), '--until', 'dual-write-sync'])
    expect(mended.exitCode, mended.stdout).toBe(0)
    const late = await own.cli(['run', asking('late', 'SELECT lost FROM shops'), '--yes', '--json'])
    expect(late.exitCode, late.stdout).toBe(4)
    expect(late.lines.at(-1)).toMatchObject({ reason: expect.stringContaining('cannot be asked on green') })
    expect(late.lines.some(({ type }) => type === 'switched')).toBe(false)
    expect((await own.cli(['abort', SHOP_PLAN])).exitCode).toBe(0)
    expect(await own.remains()).toEqual([])
  })

  test('an invariant that differs before the switch refuses it', async () => {
    const plan = folder.shopWith(
      'differs.ts',
      `{ invariants: [{
        name: 'one is two',
        blue: { postgres: 'SELECT 1', mysql: 'SELECT 1' },
        green: { postgres: 'SELECT 2', mysql: 'SELECT 2' },
      }] }`,
    )
    const run = await shop.cli(['run', plan, '--json', '--yes'])
    expect(last(run)).toMatchObject({ exitCode: 4, stderr: '', outcome: 'refused' })
    expect(String(run.lines.at(-1)?.['reason'])).toMatch(/^REFUSED: .*one is two/)
    await expectBlueInCharge()
  })

  test('a hook before the switch that fails refuses it, and is given nothing of our environment', async () => {
    const script = folder.write(
      'hook.mjs',
      `import { writeFileSync } from 'node:fs'
writeFileSync(process.argv[2], JSON.stringify(process.env))
process.exit(7)
`,
    )
    const seen = `${folder.path}/seen.json`
    const plan = folder.shopWith(
      'hook.ts',
      `{ hooks: [{ at: 'before-switch', command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(script)}, ${JSON.stringify(seen)}] }] }`,
    )
    const run = await shop.cli(['run', plan, '--json', '--yes'])
    expect(last(run)).toMatchObject({
      exitCode: 4,
      outcome: 'refused',
      reason: `REFUSED: the hook ${process.execPath} ended with 7`,
    })
    expect(run.lines).toContainEqual(expect.objectContaining({ type: 'hook', exitCode: 7 }))
    const { readFileSync } = await import('node:fs')
    const env = JSON.parse(readFileSync(seen, 'utf8')) as Record<string, string>
    expect(env).toMatchObject({ CROSSFADE_PLAN: 'shop', CROSSFADE_AT: 'before-switch' })
    expect(Object.keys(env).filter((name) => name.includes('URL'))).toEqual([])
    await expectBlueInCharge()
  })

  // The gates are in place since the tests above; a first attempt would wait for the sessions that keep them out.
  test('a transaction that stays open stops the switch, is named, and blue is open again', async () => {
    const plan = folder.shopWith(
      'hasty.ts',
      `{ limits: { ...shop.input.limits, switchAttempts: 1, holdBudgetMs: 300 } }`,
    )
    await using held = await holdTransaction(shop, `UPDATE orders SET cents = cents WHERE id = 3`)
    const child = shop.spawn(['run', plan, '--json', '--yes'])
    // Others write all the while: whoever waits for the one must not let everybody wait.
    const impatient = engine === 'postgres' ? `SET lock_timeout = '5s'` : 'SET lock_wait_timeout = 5'
    let writes = 0
    const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
    const writing = (async () => {
      for (; isRunning(); writes += 1) await shop.sql('blue', impatient, `UPDATE orders SET cents = cents WHERE id = 2`)
    })()
    const run = await finished(child)
    await writing
    expect(writes).toBeGreaterThan(0)
    expect(last(run)).toMatchObject({ exitCode: 4, stderr: '', outcome: 'refused' })
    expect(String(run.lines.at(-1)?.['reason'])).toContain(held.id)
    await held.end()
    await expectBlueInCharge()
  })

  test('abort leaves nothing', async () => {
    expect((await shop.cli(['abort', SHOP_PLAN])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  })
})
