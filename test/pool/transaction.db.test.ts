import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { Proxy } from '../../scripts/torture/proxy.ts'
import { createPool, OutcomeUnknownError, type Pool, type PoolConnection } from '../../src/pool/index.ts'
import { describeEachEngine } from '../support/servers.ts'
import { createStage, listen, type Stage } from './support.ts'

const poolOn = (stage: Stage, options: object = {}): Pool =>
  createPool({ url: stage.options.blue, min: 0, max: 6, acquireTimeoutMs: 30_000, ...options })

const update = (id: number, note: string): string => `UPDATE orders SET note = '${note}' WHERE id = ${id}`

/** Waits for a number of calls the first time, and lets everybody through afterwards. */
function barrier(parties: number): () => Promise<void> {
  let arrived = 0
  let open: () => void = () => undefined
  const isOpen = new Promise<void>((resolve) => {
    open = resolve
  })
  return async () => {
    arrived += 1
    if (arrived === parties) open()
    await isOpen
  }
}

describeEachEngine('a transaction', (engine) => {
  const isPostgres = engine === 'postgres'

  test('that lost in a deadlock runs again when that was asked for', async () => {
    await using stage = await createStage(engine)
    await stage.sql("INSERT INTO {blue}.orders VALUES (1, ''), (2, '')")
    await using pool = poolOn(stage)
    const crosswise = (retry: number) => {
      const meet = barrier(2)
      let runs = 0
      const cross = (first: number, second: number) =>
        pool.transaction(
          async (tx) => {
            runs += 1
            await tx.query(update(first, `of ${first}`))
            await meet()
            await tx.query(update(second, `of ${first}`))
          },
          { retry },
        )
      return Promise.allSettled([cross(1, 2), cross(2, 1)]).then((outcomes) => ({ outcomes, runs }))
    }

    const once = await crosswise(0)
    expect(once.outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(once.runs).toBe(2)

    const again = await crosswise(5)
    expect(again.outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(again.runs).toBeGreaterThan(2)
    expect(pool.stats().counts.conflictReruns).toBe(again.runs - 2)
    const notes = await stage.sql('SELECT note FROM {blue}.orders ORDER BY id')
    // All of one transaction or all of the other.
    expect(notes[0]).toEqual(notes[1])
  })

  test('that could not be serialized, or waited for a lock for too long, runs again; an error of the application does not', async () => {
    await using stage = await createStage(engine)
    await stage.sql("INSERT INTO {blue}.orders VALUES (1, 'old')")
    await using pool = poolOn(stage)
    let runs = 0
    const conflicting = async (tx: PoolConnection): Promise<void> => {
      runs += 1
      if (isPostgres) {
        await tx.query('SELECT note FROM orders WHERE id = 1')
        if (runs === 1) await pool.query(update(1, 'meanwhile'))
        await tx.query(update(1, 'mine'))
        return
      }
      await tx.query(`SET innodb_lock_wait_timeout = ${runs === 1 ? 1 : 50}`)
      if (runs > 1) return void (await tx.query(update(1, 'mine')))
      await pool.transaction(async (other) => {
        await other.query(update(1, 'meanwhile'))
        // An application that wraps errors does not hide what they are.
        await tx.query(update(1, 'mine')).catch((error: unknown) => {
          throw new Error('the order could not be changed', { cause: error })
        })
      })
    }

    await pool.transaction(conflicting, { isolation: 'repeatable read', retry: 2 })
    expect(runs).toBe(2)
    expect(await stage.sql('SELECT note FROM {blue}.orders')).toEqual([{ note: 'mine' }])

    let failures = 0
    const failing = pool.transaction(
      async (tx) => {
        failures += 1
        await tx.query('INSERT INTO orders VALUES (1, NULL)')
      },
      { retry: 5 },
    )
    await expect(failing).rejects.toThrow(/duplicate/i)
    expect(failures).toBe(1)
  })

  test('has the isolation and the access that it asks for', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const write = pool.transaction((tx) => tx.query('INSERT INTO orders VALUES (1, NULL)'), { readOnly: true })
    await expect(write).rejects.toThrow(/read.only/i)

    const look = 'SELECT count(*) AS n FROM orders'
    const [before, after] = await pool.transaction(
      async (tx) => {
        const first = await tx.query(look)
        await stage.sql('INSERT INTO {blue}.orders VALUES (2, NULL)')
        return [first.rows, (await tx.query(look)).rows]
      },
      { isolation: 'repeatable read', readOnly: true },
    )
    expect(after).toEqual(before)
    const committed = await pool.transaction(
      async (tx) => {
        await tx.query(look)
        await stage.sql('INSERT INTO {blue}.orders VALUES (3, NULL)')
        return (await tx.query(look)).rows
      },
      { isolation: 'read committed' },
    )
    expect(committed.map(({ n }) => Number(n))).toEqual([2])
  })

  test('whose COMMIT was not answered has an unknown outcome and never runs again', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.blue)
    const server = { host: url.hostname, port: Number(url.port) }
    let isCut = false
    // Hands the COMMIT on, and keeps its answer.
    await using proxy = await listen((client) => {
      const upstream = connect(server)
      client.on('error', () => undefined).on('close', () => upstream.end())
      upstream.on('error', () => undefined).on('close', () => client.destroy())
      client.on('data', (bytes) => {
        isCut ||= bytes.includes('COMMIT')
        upstream.write(bytes)
      })
      upstream.on('data', (bytes) => {
        if (isCut) client.destroy()
        else client.write(bytes)
      })
    })
    url.port = String(proxy.port)
    await using pool = poolOn(stage, { url: url.href })
    let runs = 0

    const outcome = await pool
      .transaction(
        async (tx) => {
          runs += 1
          await tx.query('INSERT INTO orders VALUES (1, NULL)')
        },
        { retry: 5 },
      )
      .catch((error: unknown) => error)

    expect(outcome).toBeInstanceOf(OutcomeUnknownError)
    expect(outcome).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'ambiguous' })
    expect(runs).toBe(1)
    expect(await stage.sql('SELECT id FROM {blue}.orders')).toEqual([{ id: 1 }])
  })

  test('ends when its signal aborts: in the queue, in a statement, between two, in a pause before it runs again', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 1 })
    const aborted = new AbortController()
    aborted.abort(new Error('too late'))
    await expect(pool.transaction(async () => 1, { signal: aborted.signal })).rejects.toThrow('too late')
    await expect(pool.connection({ signal: aborted.signal })).rejects.toThrow('too late')

    const between = new AbortController()
    const late = pool.transaction(
      async (tx) => {
        await tx.query('INSERT INTO orders VALUES (1, NULL)')
        between.abort(new Error('changed my mind'))
      },
      { signal: between.signal },
    )
    await expect(late).rejects.toThrow('changed my mind')

    const running = new AbortController()
    const asleep = pool.transaction(
      async (tx) => {
        await tx.query('INSERT INTO orders VALUES (2, NULL)')
        setTimeout(() => running.abort(new Error('stop it')), 100)
        await tx.query(isPostgres ? 'SELECT pg_sleep(600)' : 'SELECT sleep(600)')
      },
      { signal: running.signal },
    )
    await expect(asleep).rejects.toThrow('stop it')
    expect(await stage.sql('SELECT id FROM {blue}.orders')).toEqual([])
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('ends when its signal aborts: behind another statement, which goes on, and at a BEGIN that nobody answers', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 2 })
    const order: string[] = []
    const note = (what: string) => () => void order.push(what)
    const slowly = isPostgres ? 'SELECT pg_sleep(1)' : 'SELECT sleep(1)'
    const lineUp = async (connection: PoolConnection) => {
      const behind = new AbortController()
      const work = [
        connection.query(slowly).then(note('first')),
        connection.query('SELECT 2', [], { signal: behind.signal }).then(note('second'), note('gave up')),
        connection.query('SELECT 3').then(note('third')),
      ]
      behind.abort(new Error('changed my mind'))
      await Promise.all(work)
    }
    await pool.transaction(lineUp)
    await using lease = await pool.connection()
    await lineUp(lease)
    expect(order).toEqual(['gave up', 'first', 'third', 'gave up', 'first', 'third'])

    const url = new URL(stage.options.blue!)
    await using proxy = await Proxy.open({ host: url.hostname, port: Number(url.port) })
    url.port = String(proxy.port)
    await using silent = createPool({ url: url.href, min: 1, max: 1 })
    await silent.query('SELECT 1')
    proxy.setTrouble({ type: 'black-hole' })
    const waiting = new AbortController()
    const begin = silent.transaction(async () => 1, { signal: waiting.signal })
    setTimeout(() => waiting.abort(new Error('enough')), 100)
    await expect(begin).rejects.toThrow('enough')
    proxy.setTrouble(undefined, { areOldDead: true })
    expect((await silent.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})
