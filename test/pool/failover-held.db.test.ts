/** The primary is lost while the gate is closed: those who wait there go to the new one, of whichever side is released. */
import { afterEach, expect, test } from 'vitest'
import { runSql, withDatabase } from '../../scripts/servers/run-sql.ts'
import type { Server } from '../../scripts/servers/index.ts'
import { openGateBoard } from '../../src/engines/gate-board.ts'
import { createPool } from '../../src/pool/index.ts'
import { createDatabase, describeEachEngine } from '../support/servers.ts'
import { createFailoverStage } from './failover-stage.ts'
import { until } from './support.ts'

const WAITING = 30
const LIMIT_MS = 300_000

describeEachEngine('a failover while the gate is closed', (engine) => {
  const isPostgres = engine === 'postgres'
  const open: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
  })
  const keep = <T extends AsyncDisposable>(one: T): T => {
    open.push(one)
    return one
  }

  /** Blue and green on one replicated server, the board elsewhere, and a hold that keeps writers and readers waiting. */
  const begin = async () => {
    const journal = keep(await createDatabase(engine))
    const stage = keep(await createFailoverStage(engine))
    const { primary, replica } = stage
    const green = isPostgres
      ? [
          'CREATE SCHEMA green AUTHORIZATION app',
          'CREATE TABLE green.written (id int PRIMARY KEY)',
          'GRANT ALL ON green.written TO app',
        ]
      : [
          'CREATE DATABASE green',
          'CREATE TABLE green.written (id int PRIMARY KEY)',
          `GRANT ALL ON green.* TO 'app'@'%'`,
        ]
    await runSql(engine, withDatabase(primary.adminUrl, 'app'), ...green)
    await replica.catchUp()
    const urlOf = (server: Server, side: 'blue' | 'green') => {
      if (side === 'blue') return stage.url(server)
      return isPostgres ? `${stage.url(server)}?schema=green` : withDatabase(stage.url(server), 'green')
    }
    const meta = 'crossfade_held'
    const board = await openGateBoard(journal.url, { meta })
    keep({
      [Symbol.asyncDispose]: async () => {
        await board.remove()
        await board.close()
        if (!isPostgres) await runSql(engine, journal.url, `DROP DATABASE IF EXISTS ${meta}`)
      },
    })
    await board.prepare({ side: 'blue', epoch: 1 })
    const pool = keep(
      createPool({
        blue: urlOf(primary, 'blue'),
        green: urlOf(primary, 'green'),
        replicas: { blue: [urlOf(replica, 'blue')], green: [urlOf(replica, 'green')] },
        journal: journal.url,
        meta,
        min: 2,
        max: 8,
        acquireTimeoutMs: 60_000,
        holdTimeoutMs: LIMIT_MS,
      }),
    )
    const failovers: string[] = []
    pool.on('failover', ({ side }) => failovers.push(side))
    await pool.query('INSERT INTO written VALUES (0)')
    await board.hold({ holdId: 'h', leaseMs: LIMIT_MS })
    expect(await board.clientsReady('h', 60_000)).toEqual({ held: 1, stragglers: [] })
    const ids = Array.from({ length: WAITING }, (_, index) => index + 1)
    const waiting = Promise.all(
      ids.map(async (id) => {
        const insert = `INSERT INTO written VALUES (${id})`
        if (id % 2 === 0) await pool.query(insert)
        else await pool.transaction((tx) => tx.query(insert))
        // At once behind it, and never without it.
        return (await pool.query(`SELECT id FROM written WHERE id = ${id}`)).rows.length
      }),
    )
    waiting.catch(() => undefined)
    await until(() => pool.stats().waiting === WAITING)
    const read = async (server: Server, side: 'blue' | 'green') => {
      const table = side === 'blue' ? 'written' : 'green.written'
      const rows = await runSql(engine, withDatabase(server.adminUrl, 'app'), `SELECT id FROM ${table} ORDER BY id`)
      return rows.map(({ id }) => Number(id))
    }
    const expectAllServed = async () => {
      expect(await waiting).toEqual(ids.map(() => 1))
      expect(pool.stats()).toMatchObject({
        inFlight: 0,
        waiting: 0,
        counts: { outcomeUnknown: 0, refused: 0 },
        errors: {},
      })
      await pool.end()
      await until(async () => (await stage.countSessions(replica)) === 0)
    }
    return { stage, board, pool, failovers, ids, read, expectAllServed }
  }

  test('by the death of the primary: all go to the replica that was promoted, when the hold is given up', async () => {
    const { stage, board, pool, failovers, ids, read, expectAllServed } = await begin()
    await stage.primary.kill('SIGKILL')
    await stage.promote()
    // Found behind the closed gate, and nobody passes for that.
    await until(() => failovers.includes('blue'))
    expect(pool.stats()).toMatchObject({ gate: 'held', waiting: WAITING, inFlight: 0 })
    await board.release({ side: 'blue', epoch: 1 })
    await expectAllServed()
    expect(await read(stage.replica, 'blue')).toEqual([0, ...ids])
  })

  test('by the death of the primary: all go to the other side, on the replica that was promoted', async () => {
    const { stage, board, pool, failovers, ids, read, expectAllServed } = await begin()
    await stage.primary.kill('SIGKILL')
    await stage.promote()
    await until(() => failovers.includes('blue'))
    expect(pool.stats()).toMatchObject({ gate: 'held', waiting: WAITING })
    await board.release({ side: 'green', epoch: 2 })
    await expectAllServed()
    expect(await read(stage.replica, 'green')).toEqual(ids)
    expect(await read(stage.replica, 'blue')).toEqual([0])
  })

  test('released before anybody took over: they wait on, for a host that takes writes', async () => {
    const { stage, board, pool, ids, read, expectAllServed } = await begin()
    await stage.primary.kill('SIGKILL')
    await board.release({ side: 'blue', epoch: 1 })
    await until(() => pool.stats().gate === 'open')
    await stage.promote()
    await expectAllServed()
    expect(await read(stage.replica, 'blue')).toEqual([0, ...ids])
  })

  test('by a demotion: the one that was demoted gets nothing, and no refusal is seen', async () => {
    const { stage, board, failovers, ids, read, expectAllServed } = await begin()
    await stage.setReadOnly(stage.primary, true)
    await stage.promote()
    await until(() => failovers.includes('blue') && failovers.includes('green'))
    await board.release({ side: 'green', epoch: 2 })
    await expectAllServed()
    expect(await read(stage.replica, 'green')).toEqual(ids)
    expect(await read(stage.primary, 'green')).toEqual([])
    expect(await read(stage.primary, 'blue')).toEqual([0])
    await until(async () => (await stage.countSessions(stage.primary)) === 0)
  })
})
