import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/engines/engine.js'
import { raw } from '../../src/engines/sql.js'
import type { SchemaSpec } from '../../src/plan/schema.js'
import { listTestEngines } from '../support/servers.js'
import { makeTables, openApplication, openSides, type Sides } from './mysql-support.js'

const SCHEMA: SchemaSpec = {
  items: { columns: { id: { type: 'bigint', notNull: true }, note: { type: 'varchar(50)' } }, primaryKey: ['id'] },
  others: { columns: { id: { type: 'bigint', notNull: true } }, primaryKey: ['id'] },
}
const TABLES = Object.keys(SCHEMA)
const REFUSED = { errno: 1290, message: expect.stringContaining('crossfade: side blue is closed, epoch 2') as string }

describe.each(listTestEngines().filter((engine) => engine !== 'postgres'))('fence and lease (%s)', (engine) => {
  let sides: Sides
  let session: Session
  beforeEach(async () => {
    sides = await openSides(engine)
    session = await sides.blue.connect()
    await makeTables(sides.blue, SCHEMA)
    await sides.blue.fence.prepare({ epoch: 1, isWritable: true })
    await sides.blue.fence.arm(TABLES, {})
  })
  afterEach(() => sides[Symbol.asyncDispose]())

  const close = (budgetMs = 2_000) => sides.blue.fence.close({ epoch: 2, budgetMs })

  test('closed: every write is refused, also of an old snapshot; own sessions write; open: writes pass again', async () => {
    await using app = await openApplication(sides.location('blue'))
    await using old = await openApplication(sides.location('blue'))
    await app.query(`INSERT INTO items VALUES (1, 'a')`)
    await old.query(
      'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT * FROM items',
    )
    expect(await close()).toMatchObject({ fenced: true })
    expect(await sides.blue.fence.read()).toEqual({ side: 'blue', epoch: 2, isWritable: false })
    for (const statement of [
      `INSERT INTO items VALUES (2, 'b')`,
      `INSERT IGNORE INTO items VALUES (2, 'b')`,
      `REPLACE INTO items VALUES (1, 'b')`,
      `INSERT INTO items VALUES (1, 'b') ON DUPLICATE KEY UPDATE note = 'c'`,
      `UPDATE items SET note = 'b'`,
      'DELETE FROM items',
      'INSERT INTO others SELECT id FROM items',
    ]) {
      await expect(app.query(statement), statement).rejects.toMatchObject(REFUSED)
    }
    await expect(old.query(`UPDATE items SET note = 'late'`)).rejects.toMatchObject(REFUSED)
    // Until then the refused statement keeps its row locks, from us as from everybody.
    await old.query('ROLLBACK')
    await session.execute(raw(`UPDATE items SET note = 'ours'`))
    await sides.blue.fence.open(3)
    await app.query(`UPDATE items SET note = 'again'`)
    expect(await sides.blue.fence.read()).toEqual({ side: 'blue', epoch: 3, isWritable: true })
  })

  test('waits for a writer in flight; a missed budget leaves the side open and names it', async () => {
    await using app = await openApplication(sides.location('blue'))
    await app.query(`BEGIN; INSERT INTO items VALUES (1, 'a')`)
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const outcome = await close(150)
      expect(outcome.fenced).toBe(false)
      expect(outcome.waitedMs).toBeGreaterThanOrEqual(100)
      if (!outcome.fenced) expect(outcome.blockers.join()).toContain(`connection ${app.threadId}`)
    }
    expect((await sides.blue.fence.read()).isWritable).toBe(true)
    expect(await sides.blue.fence.longTransactions(0)).toHaveLength(1)
    expect(await sides.blue.fence.longTransactions(60_000)).toEqual([])
    const closing = close(20_000)
    await app.query(`INSERT INTO others VALUES (1)`)
    await app.query('COMMIT')
    expect(await closing).toMatchObject({ fenced: true })
    expect(await session.query(raw('SELECT COUNT(*) FROM items'))).toEqual([['1']])
  })

  test('backs out while an XA transaction is prepared', async () => {
    await using app = await openApplication(sides.location('blue'))
    const name = `crossfade_test_${app.threadId}`
    await app.query(`SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`)
    await app.query(`XA START '${name}'; INSERT INTO items VALUES (1, 'xa'); XA END '${name}'; XA PREPARE '${name}'`)
    try {
      const outcome = await close(300)
      expect(outcome.fenced).toBe(false)
      expect((await sides.blue.fence.read()).isWritable).toBe(true)
    } finally {
      await app.query(`XA ROLLBACK '${name}'`)
    }
    expect(await close()).toMatchObject({ fenced: true })
  })

  test('no write is lost or late under load, while the fence comes and goes', async () => {
    let isOver = false
    let nextId = 1
    const acknowledged = new Set<string>()
    const writer = async (isolation: string) => {
      await using app = await openApplication(sides.location('blue'))
      await app.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`)
      while (!isOver) {
        const id = nextId++
        try {
          await app.query('BEGIN')
          await app.query('SELECT COUNT(*) FROM others')
          await app.query('INSERT INTO items VALUES (?, ?)', [id, isolation])
          await app.query('COMMIT')
          acknowledged.add(String(id))
        } catch {
          await app.query('ROLLBACK')
        }
      }
    }
    const writers = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE', 'REPEATABLE READ'].map(writer)
    const count = async () => (await session.query(raw('SELECT COUNT(*), COALESCE(SUM(id), 0) FROM items')))[0]
    let fenced = 0
    for (let round = 0; round < 6; round += 1) {
      if (!(await sides.blue.fence.close({ epoch: round, budgetMs: 1_000 })).fenced) continue
      fenced += 1
      const first = await count()
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(await count()).toEqual(first)
      await sides.blue.fence.open(round)
    }
    isOver = true
    await Promise.all(writers)
    expect(fenced).toBeGreaterThan(0)
    const kept = new Set((await session.query(raw('SELECT id FROM items'))).map(([id]) => String(id)))
    expect(kept).toEqual(acknowledged)
  })

  test('armed means all triggers of all tables; another migration on this server is not touched', async () => {
    const { fence } = sides.blue
    expect(await fence.exists()).toBe(true)
    expect(await fence.isArmed(TABLES)).toBe(true)
    await using other = await openSides(engine)
    await makeTables(other.blue, SCHEMA)
    await other.blue.fence.prepare({ epoch: 1, isWritable: true })
    await other.blue.fence.arm(TABLES, {})
    await using app = await openApplication(other.location('blue'))
    await app.query(`BEGIN; INSERT INTO items VALUES (1, 'a')`)
    expect(await close()).toMatchObject({ fenced: true })
    await app.query('COMMIT')
    await fence.remove()
    expect(await fence.exists()).toBe(false)
    expect(await other.blue.fence.isArmed(TABLES)).toBe(true)
    expect(await fence.isArmed(TABLES)).toBe(false)
    await session.execute(raw('SELECT 1'))
    await using mine = await openApplication(sides.location('blue'))
    await mine.query(`INSERT INTO items VALUES (9, 'free')`)
    const [row] = await session.query(
      raw(`SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()`),
    )
    expect(row).toBeUndefined()
    await sides.blue.fence.prepare({ epoch: 1, isWritable: true })
    await fence.arm(['items'], {})
    await session.execute(raw('DROP TRIGGER crossfade_blue_gate_update_items'))
    expect(await fence.isArmed(['items'])).toBe(false)
    await fence.disarm(['items'], {})
  })

  test('a newer run takes the side: it waits for an older holder, then ends it', async () => {
    const { lease } = sides.blue
    await lease.take(1, 0)
    await session.transaction(() => lease.hold(session, 1))
    // MariaDB numbers no transaction before it writes, so its list of blockers named this one too: it was killed in its COMMIT.
    await using app = await openApplication(sides.location('blue'))
    await app.query('BEGIN; SELECT * FROM items LOCK IN SHARE MODE')
    const stuck = await sides.blue.connect()
    const holding = stuck.transaction(async () => {
      await lease.hold(stuck, 1)
      await lease.take(2, 200)
      await stuck.execute(raw('SELECT 1'))
    })
    await expect(holding).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await app.query('COMMIT')
    await expect(session.transaction(() => lease.hold(session, 1))).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await session.transaction(() => lease.hold(session, 2))
    await expect(lease.take(1, 0)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await lease.remove()
    await expect(session.transaction(() => lease.hold(session, 2))).rejects.toMatchObject({ code: 'LEASE_LOST' })
  })
})
