import { expect, test } from 'vitest'
import { type DriverConnection, openPoolDriver } from '../../src/engines/pool-driver.ts'
import { withoutPageHeader } from '../../src/engines/postgres/replication.ts'
import { startReplicated } from '../../scripts/servers/replicated.ts'
import { describeEachEngine, runSql } from '../support/servers.ts'

describeEachEngine('what a host says about its part in replication', (engine) => {
  test(
    'role, positions and lag of a primary and of its replica, paused and promoted',
    { timeout: 300_000 },
    async () => {
      await using servers = await startReplicated({ engine, say: () => {} })
      const replica = servers.replicas[0]!
      const open = async (url: string) => {
        const driver = await openPoolDriver(url)
        return { driver, connection: await driver.connect({ timeoutMs: 60_000, application: 'replication' }) }
      }
      const { driver, connection: main } = await open(servers.clientUrl(servers.primary))
      const { connection: follower } = await open(servers.clientUrl(replica))
      const { role, position, awaitReplay, lagMs } = driver.replication
      const rows = async (connection: DriverConnection) => (await connection.query('SELECT a FROM t', [])).rows.length

      await main.query('CREATE TABLE t (a int)', [])
      expect(await role(main)).toMatchObject({ isWritable: true, isReplica: false })
      expect(await role(follower)).toMatchObject({ isWritable: false, isReplica: true })
      if (engine === 'postgres') expect(await position(follower)).toBe(undefined)
      expect(await lagMs(main)).toBe(Infinity)

      // Reached at once and not only when somebody else writes: 60 s would be the test's end.
      for (let n = 0; n < 50; n += 1) {
        await main.query(`INSERT INTO t VALUES (${n})`, [])
        expect(await awaitReplay(follower, (await position(main))!, 60_000)).toBe(true)
        expect(await rows(follower)).toBe(n + 1)
      }
      expect(await lagMs(follower)).toBeLessThan(60_000)

      await replica.pauseReplay()
      await main.query('INSERT INTO t VALUES (100)', [])
      const behind = (await position(main))!
      expect(await awaitReplay(follower, behind, 0)).toBe(false)
      expect(await awaitReplay(follower, behind, 50)).toBe(false)
      const waiting = awaitReplay(follower, behind, 60_000)
      await replica.resumeReplay()
      expect(await waiting).toBe(true)
      expect(await rows(follower)).toBe(51)

      await servers.primary.kill()
      await replica.promote()
      expect(await role(follower)).toMatchObject({ isWritable: true, isReplica: false })
      await follower.query('INSERT INTO t VALUES (101)', [])
      expect(await position(follower)).toEqual(expect.any(String))
      await runSql(
        engine,
        replica.adminUrl,
        engine === 'postgres'
          ? 'ALTER DATABASE app SET default_transaction_read_only = on'
          : 'SET GLOBAL read_only = ON',
      )
      const { connection: demoted } = await open(servers.clientUrl(replica))
      expect(await role(demoted)).toMatchObject({ isWritable: false, isReplica: false })
      for (const connection of [main, follower, demoted]) connection.destroy()
    },
  )
})

test('an LSN behind the header of a page is the end of the page before; all others stay', () => {
  expect(withoutPageHeader('1/20000018', 8192n)).toBe('1/20000000')
  expect(withoutPageHeader('0/3002018', 8192n)).toBe('0/3002000')
  expect(withoutPageHeader('0/3002020', 8192n)).toBe('0/3002020')
  expect(withoutPageHeader('0/3002018', 16384n)).toBe('0/3002018')
})
