/** A server that ends a session in the same breath in which it opens it, as one that is being shut down may. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createPool } from '../../src/pool/index.ts'
import { createDatabase } from '../support/servers.ts'
import { listen, tie } from './support.ts'

/** ReadyForQuery, idle: the last message of a start-up. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

function fatal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

test('is not lent, and its error is not taken for that of a statement', async () => {
  await using database = await createDatabase('postgres')
  const { hostname, port } = new URL(database.url)
  let opened = 0
  await using way = await listen((near) => {
    const far = connect(Number(port), hostname)
    const isEnded = ++opened <= 3
    let isReady = false
    far.on('data', (data) => {
      const isBirth = !isReady && data.subarray(-READY.length).equals(READY)
      isReady ||= isBirth
      // One segment: the driver sees both at once.
      near.write(isBirth && isEnded ? Buffer.concat([data, fatal('57P01', 'terminating connection')]) : data)
    })
    near.on('data', (data) => far.write(data))
    tie(near, far)
  })
  const url = new URL(database.url)
  url.host = `127.0.0.1:${way.port}`
  await using pool = createPool({ url: url.href, min: 0, max: 1, acquireTimeoutMs: 30_000 })
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  expect(opened).toBe(4)
  expect(pool.stats().counts.connectFailures).toBe(3)
})
