/** A replica that goes on following the former primary: its positions may be further, and it lacks what was written since. */
import { expect, test, vi } from 'vitest'
import { startReplica } from '../../scripts/servers/replica.ts'
import { withDatabase } from '../../scripts/servers/run-sql.ts'
import { createPool } from '../../src/pool/index.ts'
import { describeEachEngine, runSql } from '../support/servers.ts'
import { createFailoverStage } from './failover-stage.ts'
import { until } from './support.ts'

vi.setConfig({ testTimeout: 300_000 })

describeEachEngine('a replica that was left behind by a promotion', (engine) => {
  test('is not believed to show an own write, however far it is on its own way', async () => {
    await using stage = await createFailoverStage(engine)
    const { primary, replica } = stage
    const third = await startReplica(primary)
    try {
      await runSql(
        engine,
        stage.url(primary),
        'CREATE TABLE t (id int PRIMARY KEY, n int)',
        'INSERT INTO t VALUES (1, 0)',
      )
      await replica.catchUp()
      await third.catchUp()
      await stage.commitAlone(primary)
      await using pool = createPool({
        url: stage.url(primary),
        replicas: [stage.url(replica), stage.url(third)],
        min: 1,
        max: 4,
        acquireTimeoutMs: 60_000,
        maxLagMs: Infinity,
      })
      await pool.query('SELECT 1')
      await stage.setReadOnly(primary, true)
      await stage.promote()
      await until(() => pool.stats().counts.failovers === 1)
      // Somebody who may goes on writing there, as its own housekeeping does.
      const ask = (...sql: string[]) => runSql(engine, withDatabase(primary.adminUrl, 'app'), ...sql)
      const writable = engine === 'postgres' ? ['SET default_transaction_read_only = off'] : []
      const fill = Array.from({ length: 50 }, (_, index) => `INSERT INTO written VALUES (${1_000 + index})`)
      await ask(
        ...writable,
        ...fill,
        ...(engine === 'postgres'
          ? ['SELECT pg_switch_wal()', ...fill.map((sql) => sql.replace('(1', '(2')), 'SELECT pg_switch_wal()']
          : []),
      )
      await third.catchUp()

      const session = pool.session()
      for (let n = 1; n <= 5; n += 1) {
        await session.run(() => pool.query(`UPDATE t SET n = ${n} WHERE id = 1`))
        const { rows } = await session.run(() => pool.query('SELECT n FROM t WHERE id = 1'))
        expect(rows).toEqual([{ n }])
      }
      await pool.end()
      for (const server of [primary, replica, third]) await until(async () => (await stage.countSessions(server)) === 0)
    } finally {
      await third.stop()
    }
  })
})
