import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { startReplicated } from '../scripts/servers/replicated.ts'
import { listTestEngines, runSql } from './support/servers.ts'

const MYSQL = { engine: 'mysql', prefer: 'local' } as const

test.each([
  { engine: 'postgres', prefer: 'local' },
  { engine: 'postgres', prefer: 'embedded' },
  { engine: 'mariadb', prefer: 'local' },
  ...(listTestEngines().includes('mysql') ? [MYSQL] : []),
] as const)(
  'a replica ($engine, $prefer) follows, pauses, goes on, refuses writes until it is promoted, and leaves nothing',
  { timeout: 300_000 },
  async ({ engine, prefer }) => {
    const folders: string[] = []
    {
      await using servers = await startReplicated({ engine, prefer, say: () => {} })
      const replica = servers.replicas[0]!
      folders.push(...[servers.primary, replica].map(({ dataDir }) => dirname(dataDir!)))
      const write = (n: number, to = servers.primary) =>
        runSql(engine, servers.clientUrl(to), `INSERT INTO t VALUES (${n})`)
      const read = async () =>
        (await runSql(engine, servers.clientUrl(replica), 'SELECT a FROM t ORDER BY a')).map(({ a }) => a)

      await runSql(engine, servers.clientUrl(servers.primary), 'CREATE TABLE t (a int)')
      await write(1)
      await replica.catchUp()
      expect(await read()).toEqual([1])

      await replica.pauseReplay()
      await write(2)
      expect(await read()).toEqual([1])
      await replica.resumeReplay()
      await replica.catchUp()
      expect(await read()).toEqual([1, 2])
      await expect(write(3, replica)).rejects.toThrow(/read-only/)

      await replica.kill('SIGSTOP')
      await write(3)
      await replica.kill('SIGCONT')
      await replica.restart()
      await replica.catchUp()
      await servers.primary.kill()
      await replica.promote()
      await write(4, replica)
      expect(await read()).toEqual([1, 2, 3, 4])
    }
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, false])
  },
)
