/** Every role that may connect can notify on the channel of the gate board. */
import { expect, test } from 'vitest'
import { createPool } from '../../src/pool/index.ts'
import { createStage, until } from './support.ts'

test('a notification that is no state of the board neither ends the application nor moves it', async () => {
  await using stage = await createStage('postgres')
  await stage.board.prepare({ side: 'blue', epoch: 1 })
  await using pool = createPool(stage.options)
  await pool.query(`INSERT INTO orders VALUES (1, 'x')`)
  const forged = [
    'no JSON',
    'null',
    '7',
    '{}',
    '{"state":"open","side":"red","epoch":9,"version":9}',
    '{"side":"green"}',
  ]
  // An exception in a listener ends the process, and so this test.
  for (const payload of forged) await stage.sql(`SELECT pg_notify('${stage.options.meta}_gate', '${payload}')`)
  await pool.query(`INSERT INTO orders VALUES (2, 'x')`)
  expect(await stage.sql('SELECT id FROM {blue}.orders ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])

  await stage.board.hold({ holdId: 'h', leaseMs: 60_000 })
  await stage.board.clientsReady('h', 30_000)
  await stage.board.release({ side: 'green', epoch: 2 })
  await pool.query(`INSERT INTO orders VALUES (3, 'x')`)
  await until(async () => (await stage.sql('SELECT id FROM {green}.orders')).length === 1)
})
