/** Rows of the bench plan's old side: about 170 bytes each, the same for every run. */
import type { EngineName } from '../../src/engines/engine.js'
import { openLoader } from '../appointments/database/loader.js'
import { createIndexes, createTables } from '../appointments/database/schema.js'
import type { Cell } from '../appointments/generator/recipe.js'
import type { Namespace } from './place.js'
import { blue } from './plan.js'

export const SHOPS = 1000
const STATES = ['new', 'paid', 'sent', 'void'] as const
const START_MS = Date.UTC(2024, 0, 1)

export async function fillBlue(engine: EngineName, side: Namespace, orders: number): Promise<void> {
  const place = { engine, url: side.serverUrl, namespace: side.name }
  await createTables({ place, side: 'blue', schema: blue })
  {
    await using loader = await openLoader(place)
    await loader.load('shops', Object.keys(blue.shops.columns), shopRows())
    await loader.load('orders', Object.keys(blue.orders.columns), orderRows(orders))
    await loader.continueKeys([
      { table: 'shops', column: 'id' },
      { table: 'orders', column: 'id' },
    ])
  }
  await createIndexes({ place, side: 'blue', schema: blue })
  await using loader = await openLoader(place)
  await loader.analyze(['shops', 'orders'])
}

function* shopRows(): Generator<Cell[]> {
  for (let id = 1; id <= SHOPS; id += 1) yield [id, `Shop ${id} Größe & Co`, `City ${id % 97}`, id % 5 !== 0]
}

function* orderRows(count: number): Generator<Cell[]> {
  for (let id = 1; id <= count; id += 1) {
    // Multiplied by a prime, so that neighbours differ.
    const mixed = (id * 2_654_435_761) % 4_294_967_296
    const createdAt = new Date(START_MS + id * 17_000).toISOString().slice(0, 19).replace('T', ' ')
    yield [
      id,
      (mixed % SHOPS) + 1,
      `R-2024-${mixed}`,
      STATES[mixed % STATES.length]!,
      mixed % 100_000,
      mixed % 3 === 0,
      mixed % 7 === 0 ? null : `customer.${mixed % 250_000}@example.com`,
      mixed % 11 === 0 ? null : `+49 30 ${mixed % 10_000_000}`,
      `{"items":${(mixed % 9) + 1},"note":"leave at the door ${mixed % 1000}"}`,
      `${createdAt}.${String(mixed % 1_000_000).padStart(6, '0')}`,
    ]
  }
}
