import { expect, test } from 'vitest'
import { createKnex } from '../../src/pool/knex.ts'
import { createPool, PoolExhaustedError, SideClosedError, type Pool } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, until, type Stage } from './support.ts'

interface Order {
  id: number
  note: string | null
}

const poolOn = (stage: Stage, options: object = {}): Pool =>
  createPool({ url: stage.options.blue, min: 0, max: 4, acquireTimeoutMs: 30_000, ...options })

const idsOn = async (stage: Stage, side: 'blue' | 'green'): Promise<number[]> =>
  (await stage.sql(`SELECT id FROM {${side}}.orders ORDER BY id`)).map(({ id }) => Number(id))

describeEachEngine('knex on a pool', (engine) => {
  const isPostgres = engine === 'postgres'

  test('builds, writes and reads as with connections of its own', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const db = createKnex(pool)

    await db<Order>('orders').insert([
      { id: 1, note: 'one' },
      { id: 2, note: null },
    ])
    expect(await db<Order>('orders').where('id', 1).update({ note: 'uno' })).toBe(1)
    expect(await db<Order>('orders').where({ id: 1 }).first()).toEqual({ id: 1, note: 'uno' })
    expect(await db<Order>('orders').orderBy('id').pluck('id')).toEqual([1, 2])
    expect(await db<Order>('orders').where('id', 2).del()).toBe(1)
    await db.schema.createTable('items', (table) => {
      table.increments('id')
      table.string('name')
    })
    expect(await db.schema.hasTable('items')).toBe(true)
    const [made] = isPostgres ? await db('items').insert({ name: 'x' }, 'id') : await db('items').insert({ name: 'x' })
    expect(made).toEqual(isPostgres ? { id: 1 } : 1)
    const raw = (await db.raw('SELECT ? AS word', ['w'])) as { rows: unknown[] } & unknown[]
    expect(isPostgres ? raw.rows : raw[0]).toEqual([{ word: 'w' }])
    const seen: unknown[] = []
    for await (const row of db<Order>('orders').select('id').stream()) seen.push(row)
    expect(seen).toEqual([{ id: 1 }])
    await expect(db('orders').insert({ id: 1, note: 'a secret' })).rejects.not.toThrow(/a secret/)

    await db.destroy()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await until(() => pool.stats().inUse === 0)
  })

  test('commits, rolls back and nests transactions', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const db = createKnex(pool)

    await db.transaction(async (trx) => {
      await trx('orders').insert({ id: 1 })
      // Part of it fails and is taken back alone.
      const inner = trx.transaction(async (nested) => {
        await nested('orders').insert({ id: 2 })
        throw new Error('not this one')
      })
      await expect(inner).rejects.toThrow('not this one')
      await trx('orders').insert({ id: 3 })
    })
    const failed = db.transaction(async (trx) => {
      await trx('orders').insert({ id: 4 })
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    const byHand = await db.transaction()
    await byHand('orders').insert({ id: 5 })
    await byHand.commit()
    const readOnly = db.transaction((trx) => trx('orders').insert({ id: 6 }), {
      readOnly: true,
      isolationLevel: 'repeatable read',
    })
    await expect(readOnly).rejects.toThrow(/read.only/i)

    expect(await idsOn(stage, 'blue')).toEqual([1, 3, 5])
    expect(pool.stats()).toMatchObject({ inUse: 0, inFlight: 0 })
  })

  test('stops a statement whose time is over, and tells a full pool by its own error', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 1, acquireTimeoutMs: 300 })
    await pool.query('SELECT 1')
    const db = createKnex(pool)
    const asleep = db.raw(isPostgres ? 'SELECT pg_sleep(600)' : 'SELECT sleep(600)').timeout(100, { cancel: true })
    await expect(asleep).rejects.toThrow(/timeout of 100ms/)
    await until(() => pool.stats().inUse === 0)

    await db.transaction(async () => {
      await expect(Promise.resolve(db('orders').select())).rejects.toThrow(PoolExhaustedError)
    })
  })

  test(
    'an application of knex goes through switches there and back without an error',
    { timeout: 60_000 },
    async () => {
      await using stage = await createStage(engine)
      await stage.board.prepare({ side: 'blue', epoch: 1 })
      await using pool = createPool(stage.options)
      const db = createKnex(pool)
      const acknowledged: number[] = []
      let next = 0
      let isOver = false
      const client = async (number: number): Promise<void> => {
        while (!isOver) {
          const id = (next += 1)
          const row = { id, note: `of ${number}` }
          if (number % 2 === 0) {
            await db('orders').insert(row)
          } else {
            await db.transaction(async (trx) => {
              await trx('orders').insert(row)
              // What belongs to an open transaction is not held.
              if (id % 5 === 0) await db('orders').where('id', -1).first()
              await trx('orders').where({ id }).update({ note: 'twice' })
            })
          }
          acknowledged.push(id)
        }
      }
      const clients = Array.from({ length: 8 }, (_, number) => client(number))

      const sides = ['green', 'blue', 'green'] as const
      for (const [round, side] of sides.entries()) {
        const before = acknowledged.length
        await until(() => acknowledged.length >= before + 20)
        await stage.board.hold({ holdId: `h${round}`, leaseMs: 120_000 })
        expect(await stage.board.clientsReady(`h${round}`, 30_000)).toEqual({ held: 1, stragglers: [] })
        await stage.board.release({ side, epoch: round + 2 })
      }
      const before = acknowledged.length
      await until(() => acknowledged.length >= before + 20)
      isOver = true
      await Promise.all(clients)

      const [blue, green] = [await idsOn(stage, 'blue'), await idsOn(stage, 'green')]
      expect([...blue, ...green].sort((a, b) => a - b)).toEqual(acknowledged.sort((a, b) => a - b))
      expect(blue.length).toBeGreaterThan(0)
      expect(green.length).toBeGreaterThan(0)
      expect(pool.stats()).toMatchObject({ side: 'green', counts: { switches: 3, refused: 0 } })
    },
  )

  test('what the fence refused runs again where knex can run it again, and else is told', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    await using pool = createPool(stage.options)
    const db = createKnex(pool)
    await db('orders').select()
    await stage.refuse('blue')

    const refused = db.transaction((trx) => trx('orders').insert({ id: 1 }))
    await expect(refused).rejects.toThrow(SideClosedError)
    const single = Promise.resolve(db('orders').insert({ id: 2 }))
    const inside = pool.transaction(async (tx) => {
      await db('orders').connection(tx).insert({ id: 3 })
      return tx.side
    })
    await until(() => pool.stats().counts.refused >= 3)
    await stage.board.hold({ holdId: 'h', leaseMs: 120_000 })
    await stage.board.release({ side: 'green', epoch: 2 })
    await single
    expect(await inside).toBe('green')
    expect(await idsOn(stage, 'green')).toEqual([2, 3])
    expect(await idsOn(stage, 'blue')).toEqual([])
  })
})
