import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createPool, OutcomeUnknownError, PoolEndedError, type Pool } from '../../src/pool/index.ts'
import { describeEachEngine, type ServerEngine } from '../support/servers.ts'
import { createStage, listen, tie, until, type Stage } from './support.ts'

const poolOn = (stage: Stage, options: object = {}): Pool =>
  createPool({ url: stage.options.blue, min: 0, max: 1, acquireTimeoutMs: 30_000, ...options })

/** Rows numbered from 1, each as wide as asked for. */
const rowsOf = (count: number, width = 1): string =>
  `WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 400)
   SELECT (a.i - 1) * 400 + b.i AS i, repeat('x', ${width}) AS x FROM n AS a CROSS JOIN n AS b
   ORDER BY 1 LIMIT ${count}`

const ownId = (engine: ServerEngine): string =>
  engine === 'postgres' ? 'SELECT pg_backend_pid() AS id' : 'SELECT connection_id() AS id'

/** A way to the server on which its messages arrive together: whatever it says within a moment. */
const gather = (server: { host: string; port: number }) =>
  listen((client) => {
    const upstream = connect(server)
    tie(client, upstream)
    client.pipe(upstream)
    let said: Buffer[] = []
    upstream.on('data', (bytes) => {
      if (said.length === 0) {
        setTimeout(() => {
          client.write(Buffer.concat(said))
          said = []
        }, 30)
      }
      said.push(bytes)
    })
  })

describeEachEngine('a stream', (engine) => {
  const isPostgres = engine === 'postgres'

  test('gives all rows in order, in a pool, a transaction and a lease, and the connection is lent again', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const collect = async (rows: AsyncIterable<{ i: number }>) => {
      const seen: number[] = []
      for await (const { i } of rows) seen.push(Number(i))
      return seen
    }
    const expected = Array.from({ length: 1_234 }, (_, index) => index + 1)

    expect(await collect(pool.stream(rowsOf(1_234), [], { batchRows: 100 }))).toEqual(expected)
    expect(await collect(pool.stream(`${rowsOf(10)} OFFSET ${stage.p(1)}`, [1_000]))).toHaveLength(10)
    await pool.transaction(async (tx) => {
      await tx.query('INSERT INTO orders VALUES (7, NULL)')
      expect(await collect(tx.stream('SELECT id AS i FROM orders'))).toEqual([7])
      expect(await collect(tx.stream(rowsOf(0)))).toEqual([])
    })
    await using lease = await pool.connection()
    expect(await collect(lease.stream(rowsOf(1_234)))).toEqual(expected)
    await lease.query('SELECT 1')
    expect(pool.stats()).toMatchObject({ counts: { connected: 1 } })
  })

  test('that is left early gives its connection back clean', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const { rows: before } = await pool.query(ownId(engine))
    for (let round = 0; round < 3; round++) {
      for await (const { i } of pool.stream<{ i: number }>(rowsOf(100_000, 100), [], { batchRows: 10 })) {
        if (Number(i) === 15) break
      }
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    }
    // The same connection: it was neither dropped nor asked to stop something else.
    expect((await pool.query(ownId(engine))).rows).toEqual(before)
    expect(pool.stats()).toMatchObject({ inUse: 0, inFlight: 0, counts: { connected: 1 } })

    await pool.transaction(async (tx) => {
      await tx.query('INSERT INTO orders VALUES (1, NULL)')
      for await (const row of tx.stream(rowsOf(100_000))) if (row) break
      await tx.query('INSERT INTO orders VALUES (2, NULL)')
    })
    expect(await stage.sql('SELECT id FROM {blue}.orders ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('does not read ahead of its reader', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.blue)
    const server = { host: url.hostname, port: Number(url.port) }
    let received = 0
    await using proxy = await listen((client) => {
      const upstream = connect(server)
      upstream.on('data', (bytes) => (received += bytes.length))
      client.on('error', () => undefined).pipe(upstream)
      upstream.on('error', () => undefined).pipe(client)
    })
    url.port = String(proxy.port)
    await using pool = poolOn(stage, { url: url.href })
    const all = 60_000
    let seen = 0
    for await (const row of pool.stream(rowsOf(all, 1_000), [], { batchRows: 50 })) {
      seen += row ? 1 : 0
      // Buffers on the way fill up; then nothing moves any more.
      if (seen === 100) {
        for (let last = -1; last !== received;) {
          last = received
          await new Promise((resolve) => {
            setTimeout(resolve, 200)
          })
        }
        expect(received).toBeLessThan((all * 1_000) / 2)
      }
    }
    expect(seen).toBe(all)
  })

  test('refuses another statement on its connection instead of waiting for ever', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    await using lease = await pool.connection()
    for await (const row of lease.stream(rowsOf(1_000))) {
      expect(row).toBeDefined()
      await expect(lease.query('SELECT 1')).rejects.toMatchObject({ code: 'STREAM_OPEN' })
      break
    }
    await lease.transaction(async (tx) => {
      for await (const row of tx.stream(rowsOf(1_000))) {
        expect(row).toBeDefined()
        await expect(tx.query('SELECT 1')).rejects.toMatchObject({ code: 'STREAM_OPEN' })
        break
      }
    })
    // A transaction that leaves its stream open still ends.
    await lease.transaction(async (tx) => void (await tx.stream(rowsOf(1_000)).next()))
    expect((await lease.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('ends when its signal aborts, before it runs, while it waits for the server and between two rows', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage)
    const read = async (sql: string, signal: AbortSignal, onRow: () => void = () => undefined): Promise<void> => {
      for await (const row of pool.stream(sql, [], { signal })) if (row) onRow()
    }
    await expect(read('SELECT 1', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')

    const asleep = new AbortController()
    const sleeping = read(isPostgres ? 'SELECT pg_sleep(600)' : 'SELECT sleep(600)', asleep.signal)
    await until(() => pool.stats().inFlight === 1)
    asleep.abort(new Error('stop it'))
    await expect(sleeping).rejects.toThrow('stop it')

    const between = new AbortController()
    const stopped = read(rowsOf(100_000), between.signal, () => between.abort(new Error('enough')))
    await expect(stopped).rejects.toThrow('enough')
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('passes its errors on, and a lost connection is one', async () => {
    await using stage = await createStage(engine)
    await using pool = poolOn(stage, { max: 2 })
    const failing = pool.stream('SELECT * FROM no_such_table')
    await expect(failing.next()).rejects.toThrow(/no_such_table/)

    const { rows } = await pool.query<{ id: number }>(ownId(engine))
    const reading = pool.stream(rowsOf(100_000, 1_000), [], { batchRows: 10 })
    await reading.next()
    await stage.sql(isPostgres ? `SELECT pg_terminate_backend(${rows[0]!.id})` : `KILL ${rows[0]!.id}`)
    const rest = async () => {
      for await (const row of reading) expect(row).toBeDefined()
    }
    // WITH may write, as far as one can see.
    await expect(rest()).rejects.toThrow(OutcomeUnknownError)
    await pool.query('SELECT 1')
  })

  test('whose implicit commit fails ends with that error, and the connection is lent again', async () => {
    await using stage = await createStage(engine)
    const url = new URL(stage.options.blue)
    // What the server says after the error arrives with the error itself, as it does on a busy machine.
    await using proxy = await gather({ host: url.hostname, port: Number(url.port) })
    url.port = String(proxy.port)
    await using pool = poolOn(stage, { url: url.href })
    // Only PostgreSQL checks at the end of a statement's own transaction.
    const table = isPostgres ? 'id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED' : 'id int PRIMARY KEY'
    await stage.sql(`CREATE TABLE {blue}.late (${table})`, 'INSERT INTO {blue}.late VALUES (1)')
    const read = async () => {
      const seen: unknown[] = []
      for await (const row of pool.stream('INSERT INTO late VALUES (1) RETURNING id')) seen.push(row)
      return seen
    }
    await expect(read()).rejects.toThrow(/duplicate/i)
    expect((await pool.query('SELECT count(*) AS n FROM late')).rows.map(({ n }) => Number(n))).toEqual([1])
  })

  test('is in flight: a hold and the end of the pool wait for it', async () => {
    await using stage = await createStage(engine)
    await stage.board.prepare({ side: 'blue', epoch: 1 })
    const pool = createPool({ ...stage.options, max: 2 })
    const reading = pool.stream<{ i: number }>(rowsOf(2_000), [], { batchRows: 10 })
    await reading.next()

    await stage.board.hold({ holdId: 'h', leaseMs: 120_000 })
    await until(() => pool.stats().gate === 'draining')
    for await (const row of reading) expect(row).toBeDefined()
    await until(() => pool.stats().gate === 'held')
    await stage.board.release({ side: 'green', epoch: 2 })

    const last = pool.stream(rowsOf(2_000), [], { batchRows: 10 })
    await last.next()
    const ended = pool.end({ drainMs: 60_000 })
    await expect(pool.stream('SELECT 1').next()).rejects.toThrow(PoolEndedError)
    let rest = 1
    for await (const row of last) rest += row ? 1 : 0
    expect(rest).toBe(2_000)
    await ended
  })
})
