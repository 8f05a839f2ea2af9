import { describe, expect, test } from 'vitest'
import { bareMysql, redactMysql } from '../../src/engines/mysql/redact.ts'
import { barePostgres, redactPostgres } from '../../src/engines/postgres/redact.ts'
import { firstWords, isPlainRead, mayCommitInParts, mayEndTransaction, textFor } from '../../src/pool/statement.ts'

describe('a plain read', () => {
  test.each([
    'select 1',
    "SELECT count(*), max(id) FROM orders WHERE note = 'into; for update'",
    'select * from a where id in (1, 2) and exists (select 1 from b)',
    '/* report */ select coalesce(sum(total), 0) from orders;',
  ])('is %s', (sql) => {
    expect([isPlainRead(barePostgres(sql)), isPlainRead(bareMysql(sql))]).toEqual([true, true])
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
    expect([isPlainRead(barePostgres(sql)), isPlainRead(bareMysql(sql))]).toEqual([false, false])
  })

  test('is not taken for one because of what quotes and comments seem to hide', () => {
    expect(isPlainRead(barePostgres(`select "it's", nextval('a') from "'"`))).toBe(false)
    expect(isPlainRead(barePostgres(`select '-- ', nextval('a')`))).toBe(false)
    expect(isPlainRead(barePostgres(`select '\\', nextval('a'), '\\'`))).toBe(false)
    expect(isPlainRead(bareMysql('select 5--charge(7)'))).toBe(false)
    expect(isPlainRead(bareMysql("select 1 # it's\n, charge(7)"))).toBe(false)
    expect(isPlainRead(bareMysql("select 1 /*! into outfile 'a' */"))).toBe(false)
  })
})

describe('a transaction', () => {
  const mayEnd = (sql: string) => [mayEndTransaction(barePostgres(sql), true), mayEndTransaction(bareMysql(sql), false)]

  test.each([
    'select 1',
    "/* a */ insert into t values ('; commit')",
    '-- commit\nupdate t set a = 1;',
    'rollback to savepoint s',
    'ROLLBACK WORK TO s',
    'savepoint s',
    '(select 1) union (select 2)',
    "set @a = 'b'",
    'create temporary table a (start date)',
  ])('goes on after %s', (sql) => {
    expect(mayEnd(sql)).toEqual([false, false])
  })

  test.each(['commit', '/* a */ COMMIT', '-- a\nend', 'rollback', 'select 1; commit', 'commit and chain'])(
    'may be ended by %s',
    (sql) => {
      expect(mayEnd(sql)).toEqual([true, true])
    },
  )

  test.each([
    'create table a (b int)',
    'truncate a',
    'call p()',
    'begin',
    'set autocommit = 1',
    'set a = 1, autocommit = 1',
    '/*! commit */',
    'lock tables a write',
  ])('may be ended by %s on MySQL and MariaDB only', (sql) => {
    expect(mayEnd(sql)).toEqual([false, true])
  })

  test('has a text of any size', () => {
    const long = `update t set a = '${"it''s; commit ".repeat(400_000)}'`
    expect(mayEnd(long)).toEqual([false, false])
    expect(mayEnd(long.replaceAll('it', String.raw`\\it`))).toEqual([false, false])
  })

  test('has parts where there are several statements, or code', () => {
    expect(mayCommitInParts(barePostgres("update t set a = ';';"))).toBe(false)
    for (const sql of ['update t set a = 1; update t set b = 1', '/* a */ do $$ begin end $$', 'call p()', 'execute p'])
      expect(mayCommitInParts(barePostgres(sql))).toBe(true)
    for (const sql of ["execute immediate 'call p()'", '/*! call p() */'])
      expect(mayCommitInParts(bareMysql(sql))).toBe(true)
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
