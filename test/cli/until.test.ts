/** `--until`, phase by phase: where the run ends, and what is there then. */
import { expect, test } from 'vitest'
import { describeEachEngine } from '../support/servers.js'
import { createShop, SHOP_PLAN, type CliResult } from '../support/shop.js'

const last = ({ exitCode, lines, stderr }: CliResult): unknown => ({ exitCode, stderr, ...lines.at(-1) })

describeEachEngine('--until', (engine) => {
  test('ends each run behind its phase, and a phase that is done is not done again', async () => {
    await using shop = await createShop(engine)
    const stations = [
      { until: 'backup', phase: 'parallel-schema', authority: 'blue', phases: ['backup'] },
      { until: 'parallel-schema', phase: 'dual-write-sync', authority: 'blue', phases: ['parallel-schema'] },
      { until: 'dual-write-sync', phase: 'dual-write-sync', authority: 'blue', phases: ['dual-write-sync'] },
      { until: 'cutover', phase: 'validate', authority: 'green', phases: ['dual-write-sync', 'cutover'] },
      { until: 'validate', phase: 'complete', authority: 'green', phases: ['validate'] },
    ]
    for (const { until, phase, authority, phases } of stations) {
      const run = await shop.cli(['run', SHOP_PLAN, '--json', '--yes', '--until', until])
      expect(last(run), `${until}: ${run.stdout}`).toMatchObject({ exitCode: 0, stderr: '', outcome: 'until-reached' })
      expect(run.lines.filter(({ type }) => type === 'phase-started').map((line) => line['phase'])).toEqual(phases)
      const status = await shop.cli(['status', SHOP_PLAN, '--json'])
      expect(status.lines[0], until).toMatchObject({ phase, authority, outcome: 'running', holder: null })
    }
    // Reached already: `--yes` must not end the way back for somebody who gave the same command twice.
    const again = await shop.cli(['run', SHOP_PLAN, '--json', '--yes', '--until', 'validate'])
    expect(last(again)).toMatchObject({ exitCode: 0, outcome: 'until-reached', reason: 'validate is done' })
    expect((await shop.cli(['status', SHOP_PLAN, '--json'])).lines[0]).toMatchObject({
      phase: 'complete',
      isCompletionApproved: false,
      nextCommands: ['run', 'verify', 'complete', 'rollback', 'report'],
    })
    const back = await shop.cli(['rollback', SHOP_PLAN, '--json', '--until', 'rollback'])
    expect(last(back)).toMatchObject({ exitCode: 5, outcome: 'rolled-back' })
    expect((await shop.cli(['run', SHOP_PLAN, '--json', '--yes', '--until', 'complete'])).exitCode).toBe(0)
    expect((await shop.cli(['status', SHOP_PLAN, '--json'])).lines[0]).toMatchObject({
      phase: 'ended',
      outcome: 'completed',
      authority: 'green',
    })
  })

  test('tables of green that somebody has filled since the check are not touched', async () => {
    await using shop = await createShop(engine)
    expect((await shop.cli(['run', SHOP_PLAN, '--until', 'backup'])).exitCode).toBe(0)
    await shop.sql('green', 'CREATE TABLE orders (id BIGINT PRIMARY KEY)', 'INSERT INTO orders VALUES (77)')
    const theirs = () => shop.sql('green', 'SELECT CAST(id AS char(2)) AS id FROM orders')
    // The second run must not take for its own what the first one has found.
    for (const command of ['run', 'run', 'abort'] as const) {
      const { exitCode, stdout } = await shop.cli([command, SHOP_PLAN])
      expect(exitCode, stdout).toBe(command === 'run' ? 4 : 0)
      if (command === 'run') expect(stdout).toContain('green has rows that Crossfade did not write, in orders')
      expect(await theirs()).toEqual([{ id: '77' }])
    }
  })
})
