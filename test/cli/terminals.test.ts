/** Several terminals: one runs the migration, others look and tell it what to do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPlanFolder } from '../support/plan-file.js'
import { describeEachEngine } from '../support/servers.js'
import { createShop, SHOP_PLAN, type CliResult, type Shop } from '../support/shop.js'
import { waitingFor, watch, type Watched } from '../support/watch.js'

const last = ({ exitCode, lines, stderr }: CliResult): unknown => ({ exitCode, stderr, ...lines.at(-1) })

describeEachEngine('beside a run', (engine) => {
  let shop: Shop
  const folder = createPlanFolder()
  afterAll(() => folder[Symbol.dispose]())
  const status = async (): Promise<Record<string, unknown>> => {
    const { exitCode, lines } = await shop.cli(['status', SHOP_PLAN, '--json'])
    expect(exitCode).toBe(0)
    return lines[0]!
  }

  describe('to the end', () => {
    let run: Watched
    beforeAll(async () => {
      shop = await createShop(engine)
      run = watch(shop.spawn(['run', SHOP_PLAN, '--wait', '--json']))
      await run.line(waitingFor('approval'))
    })
    afterAll(() => shop[Symbol.asyncDispose]())

    test('another run is refused with 7 as soon as the first is seen to live, and changes nothing', async () => {
      const second = await shop.cli(['run', SHOP_PLAN, '--json', '--yes'])
      expect(second.lines[0]).toMatchObject({
        type: 'waiting',
        for: 'lease',
        why: expect.stringMatching(/has the migration/),
      })
      expect(last(second)).toMatchObject({
        exitCode: 7,
        stderr: '',
        type: 'error',
        code: 'LEASE_HELD',
        message: expect.stringMatching(/^"orchestrator@\S+:\d+" holds the lease of the plan "shop" until /),
        hint: 'Wait for the other run to end or to lose its lease, or use its terminal.',
      })
      expect(await status()).toMatchObject({ authority: 'blue', isSwitchApproved: false })
    })

    test('`status` tells where it stands, what it waits for and what is possible', async () => {
      expect(await status()).toMatchObject({
        v: 1,
        type: 'status',
        plan: 'shop',
        phase: 'dual-write-sync',
        outcome: 'running',
        authority: 'blue',
        epoch: 1,
        isPaused: false,
        hasPlanChanged: false,
        holder: { holder: expect.stringContaining(`:${run.child.pid}`), expiresInMs: expect.any(Number) },
        copied: { done: 6, of: 6 },
        lag: { side: 'blue', changes: expect.any(Number), ageMs: expect.any(Number) },
        lastVerification: { direction: 'reverse', differences: 0, skipped: 0 },
        switches: [],
        lastMiss: null,
        waiting: { for: 'approval', next: 'crossfade cutover' },
        nextCommands: ['run', 'verify', 'cutover', 'pause', 'rollback', 'abort'],
      })
      const { exitCode, stdout, stderr } = await shop.cli(['status', SHOP_PLAN])
      expect([exitCode, stderr]).toEqual([0, ''])
      expect(stdout).toContain('shop: dual-write-sync\n   blue has the authority, epoch 1\n   run by orchestrator@')
      expect(stdout).toContain('6 of 6 projections copied')
      expect(stdout).toContain('waits for approval: both sides are in sync and verified; the switch needs approval')
      expect(stdout).toContain('possible now: run, verify, cutover, pause, rollback, abort')
    })

    test('`pause` and `resume` are answered by the run', async () => {
      const pause = await shop.cli(['pause', SHOP_PLAN, '--json'])
      expect(pause.lines).toEqual([
        {
          v: 1,
          type: 'answer',
          command: 'pause',
          accepted: true,
          message: 'paused: the copy and the switch wait, sync goes on',
        },
      ])
      expect(pause.exitCode).toBe(0)
      await run.line(waitingFor('resume'))
      expect(await status()).toMatchObject({ isPaused: true, nextCommands: expect.arrayContaining(['resume']) })
      expect((await shop.cli(['status', SHOP_PLAN])).stdout).toContain('shop: dual-write-sync, paused\n')
      // Sync goes on.
      await shop.sql('blue', `INSERT INTO orders (item_id, reference, state, cents) VALUES (1, 'paused', 'new', 7)`)
      await expect
        .poll(() => shop.sql('green', `SELECT cents FROM orders WHERE reference = 'paused'`), { timeout: 10_000 })
        .toEqual([{ cents: 7 }])
      const resume = await shop.cli(['resume', SHOP_PLAN])
      expect([resume.exitCode, resume.stdout]).toEqual([0, 'going on\n'])
      expect(await status()).toMatchObject({ isPaused: false, authority: 'blue' })
    })

    test('a command out of season is refused with 4 by the run, which goes on', async () => {
      const complete = await shop.cli(['complete', SHOP_PLAN, '--json'])
      expect(complete.exitCode).toBe(4)
      expect(complete.lines).toEqual([
        {
          v: 1,
          type: 'answer',
          command: 'complete',
          accepted: false,
          message: 'cannot complete in phase dual-write-sync: green is not validated',
        },
      ])
      expect(run.child.exitCode).toBeNull()
    })

    test('`cutover` shows the switch until it is done', async () => {
      const cutover = await shop.cli(['cutover', SHOP_PLAN, '--json'])
      expect(cutover.stderr).toBe('')
      expect(cutover.exitCode, cutover.stdout).toBe(0)
      expect(cutover.lines[0]).toMatchObject({ type: 'answer', command: 'cutover', accepted: true })
      expect(cutover.lines.at(-1)).toMatchObject({ type: 'switched', from: 'blue', to: 'green', epoch: 2 })
      await run.line(({ type, phase }) => type === 'phase-started' && phase === 'complete')
      expect(await status()).toMatchObject({ authority: 'green', epoch: 2, switches: [{ from: 'blue', to: 'green' }] })
      await shop.sql('green', `UPDATE orders SET cents = 8 WHERE reference = 'paused'`)
    })

    test('behind the switch `verify` compares the way back, and `abort`, `pause` and `cutover` are refused', async () => {
      const verify = await shop.cli(['verify', SHOP_PLAN, '--json'])
      expect(last(verify)).toMatchObject({ exitCode: 0, type: 'pass-done', direction: 'reverse', differences: 0 })
      const answers = [
        ['abort', 'green has the authority: use rollback, which brings every write back'],
        ['pause', 'nothing is left to pause in phase complete: copy and switch are done'],
        ['cutover', 'cannot cut over in phase complete'],
      ] as const
      for (const [command, message] of answers)
        expect(last(await shop.cli([command, SHOP_PLAN, '--json']))).toMatchObject({
          exitCode: 4,
          command,
          accepted: false,
          message,
        })
    })

    test('`complete` ends the run as well', async () => {
      expect(last(await shop.cli(['complete', SHOP_PLAN, '--json']))).toMatchObject({
        exitCode: 0,
        type: 'outcome',
        outcome: 'completed',
      })
      const { exitCode, stderr } = await run.result
      expect([exitCode, stderr]).toEqual([0, ''])
      expect(await status()).toMatchObject({
        phase: 'ended',
        outcome: 'completed',
        authority: 'green',
        holder: null,
        waiting: null,
        nextCommands: ['report'],
      })
    })

    // It began a new migration, which gave the authority back to a blue that is out of date.
    test('what is completed stays so, whatever is run', async () => {
      expect(last(await shop.cli(['run', SHOP_PLAN, '--json', '--yes']))).toMatchObject({
        exitCode: 0,
        outcome: 'completed',
        reason: 'the migration was completed before',
      })
      for (const command of ['rollback', 'abort', 'cutover', 'pause'])
        expect(last(await shop.cli([command, SHOP_PLAN, '--json']))).toMatchObject({ exitCode: 4, code: 'WRONG_PHASE' })
      const renamed = folder.shopWith('renamed.ts', `{ name: 'other' }`)
      expect(last(await shop.cli(['run', renamed, '--json', '--yes']))).toMatchObject({
        exitCode: 4,
        stderr: '',
        code: 'REFUSED',
        message: expect.stringMatching(/^green takes writes since an earlier migration/),
      })
      expect(await status()).toMatchObject({ phase: 'ended', outcome: 'completed', authority: 'green', epoch: 2 })
      await shop.sql('green', `UPDATE orders SET cents = 9 WHERE reference = 'paused'`)
      await expect(shop.sql('blue', `UPDATE orders SET cents = 0 WHERE id = 1`)).rejects.toThrow(
        /crossfade: side blue is closed/,
      )
    })
  })

  describe('and back', () => {
    beforeAll(async () => {
      shop = await createShop(engine)
    })
    afterAll(() => shop[Symbol.asyncDispose]())

    test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a run with 130, and the next one goes on', async (signal) => {
      const run = watch(shop.spawn(['run', SHOP_PLAN, '--wait', '--json']))
      await run.line(waitingFor('approval'))
      run.child.kill(signal)
      expect(last(await run.result)).toMatchObject({
        exitCode: 130,
        stderr: '',
        outcome: 'interrupted',
        reason: 'stopped by a signal; `crossfade run` continues from here',
      })
      expect(await status()).toMatchObject({
        phase: 'dual-write-sync',
        holder: null,
        lastOutcome: { outcome: 'interrupted' },
      })
    })

    test('`rollback` in the middle of the soak brings every write back, and ends both with 5', async () => {
      const soak = folder.shopWith('soak.ts', `{ limits: { ...shop.input.limits, soakMs: 600_000 } }`)
      const run = watch(shop.spawn(['run', soak, '--yes', '--json']))
      await run.line(waitingFor('soak'))
      await shop.sql(
        'green',
        `INSERT INTO orders (item_id, reference, status, cents) VALUES (1, 'born', 'completed', 500)`,
        `UPDATE orders SET cents = 11 WHERE reference = 'a'`,
      )
      const back = await shop.cli(['rollback', SHOP_PLAN, '--json'])
      expect(back.lines[0]).toMatchObject({ type: 'answer', command: 'rollback', accepted: true })
      expect(last(back)).toMatchObject({ exitCode: 5, stderr: '', type: 'outcome', outcome: 'rolled-back' })
      expect(last(await run.result)).toMatchObject({ exitCode: 5, stderr: '', outcome: 'rolled-back' })
      expect(
        await shop.sql(
          'blue',
          `SELECT reference, state, cents FROM orders WHERE reference IN ('a', 'born') ORDER BY id`,
        ),
      ).toEqual([
        { reference: 'a', state: 'new', cents: 11 },
        { reference: 'born', state: 'paid', cents: 500 },
      ])
      expect(await status()).toMatchObject({
        phase: 'ended',
        outcome: 'rolled-back',
        authority: 'blue',
        epoch: 3,
        rollbackReason: expect.stringMatching(/^asked for by operator:/),
        nextCommands: ['report', 'complete', 'run'],
      })
      await shop.sql('blue', `UPDATE orders SET cents = 12 WHERE reference = 'a'`)
      await expect(shop.sql('green', `UPDATE orders SET cents = 0`)).rejects.toThrow(/crossfade: side green is closed/)
    })

    test('after a rollback `run` begins again, over what the first migration left in green', async () => {
      await shop.sql('blue', `DELETE FROM orders WHERE reference = 'c'`, `DELETE FROM services WHERE id = 4`)
      // Rows that were born in green have kept their keys, which are above the band of kept ones.
      const check = await shop.cli(['check', SHOP_PLAN, '--json'])
      expect(check.exitCode).toBe(4)
      expect(check.lines).toContainEqual(
        expect.objectContaining({
          code: 'KEY_OUT_OF_BAND',
          message: 'orders.id, kept in orders, holds keys up to 5000000000000000; its band ends at 999999999999999',
          hint: 'Raise `base` and `birthLine` of the plan so that the band holds all keys.',
        }),
      )
      await shop.sql('blue', `DELETE FROM orders WHERE reference = 'born'`)
      const again = await shop.cli(['run', SHOP_PLAN, '--json'])
      expect(last(again), again.stdout).toMatchObject({ exitCode: 6, outcome: 'waiting' })
      expect(last(await shop.cli(['verify', SHOP_PLAN, '--json']))).toMatchObject({ exitCode: 0, differences: 0 })
      expect(await shop.sql('green', `SELECT reference, cents FROM orders ORDER BY id`)).toEqual([
        { reference: 'a', cents: 12 },
        { reference: 'b', cents: 250 },
        { reference: 'old', cents: 5 },
        { reference: '', cents: 6 },
      ])
      expect(await status()).toMatchObject({ phase: 'dual-write-sync', authority: 'blue', epoch: 4, switches: [] })
    })

    test('`abort` ends the run as well, and leaves nothing', async () => {
      const run = watch(shop.spawn(['run', SHOP_PLAN, '--wait', '--json']))
      await run.line(waitingFor('approval'))
      const abort = await shop.cli(['abort', SHOP_PLAN, '--json'])
      expect([abort.exitCode, abort.stderr]).toEqual([0, ''])
      expect(abort.lines[0]).toMatchObject({ type: 'answer', command: 'abort', accepted: true })
      expect(last(await run.result)).toMatchObject({ exitCode: 0, stderr: '', outcome: 'aborted' })
      expect(await shop.remains()).toEqual([])
    })

    test('a run that waits for the lease of a dead one is ended by a signal', async () => {
      // A long lease, so that it is still there however slow the machine is.
      const patient = folder.shopWith('patient.ts', `{ limits: { ...shop.input.limits, leaseMs: 60_000 } }`)
      const dead = watch(shop.spawn(['run', patient, '--wait', '--json']))
      await dead.line(waitingFor('approval'))
      dead.child.kill('SIGKILL')
      expect((await dead.result).exitCode).toBeNull()
      const next = watch(shop.spawn(['run', SHOP_PLAN, '--json']))
      await next.line(waitingFor('lease'))
      next.child.kill('SIGTERM')
      expect(last(await next.result)).toMatchObject({ exitCode: 130, stderr: '', outcome: 'interrupted' })
    })
  })
})
