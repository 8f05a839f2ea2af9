/** What follows a validation that fails behind the switch. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPlanFolder } from '../support/plan-file.js'
import { describeEachEngine } from '../support/servers.js'
import { createShop, SHOP_PLAN, type CliResult, type Shop } from '../support/shop.js'
import { waitingFor, watch } from '../support/watch.js'

const last = ({ exitCode, lines, stderr }: CliResult): unknown => ({ exitCode, stderr, ...lines.at(-1) })

/** Holds until the application writes on green. */
const INVARIANT = `[{
  name: 'no order is born in green',
  blue: { postgres: 'SELECT 0', mysql: 'SELECT 0' },
  green: {
    postgres: 'SELECT COUNT(*) FROM orders WHERE id >= 5000000000000000',
    mysql: 'SELECT COUNT(*) FROM orders WHERE id >= 5000000000000000',
  },
}]`
const ORDER = `INSERT INTO orders (item_id, reference, status, cents) VALUES (1, 'born', 'completed', 500)`

describeEachEngine('a validation that fails', (engine) => {
  let shop: Shop
  const folder = createPlanFolder()
  beforeAll(async () => {
    shop = await createShop(engine)
  })
  afterAll(async () => {
    folder[Symbol.dispose]()
    await shop[Symbol.asyncDispose]()
  })
  const status = async (): Promise<Record<string, unknown>> =>
    (await shop.cli(['status', SHOP_PLAN, '--json'])).lines[0]!

  test('rolls back by itself with 5, and every write is on blue', async () => {
    const plan = folder.shopWith(
      'failing.ts',
      `{ invariants: ${INVARIANT}, limits: { ...shop.input.limits, soakMs: 4000 } }`,
    )
    const run = watch(shop.spawn(['run', plan, '--yes', '--json']))
    await run.line(waitingFor('soak'))
    await shop.sql('green', ORDER, `DELETE FROM orders WHERE reference = 'b'`)
    const result = await run.result
    expect(last(result), result.stdout).toMatchObject({ exitCode: 5, stderr: '', type: 'exit', outcome: 'rolled-back' })
    expect(result.lines).toContainEqual(
      expect.objectContaining({ type: 'invariant', name: 'no order is born in green', isEqual: false }),
    )
    expect(result.lines.filter(({ type }) => type === 'switched')).toMatchObject([
      { from: 'blue', to: 'green', epoch: 2 },
      { from: 'green', to: 'blue', epoch: 3 },
    ])
    const failed = result.lines.find(({ type, phase }) => type === 'phase-done' && phase === 'validate')
    expect(failed).toMatchObject({ result: 'failed', reason: expect.stringContaining('no order is born in green') })
    expect(await shop.sql('blue', 'SELECT reference, cents FROM orders ORDER BY id')).toEqual([
      { reference: 'a', cents: 100 },
      { reference: 'c', cents: 1 },
      { reference: 'born', cents: 500 },
    ])
    expect(await status()).toMatchObject({ phase: 'ended', outcome: 'rolled-back', authority: 'blue' })
    await shop.sql('blue', `DELETE FROM orders WHERE reference = 'born'`)
    expect((await shop.cli(['complete', plan])).exitCode).toBe(0)
    expect(await shop.remains()).toEqual([])
  })

  test('asks where the plan says so: `rollback` and `complete` are both possible', async () => {
    const plan = folder.shopWith(
      'asking.ts',
      `{ invariants: ${INVARIANT}, limits: { ...shop.input.limits, soakMs: 4000, onFailedValidation: 'ask' } }`,
    )
    const run = watch(shop.spawn(['run', plan, '--yes', '--json']))
    await run.line(waitingFor('soak'))
    await shop.sql('green', ORDER)
    const result = await run.result
    expect(last(result), result.stdout).toMatchObject({ exitCode: 6, stderr: '', outcome: 'waiting' })
    expect(result.lines.filter(waitingFor('approval')).at(-1)).toMatchObject({
      why: expect.stringContaining('no order is born in green'),
      next: 'crossfade rollback, or crossfade complete to keep green',
    })
    expect(await status()).toMatchObject({ phase: 'validate', authority: 'green', waiting: { for: 'approval' } })

    // Looked at again, it fails again.
    const quick = folder.shopWith(
      'quick.ts',
      `{ invariants: ${INVARIANT}, limits: { ...shop.input.limits, soakMs: 0, onFailedValidation: 'ask' } }`,
    )
    expect(last(await shop.cli(['run', quick, '--yes', '--json']))).toMatchObject({ exitCode: 6, outcome: 'waiting' })

    // Whoever says `complete` now has seen what failed, and keeps green.
    const complete = await shop.cli(['complete', quick, '--json'])
    expect(last(complete), complete.stdout).toMatchObject({ exitCode: 0, stderr: '', outcome: 'completed' })
    expect(await status()).toMatchObject({ phase: 'ended', outcome: 'completed', authority: 'green' })
    await shop.sql('green', `UPDATE orders SET cents = 501 WHERE reference = 'born'`)
  })
})
