import { expect, test } from 'vitest'
import { redactMysql } from '../../src/engines/mysql/redact.ts'
import { redactPostgres } from '../../src/engines/postgres/redact.ts'

const SECRET = /hush|4711/i

test.each([
  `INSERT INTO t VALUES ('hush', 4711, -4711.5e3, 0x4711, x'4711', b'4711')`,
  `SELECT 'it''s hush' -- hush 4711's\n, 'hush'`,
  `SELECT /* it's hush */ 'hush' FROM t`,
  `SELECT 'hush`,
])('shows no value of %s', (sql) => {
  for (const redacted of [redactPostgres(sql), redactMysql(sql)]) expect(redacted).not.toMatch(SECRET)
})

test('knows what a backslash and a double quote mean to the engine', () => {
  // To PostgreSQL the backslash is a plain character, so the first literal ends before the comma.
  expect(redactPostgres(`SELECT 'C:\\', 'hush' AS "a 'b", E'\\'hush', $x$hush's$x$, $1`)).toBe(
    `SELECT ?, ? AS "a 'b", ?, ?, $1`,
  )
  expect(redactMysql('SELECT \'\\\', hush\', "hush", "a""hush", ? AS `a "b` # it\'s hush')).toBe(
    'SELECT ?, ?, ?, ? AS `a "b`',
  )
})

test('leaves names and words, on one line and not too long', () => {
  expect(redactPostgres('SELECT  o2.id\n FROM orders_2024 o2\tWHERE "Id" = $12')).toBe(
    'SELECT o2.id FROM orders_2024 o2 WHERE "Id" = $12',
  )
  expect(redactMysql(`SELECT ${'a, '.repeat(1_000)} b`).length).toBe(500)
})
