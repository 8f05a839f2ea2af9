import { describe, expect, test } from 'vitest'
import { redactMysql } from '../../src/engines/mysql/redact.ts'
import { redactPostgres } from '../../src/engines/postgres/redact.ts'
import { firstWords, isPlainRead, textFor } from '../../src/pool/statement.ts'

describe('a plain read', () => {
  test.each([
    'select 1',
    "SELECT count(*), max(id) FROM orders WHERE note = 'into; for update'",
    'select * from a where id in (1, 2) and exists (select 1 from b)',
    '/* report */ select coalesce(sum(total), 0) from orders;',
  ])('is %s', (sql) => {
    expect(isPlainRead(sql)).toBe(true)
  })

  test.each([
    'insert into orders values (1)',
    'select * into copy from orders',
    'select * from orders for update',
    "select nextval('orders_id_seq')",
    'select app.charge_card(7)',
    'select "charge"(7)',
    'select 1; delete from orders',
    'with gone as (delete from orders returning 1) select * from gone',
    'select @a := @a + 1',
    'call close_day()',
  ])('is not %s', (sql) => {
    expect(isPlainRead(sql)).toBe(false)
  })
})

describe('the words of a statement in a report', () => {
  test('hold no values', () => {
    const words = (sql: string) => [firstWords(redactPostgres(sql)), firstWords(redactMysql(sql))]
    expect(words("update users set phone = '+49 170 555'  where id = 17")).toEqual([
      'update users set phone = ?',
      'update users set phone = ?',
    ])
    expect(words('select * from t where id=42')).toEqual(['select * from t where id=?', 'select * from t where id=?'])
  })
})

test('a statement may have a text for each side', () => {
  expect(textFor({ blue: 'a', green: 'b' }, 'green')).toBe('b')
  expect(textFor('c', 'green')).toBe('c')
})
