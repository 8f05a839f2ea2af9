import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createPool, PoolError, type Leak, type Pool } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, freePort, until, type Stage } from './support.ts'

const poolOn = (stage: Stage, options: object = {}): Pool =>
  createPool({ url: stage.options.blue, min: 0, max: 2, acquireTimeoutMs: 30_000, ...options })

async function forgetToRelease(pool: Pool) {
  return pool.connection()
}

describeEachEngine('the life of a connection', (engine) => {
  test('a borrower that keeps it for too long is told once, with its stack and its last statement', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { leakAfterMs: 60 })
    const leaks: Leak[] = []
    pool.on('leak', (leak) => leaks.push(leak))
    await pool.query('SELECT 1')
    const connection = await forgetToRelease(pool)
    await connection.query("SELECT 'a secret' AS word")

    await until(() => leaks.length > 0)
    const inside = pool.transaction(async (tx) => {
      await tx.query('SELECT 2 AS two')
      await until(() => leaks.length > 1)
    })
    await inside

    expect(leaks).toHaveLength(2)
    expect(leaks[0]).toMatchObject({ side: 'blue', sql: 'SELECT ? AS word' })
    expect(leaks[0]!.stack).toContain('forgetToRelease')
    expect(leaks[0]!.ageMs).toBeGreaterThanOrEqual(60)
    expect(leaks[1]).toMatchObject({ sql: 'SELECT ? AS two' })
    connection.release()
  })

  test('a second release is an error with a code, whichever way the first one was', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const byHand = await pool.connection()
    byHand.release()
    const disposed = await pool.connection()
    await disposed[Symbol.asyncDispose]()

    for (const connection of [byHand, disposed]) {
      expect(() => connection.release()).toThrow(PoolError)
      expect(() => connection.release()).toThrow(expect.objectContaining({ code: 'CONNECTION_RELEASED' }))
    }
    let kept: { query(sql: string): Promise<unknown> } | undefined
    await pool.transaction(async (tx) => void (kept = tx))
    await expect(kept!.query('SELECT 1')).rejects.toMatchObject({ code: 'CONNECTION_RELEASED' })
    expect(pool.stats()).toMatchObject({ inUse: 0 })
  })

  test('events have the names and the order of pg and mysql2', async () => {
    await using stage = await createStage(engine)
    const pool = poolOn(stage, { max: 1 })
    const seen: string[] = []
    const names = ['connect', 'connection', 'acquire', 'release', 'remove', 'enqueue'] as const
    for (const name of names) pool.on(name, () => seen.push(name))
    pool.on('acquire', () => {
      throw new Error('a listener of the application that fails does not harm the pool')
    })

    await pool.query('SELECT 1')
    // Nobody was there at first, so the one who came had to wait.
    expect(seen).toEqual(['enqueue', 'connect', 'connection', 'acquire', 'release'])
    seen.length = 0
    const holder = await pool.connection()
    const waiting = pool.query('SELECT 2')
    expect(seen).toEqual(['acquire', 'enqueue'])
    holder.release()
    await waiting
    expect(seen).toEqual(['acquire', 'enqueue', 'release', 'acquire', 'release'])
    seen.length = 0
    await pool.end()
    expect(seen).toEqual(['remove'])
    expect(pool.stats()).toMatchObject({ inUse: 0, total: 0 })
  })

  test('the minimum is there before anybody asks, and is filled up again', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { min: 3, max: 5 })
    await until(() => pool.stats().idle === 3)
    expect(pool.stats()).toMatchObject({ total: 3, counts: { acquired: 0, connected: 3 } })
    const ids =
      engine === 'postgres'
        ? "SELECT pid AS id FROM pg_stat_activity WHERE application_name = 'app' AND datname = current_database()"
        : "SELECT id AS id FROM information_schema.processlist WHERE db = '{blue}' AND id <> connection_id()"
    for (const { id } of await stage.sql(ids)) {
      await stage.sql(engine === 'postgres' ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`)
    }
    await until(() => pool.stats().counts.connected === 6 && pool.stats().idle === 3)
  })

  test('a connection is replaced when its time is over, not all at once', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { min: 2, max: 2, maxLifetimeMs: 300, idleTimeoutMs: 200 })
    await until(() => pool.stats().closed.lifetime >= 2 && pool.stats().idle === 2)
    await pool.query('SELECT 1')
  })

  test('nothing that happens to a pool ends an application that listens to nothing', { timeout: 60_000 }, async () => {
    await using stage = await createStage(engine)
    const nowhere = new URL(stage.options.blue)
    nowhere.port = String(await freePort())
    const isPostgres = engine === 'postgres'
    const script = fileURLToPath(new URL('./quiet-process.ts', import.meta.url))
    const application = {
      url: stage.options.blue,
      nowhere: nowhere.href,
      ownIds: isPostgres
        ? `SELECT pid AS id FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'app'`
        : `SELECT id AS id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()`,
      kill: isPostgres ? 'SELECT pg_terminate_backend($id)' : 'KILL $id',
    }

    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', script, JSON.stringify(application)])
    const { stdout, stderr } = await run

    expect(stdout).toBe('alive after 2 failures\n')
    expect(stderr).toContain('PoolLeakWarning')
    expect(stderr).toContain('quiet-process.ts')
  })
})
