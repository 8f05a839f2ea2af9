/** Random statements of an application of the shop, on either side: what routing, cascades, merges and filters must survive. */
import fc from 'fast-check'

/** Of the seed, and of what the statements make: keys go on at 4 on MySQL and MariaDB, at 101 on PostgreSQL. */
const id = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 101, max: 106 }))
const text = fc.constantFrom('plain', '', 'Ümläut "quoted"', "O''Brien", '✂️ emoji', 'שלום', 'trailing  ', 'back/slash')
const staff = fc.constantFrom('ann', 'bob', 'cy')
const cents = fc.integer({ min: -5, max: 100_000 })
const state = fc.constantFrom('new', 'paid', 'void', 'odd')
/** Names an item, names nothing, is no number, is NULL: a service enters and leaves the filter, and moves between owners. */
const itemRef = fc.constantFrom("'1'", "'3'", "'7'", "'99'", "'abc'", 'NULL')
const shopOrNone = fc.oneof(id.map(String), fc.constant('NULL'))
const json = fc.constantFrom(`{"a": 1, "b": [1.0, "x"]}`, `{}`, `[]`, `{"b": null, "a": {"c": "ü"}}`)
const day = fc.constantFrom('2024-01-01', '2024-02-29', '1999-12-31', '2030-06-15')

type Part = fc.Arbitrary<unknown>

/** A template of parts as one arbitrary statement. */
const statement = (texts: TemplateStringsArray, ...parts: Part[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((values) => texts.reduce((whole, part, index) => whole + String(values[index - 1]) + part))

const reference = fc.uuid()

/** Some fail, as statements of applications do: a unique value that is taken, a shop that does not exist. */
export const blueStatements: fc.Arbitrary<string> = fc.oneof(
  statement`INSERT INTO shops (name, city, active) VALUES ('${text}', '${text}', TRUE)`,
  statement`UPDATE shops SET name = '${text}' WHERE id = ${id}`,
  statement`UPDATE shops SET active = FALSE, city = NULL WHERE id = ${id}`,
  // Prices and onboardings go with it, items lose their shop: below SQL on MySQL and MariaDB.
  statement`DELETE FROM shops WHERE id = ${id}`,
  statement`INSERT INTO prices (shop_id, amount, valid_from) VALUES (${id}, ${cents}, '${day}')`,
  statement`UPDATE prices SET shop_id = ${id} WHERE id = ${id}`,
  statement`UPDATE prices SET valid_from = '${day}', amount = 1.50 WHERE shop_id = ${id}`,
  statement`DELETE FROM prices WHERE id = ${id}`,
  statement`INSERT INTO onboardings (shop_id, step) VALUES (${id}, '${text}')`,
  statement`DELETE FROM onboardings WHERE id = ${id}`,
  statement`INSERT INTO items (shop_id, title, details) VALUES (${shopOrNone}, '${text}', '${json}')`,
  statement`UPDATE items SET shop_id = ${shopOrNone}, details = '${json}' WHERE id = ${id}`,
  statement`DELETE FROM items WHERE id = ${id}`,
  statement`INSERT INTO services (item_ref, title) VALUES (${itemRef}, '${text}')`,
  statement`UPDATE services SET item_ref = ${itemRef} WHERE id = ${id}`,
  statement`DELETE FROM services WHERE id = ${id}`,
  statement`INSERT INTO orders (item_id, reference, state, cents) VALUES (${id}, '${reference}', '${state}', ${cents})`,
  statement`UPDATE orders SET state = '${state}', cents = cents + 1 WHERE id = ${id}`,
  // A new key: the row under the old one must go.
  statement`UPDATE orders SET id = id + 1000 WHERE id = ${id}`,
  statement`DELETE FROM orders WHERE id = ${id}`,
  statement`INSERT INTO old_orders (reference, state, cents) VALUES ('${text}', '${state}', ${cents})`,
  statement`DELETE FROM old_orders WHERE id = ${id}`,
  // Two tables, one natural key: the winner changes, and so does the owner.
  statement`INSERT INTO staff_items (staff, item_id, rate) VALUES ('${staff}', ${id}, ${cents})`,
  statement`INSERT INTO item_staff (staff, item_id, rate) VALUES ('${staff}', ${id}, NULL)`,
  statement`UPDATE staff_items SET staff = '${staff}', item_id = ${id} WHERE id = ${id}`,
  statement`UPDATE item_staff SET rate = ${cents} WHERE item_id = ${id}`,
  statement`DELETE FROM staff_items WHERE item_id = ${id}`,
  statement`DELETE FROM item_staff WHERE id = ${id}`,
)

const prices = fc.constantFrom(
  '[]',
  '[{"amount": 12.50, "valid_from": "2024-03-01"}]',
  '[{"amount": 1.00, "valid_from": "2024-03-01"}, {"amount": 2.25, "valid_from": "2025-03-01"}]',
)

export const greenStatements: fc.Arbitrary<string> = fc.oneof(
  statement`INSERT INTO shops (name, settings, prices) VALUES ('${text}', '{"city": "Köln", "active": true}', '${prices}')`,
  statement`UPDATE shops SET name = '${text}' WHERE id = ${id}`,
  statement`UPDATE shops SET prices = '${prices}' WHERE id = ${id}`,
  statement`DELETE FROM shops WHERE id = ${id}`,
  statement`INSERT INTO items (shop_id, title, details, kind) VALUES (NULL, '${text}', '${json}', 'item')`,
  statement`UPDATE items SET title = '${text}' WHERE id = ${id}`,
  statement`DELETE FROM items WHERE id = ${id}`,
  statement`INSERT INTO orders (item_id, reference, status, cents, source) VALUES (${id}, '${reference}', 'completed', ${cents}, 'orders')`,
  statement`INSERT INTO orders (reference, status, cents, source) VALUES ('${text}', 'cancelled', ${cents}, 'old_orders')`,
  statement`UPDATE orders SET status = 'completed', cents = cents - 1 WHERE item_id = ${id}`,
  statement`DELETE FROM orders WHERE id = ${id}`,
  statement`INSERT INTO assignments (staff, item_id, rate) VALUES ('${staff}', ${id}, ${cents})`,
  statement`UPDATE assignments SET rate = ${cents} WHERE staff = '${staff}'`,
  statement`DELETE FROM assignments WHERE item_id = ${id}`,
)
