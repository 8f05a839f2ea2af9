/** Read your writes while the primary changes: no session reads less than it wrote, before, during or after. */
import { expect, test, vi } from 'vitest'
import { startReplica } from '../../scripts/servers/replica.ts'
import { createPool, type Pool } from '../../src/pool/index.ts'
import { describeEachEngine, runSql } from '../support/servers.ts'
import { createFailoverStage } from './failover-stage.ts'
import { until } from './support.ts'

vi.setConfig({ testTimeout: 300_000 })

const CLIENTS = 6

/** Each client counts up a row of its own, and looks after each write what it is. */
class Sessions {
  readonly stale: string[] = []
  readonly untyped: string[] = []
  written = 0
  #isStopping = false
  readonly #clients: Promise<void>[]

  constructor(private readonly pool: Pool) {
    this.#clients = Array.from({ length: CLIENTS }, (_, id) => pool.session().run(() => this.#work(id)))
  }

  async more(count: number): Promise<void> {
    const from = this.written
    await until(() => this.written >= from + count)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#clients)
  }

  async #work(id: number): Promise<void> {
    for (let n = 1; !this.#isStopping; n += 1) {
      await this.#surely(() => this.pool.query(`UPDATE t SET n = ${n} WHERE id = ${id}`))
      this.written += 1
      for (let look = 0; look < 3; look += 1) {
        const { rows } = await this.#surely(() => this.pool.query<{ n: number }>(`SELECT n FROM t WHERE id = ${id}`))
        if (rows[0]!.n !== n) this.stale.push(`client ${id} wrote ${n} and read ${rows[0]!.n}`)
      }
    }
  }

  /** Repeating either changes nothing. */
  async #surely<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof Error && 'outcome' in error)) this.untyped.push(String(error))
      }
    }
  }
}

describeEachEngine('reads of what a session wrote', (engine) => {
  test.each(['killed', 'demoted'] as const)(
    'are never stale while the primary is %s and a replica takes over',
    async (how) => {
      await using stage = await createFailoverStage(engine)
      const { primary, replica } = stage
      // Follows the one that is promoted, before and after it.
      const second = await startReplica(replica)
      try {
        const rows = Array.from({ length: CLIENTS }, (_, id) => `(${id}, 0)`).join()
        await runSql(
          engine,
          stage.url(primary),
          'CREATE TABLE t (id int PRIMARY KEY, n int)',
          `INSERT INTO t VALUES ${rows}`,
        )
        await replica.catchUp()
        await second.catchUp()
        const pool = createPool({
          url: stage.url(primary),
          replicas: [stage.url(replica), stage.url(second)],
          min: 2,
          max: 8,
          acquireTimeoutMs: 60_000,
          replicaWaitMs: 20,
          // A former primary that follows nobody is a candidate as well: it must not be believed.
          maxLagMs: Infinity,
        })
        let isOver = false
        const sessions = new Sessions(pool)
        const flapping = (async () => {
          while (!isOver) {
            await second.pauseReplay()
            await sessions.more(5)
            await second.resumeReplay()
            await sessions.more(10)
          }
        })()
        try {
          await sessions.more(100)
          if (how === 'killed') await primary.kill('SIGKILL')
          else await stage.setReadOnly(primary, true)
          await stage.promote()
          await sessions.more(200)
          const onReplica = () =>
            pool.stats().reads.find(({ route, why }) => route === 'replica' && why === 'parsed')?.count ?? 0
          const before = onReplica()
          await until(() => onReplica() > before + 20)
        } finally {
          isOver = true
          await flapping
          await sessions.stop()
          await pool.end()
        }
        expect(sessions.stale).toEqual([])
        expect(sessions.untyped).toEqual([])
        expect(pool.stats().counts.failovers).toBe(1)
        for (const server of [replica, second]) await until(async () => (await stage.countSessions(server)) === 0)
      } finally {
        await second.stop()
      }
    },
  )
})
