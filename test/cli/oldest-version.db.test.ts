/** The oldest PostgreSQL that is supported lacks much of what the newest one has. */
import { test } from 'vitest'
import { takeOwnServer } from '../support/own-server.js'
import { goThereAndBack } from './there-and-back.js'

test('on PostgreSQL 14 a migration goes to green and comes back with every write', async () => {
  await using _server = await takeOwnServer({ engine: 'postgres', release: 14 })
  await goThereAndBack('postgres')
}, 120_000)
