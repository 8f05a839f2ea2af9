/** The plan of the benchmarks: a table of ten columns with the transforms that real plans have, and a small one that it looks up. */
import { definePlan, object, valueTable, type SchemaSpec } from 'crossfade'

const id = { type: 'bigint', notNull: true, autoIncrement: true } as const

export const blue = {
  shops: {
    columns: {
      id,
      name: { type: 'varchar(100)', notNull: true },
      city: { type: 'varchar(100)' },
      active: { type: 'boolean', notNull: true },
    },
    primaryKey: ['id'],
  },
  orders: {
    columns: {
      id,
      shop_id: { type: 'bigint', notNull: true },
      reference: { type: 'varchar(40)', notNull: true },
      state: { type: 'varchar(20)', notNull: true },
      cents: { type: 'int', notNull: true },
      paid: { type: 'boolean', notNull: true },
      email: { type: 'varchar(190)' },
      phone: { type: 'varchar(40)' },
      details: { type: 'json' },
      created_at: { type: 'timestamp(6)', notNull: true },
    },
    primaryKey: ['id'],
    indexes: { orders_shop: { columns: ['shop_id'] } },
  },
} as const satisfies SchemaSpec

const green = {
  shops: {
    columns: { id, name: { type: 'varchar(100)', notNull: true }, settings: { type: 'json' } },
    primaryKey: ['id'],
  },
  sales: {
    columns: {
      id,
      shop_id: { type: 'bigint', notNull: true },
      shop_name: { type: 'varchar(100)' },
      reference: { type: 'varchar(40)', notNull: true },
      status: { type: 'varchar(20)', notNull: true },
      amount_cents: { type: 'int', notNull: true },
      is_paid: { type: 'boolean', notNull: true },
      contact: { type: 'json' },
      details: { type: 'json' },
      created_at: { type: 'timestamp(6)', notNull: true },
    },
    primaryKey: ['id'],
    indexes: { sales_shop: { columns: ['shop_id'] } },
  },
} as const satisfies SchemaSpec

export default definePlan({
  name: 'bench',
  blue,
  green,
  tables: ({ map }) => ({
    shops: map('shops', 'shops', ({ d }) => ({
      columns: { id: d.id, name: d.name, settings: object({ city: d.city, active: d.active }) },
    })),
    orders: map('orders', 'sales', ({ d, lookup }) => {
      const shop = lookup('shops', (l) => [[l.id, d.shop_id]])
      return {
        columns: {
          id: d.id,
          shop_id: d.shop_id,
          shop_name: shop.name,
          reference: d.reference,
          status: valueTable(d.state, { new: 'pending', paid: 'completed', sent: 'delivered', void: 'cancelled' }),
          amount_cents: d.cents,
          is_paid: d.paid,
          contact: object({ email: d.email, phone: d.phone }),
          details: d.details,
          created_at: d.created_at,
        },
      }
    }),
  }),
})
