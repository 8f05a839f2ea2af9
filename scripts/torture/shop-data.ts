/** A shop of any size in blue. */
import { openSide } from '../../src/engines/open-side.js'
import { blue } from '../../test/fixtures/plans/shop.js'
import { SHOP_ROWS } from '../../test/fixtures/shop-rows.js'
import type { Stage } from './stage.js'

const ROWS_PER_STATEMENT = 1000

/** Tables of blue, the rows that the tests have, and `rows` orders with what belongs to them. */
export async function fillShop(stage: Stage, rows: number): Promise<void> {
  {
    await using side = await openSide(stage.direct.blue, 'blue', stage.meta)
    await using session = await side.connect('torture')
    for (const statement of [...side.schema.createTables(blue), ...side.schema.createIndexes(blue)])
      await session.execute(statement)
  }
  const isPostgres = stage.engine === 'postgres'
  await stage.sql('blue', ...SHOP_ROWS.map((text) => (isPostgres ? text.replaceAll('\\\\', '\\') : text)))
  const more: string[] = []
  const insert = (into: string, count: number, row: (id: number) => string): void => {
    for (let from = 0; from < count; from += ROWS_PER_STATEMENT) {
      const length = Math.min(ROWS_PER_STATEMENT, count - from)
      more.push(
        `INSERT INTO ${into} VALUES ${Array.from({ length }, (_, index) => row(1000 + from + index)).join(', ')}`,
      )
    }
  }
  insert('orders (id, item_id, reference, state, cents)', rows, (id) => `(${id}, 1, 'seed-${id}', 'new', ${id})`)
  insert('old_orders (id, reference, state, cents)', Math.ceil(rows / 4), (id) => `(${id}, 'old-${id}', 'paid', 1)`)
  insert('items (id, shop_id, title, details)', Math.ceil(rows / 4), (id) => `(${id}, 1, 'item ${id}', '{"n": ${id}}')`)
  insert('services (id, item_ref, title)', Math.ceil(rows / 8), (id) => `(${id}, '${id}', 'service ${id}')`)
  insert('shops (id, name, city, active)', Math.ceil(rows / 8), (id) => `(${id}, 'shop ${id}', 'Ulm', TRUE)`)
  insert('prices (id, shop_id, amount, valid_from)', Math.ceil(rows / 8), (id) => `(${id}, ${id}, 1.50, '2024-01-01')`)
  insert(
    'staff_items (id, staff, item_id, rate)',
    Math.ceil(rows / 8),
    (id) => `(${id}, 'staff ${id % 20}', ${id}, ${id})`,
  )
  await stage.sql('blue', ...more)
  if (isPostgres)
    for (const [table, spec] of Object.entries(blue))
      if ('id' in spec.columns)
        await stage.sql('blue', `SELECT setval(pg_get_serial_sequence('blue.${table}', 'id'), 1000000)`)
}
