/** The column types of MariaDB and MySQL that a plan has words for. */
import fc from 'fast-check'
import * as any from './arbitraries.js'
import type { ColumnCase, Literal } from './cases.js'
import type { Tongue } from './rows.js'

const hex = (text: string): string => Buffer.from(text).toString('hex')
/** A text whatever the character set of the session is. */
export const quote = (text: string): Literal => (text === '' ? "''" : `_utf8mb4 X'${hex(text)}'`)
export const list = (...values: string[]): Literal[] => values.map(quote)
export const quoted = (values: fc.Arbitrary<string>): fc.Arbitrary<Literal> => values.map(quote)
export const pair = (left: string, right: string): readonly [Literal, Literal] => [quote(left), quote(right)]
const latin1 = (bytes: Buffer): Literal => (bytes.length === 0 ? "''" : `_latin1 X'${bytes.toString('hex')}'`)
const binary = (bytes: Buffer): Literal => (bytes.length === 0 ? "''" : `X'${bytes.toString('hex')}'`)
const isInPlane0 = (text: string): boolean => [...text].every((character) => character.codePointAt(0)! <= 0xffff)

/** Different for every collation. */
const words = quoted(fc.string({ unit: fc.constantFrom('b', 'c', 'd', 'x'), minLength: 2, maxLength: 5 }))

/** Blue takes `a` and `a ` for one key. */
const isTrimmed = (text: string): boolean => text !== '' && text.trimEnd() === text

const TEXTS = [
  '',
  ' ',
  'a',
  'b ',
  ' a',
  'ä',
  'o\u0308',
  'ß',
  'שלום',
  "O'Brien",
  'back\\slash',
  '\\N',
  '0x41',
  'tab\t',
  'line\nbreak\r\n',
  '\u0000\u0001\u001a\u007f',
  'NULL',
  '"quoted"',
  '%s $1 ? :name',
]
const WIDE_TEXTS = [...TEXTS, '🍎', '👩‍👩‍👧', '\u{10FFFF}']

const MOMENTS = [
  '0000-00-00 00:00:00',
  '2024-00-00 00:00:00',
  '1000-01-01 00:00:00',
  '1969-12-31 23:59:59.999999',
  '2024-03-31 02:30:00',
  '2024-10-27 02:30:00.000001',
  '2038-01-19 03:14:08',
  '9999-12-31 23:59:59.999999',
]

const JSONS = [
  '{}',
  '[]',
  '""',
  '1.10',
  '1e3',
  '-0',
  '123456789012345678901234567890.123456789',
  '1e400',
  '{"b": 1, "a": [1.0, null, {"c": "ü🍎\\" \\u0001"}], "": 2}',
  '{"a": 1, "a": 2}',
  ' { "white" :\n"space" } ',
  '"\\ud83c\\udf4e"',
  '[[[[[[]]]]]]',
]

export const EXACT_TEXT = 'HEX(CONVERT(v USING utf8mb4))'
const EXACT_BYTES = 'HEX(v)'
/** The bytes of the X of a point: all 64 bits. */
const EXACT_DOUBLE = 'HEX(SUBSTR(ST_AsWKB(POINT(v, 0)), 6, 8))'

export const MARIADB_CASES: readonly ColumnCase[] = [
  { name: 'smallint', type: 'smallint', server: 'smallint', values: ['-32768', '0', '32767'], near: [['1', '2']] },
  {
    name: 'int',
    type: 'int',
    server: 'int',
    values: ['-2147483648', '0', '2147483647'],
    generated: any.integer(-(2n ** 31n), 2n ** 31n - 1n),
    near: [['2147483646', '2147483647']],
    isKey: true,
  },
  {
    name: 'int_unsigned',
    type: 'int unsigned',
    server: 'int unsigned',
    values: ['0', '4294967295'],
    generated: any.integer(0n, 2n ** 32n - 1n),
    near: [['4294967294', '4294967295']],
    isKey: true,
  },
  {
    name: 'bigint',
    type: 'bigint',
    server: 'bigint',
    values: ['-9223372036854775808', '-9007199254740993', '9007199254740993', '9223372036854775807'],
    generated: any.integer(-(2n ** 63n), 2n ** 63n - 1n),
    near: [['9223372036854775806', '9223372036854775807']],
    isKey: true,
  },
  {
    name: 'bigint_unsigned',
    type: 'bigint unsigned',
    server: 'bigint unsigned',
    values: ['0', '9223372036854775808', '18446744073709551615'],
    generated: any.integer(0n, 2n ** 64n - 1n),
    near: [['18446744073709551614', '18446744073709551615']],
    isKey: true,
  },
  {
    name: 'decimal_wide',
    type: 'decimal(65,30)',
    server: 'decimal(65,30)',
    values: ['0', `${'9'.repeat(35)}.${'9'.repeat(30)}`, `-0.${'0'.repeat(29)}1`],
    generated: any.decimal(65, 30),
    near: [[`1.${'0'.repeat(29)}1`, `1.${'0'.repeat(29)}2`]],
    isKey: true,
  },
  {
    name: 'decimal',
    type: 'decimal(10,2)',
    server: 'decimal(10,2)',
    values: ['0', '-0.01', '99999999.99', '1.10'],
    generated: any.decimal(10, 2),
    near: [['1.10', '1.11']],
  },
  {
    name: 'double',
    type: 'double',
    server: 'double',
    values: [
      '0',
      '-0e0',
      '5e-324',
      '2.2250738585072014e-308',
      '1.7976931348623157e308',
      '0.1e0',
      '123456789012345680e0',
    ],
    generated: any.double,
    near: [
      ['0.1e0', '0.10000000000000002e0'],
      ['5e-324', '0'],
    ],
    alike: [['0e0', '-0e0']],
    exact: EXACT_DOUBLE,
    exactInJson: EXACT_DOUBLE,
  },
  {
    name: 'mediumint',
    type: 'int',
    server: 'mediumint',
    values: ['-8388608', '0', '8388607'],
    near: [['8388606', '8388607']],
  },
  { name: 'boolean', type: 'boolean', server: 'tinyint(1)', values: ['1', '0'], near: [['1', '0']] },
  {
    name: 'tinyint',
    type: 'boolean',
    server: 'tinyint(1)',
    values: ['-128', '-1', '2', '127'],
    near: [['1', '2']],
  },
  {
    name: 'binary',
    type: 'blob',
    server: 'binary(16)',
    values: [`X'${'00'.repeat(16)}'`, "X'000102030405060708090a0b0c0d0e00'", `X'${'ff'.repeat(16)}'`],
    near: [[`X'${'00'.repeat(15)}01'`, `X'${'00'.repeat(15)}02'`]],
    exact: EXACT_BYTES,
    isKey: true,
  },
  {
    name: 'varbinary',
    type: 'blob',
    server: 'varbinary(60)',
    values: ["''", "X'00'", "X'0000'", "X'61'", "X'6120'", "X'c328'"],
    generated: any.bytes(40).map(binary),
    near: [["X'61'", "X'6100'"]],
    exact: EXACT_BYTES,
    isKey: true,
  },
  {
    name: 'text',
    type: 'text',
    server: 'longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
    values: list(...WIDE_TEXTS, 'A', 'a '),
    generated: quoted(any.text(40)),
    near: [pair('a', 'A'), pair('a', 'a '), pair('', ' '), pair('ä', 'a\u0308'), ["''", 'NULL']],
    exact: EXACT_TEXT,
  },
  {
    name: 'varchar_ci',
    type: 'varchar(60)',
    server: 'varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
    values: list(...WIDE_TEXTS),
    generated: quoted(any.text(20)),
    near: [pair('a', 'A'), pair('a', 'a ')],
    exact: EXACT_TEXT,
    isKey: true,
    keys: { values: list('', 'שלום', "O'Brien", 'back\\slash', 'tab\t', '0x41'), generated: words },
  },
  {
    name: 'varchar_bin',
    type: 'varchar(60)',
    server: 'varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    values: list(...WIDE_TEXTS, 'A'),
    generated: quoted(any.text(20)),
    near: [pair('a', 'a ')],
    exact: EXACT_TEXT,
    isKey: true,
    keys: { values: list(...WIDE_TEXTS.filter(isTrimmed)), generated: quoted(any.text(20).filter(isTrimmed)) },
  },
  {
    name: 'varchar_nopad',
    type: 'varchar(60)',
    server: 'varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin',
    values: list(...WIDE_TEXTS, 'A', 'a ', 'a  ', 'b'),
    generated: quoted(any.text(20)),
    near: [pair('a', 'a ')],
    exact: EXACT_TEXT,
    isKey: true,
  },
  {
    name: 'varchar_latin1',
    type: 'varchar(60)',
    server: 'varchar(60) CHARACTER SET latin1',
    values: [
      "''",
      ...['41', 'e4', 'c3a4', '80', '81', 'ff', '5c27', '9f8d8e'].map((bytes) => latin1(Buffer.from(bytes, 'hex'))),
    ],
    generated: any.bytes(20).map(latin1),
    near: [
      ["_latin1 X'e4'", "_latin1 X'c3a4'"],
      ["_latin1 X'81'", "_latin1 X'8d'"],
    ],
    exact: EXACT_TEXT,
    isKey: true,
    keys: {
      values: ['e4', '80', 'ff', '5c27', '0941'].map((bytes) => latin1(Buffer.from(bytes, 'hex'))),
      generated: words,
    },
  },
  {
    name: 'char_utf8mb3',
    type: 'char(5)',
    server: 'char(5) CHARACTER SET utf8mb3',
    values: list('', 'a', 'abcde', ' a', 'ä', '\u20ac'),
    generated: quoted(
      any
        .text(3)
        .filter(isInPlane0)
        .map((text) => text.trimEnd()),
    ),
    near: [pair('a', 'A'), pair('a', ' a')],
    exact: EXACT_TEXT,
    isKey: true,
    keys: { values: list('', 'abcde', 'ä', '\u20ac'), generated: words },
  },
  {
    name: 'blob',
    type: 'blob',
    server: 'longblob',
    values: ["''", "X'00'", "X'0000'", "X'ff'", "X'5c7830'", "X'c328'", "X'0a0d091a'"],
    generated: any.bytes(40).map(binary),
    near: [
      ["X'00'", "X'0000'"],
      ["''", 'NULL'],
      ["X'41'", "X'4120'"],
    ],
    exact: EXACT_BYTES,
  },
  {
    name: 'date',
    type: 'date',
    server: 'date',
    values: list('0000-00-00', '2024-00-00', '2024-02-00', '1000-01-01', '1969-12-31', '2024-02-29', '9999-12-31'),
    generated: quoted(any.day(1000, 9999)),
    near: [pair('0000-00-00', '2024-00-00'), pair('2024-02-00', '2024-02-01')],
    isKey: true,
  },
  {
    name: 'time',
    type: 'time',
    server: 'time(6)',
    values: list('00:00:00', '838:59:59.999999', '-838:59:59.999999', '-00:00:00.000001', '25:00:00'),
    generated: quoted(any.clock(6)),
    near: [pair('00:00:00', '00:00:00.000001'), pair('-00:00:01', '00:00:01')],
    isKey: true,
  },
  {
    name: 'timestamp_whole',
    type: 'timestamp',
    server: 'timestamp',
    values: list('1970-01-01 00:00:01', '2024-02-29 00:00:00', '2038-01-19 03:14:07'),
    generated: quoted(any.moment(1971, 2037, 0)),
    near: [pair('2024-01-01 00:00:00', '2024-01-01 00:00:01')],
  },
  {
    name: 'timestamp',
    type: 'timestamp(6)',
    server: 'timestamp(6)',
    values: list(
      '1970-01-01 00:00:01',
      '2024-03-31 02:30:00',
      '2024-10-27 02:30:00.000001',
      '2024-10-27 00:30:00',
      '2024-10-27 01:30:00',
      '2038-01-19 03:14:07.999999',
    ),
    generated: quoted(any.moment(1971, 2037, 6)),
    near: [pair('2024-01-01 00:00:00', '2024-01-01 00:00:00.000001')],
    isKey: true,
  },
  {
    name: 'datetime_whole',
    type: 'datetime',
    server: 'datetime',
    values: list('1000-01-01 00:00:00', '2024-02-29 00:00:00', '9999-12-31 23:59:59'),
    generated: quoted(any.moment(1000, 9999, 0)),
    near: [pair('2024-01-01 00:00:00', '2024-01-01 00:00:01')],
  },
  {
    name: 'datetime',
    type: 'datetime(6)',
    server: 'datetime(6)',
    values: list(...MOMENTS),
    generated: quoted(any.moment(1000, 9999, 6)),
    near: [
      pair('2024-01-01 00:00:00', '2024-01-01 00:00:00.000001'),
      pair('0000-00-00 00:00:00', '2024-00-00 00:00:00'),
    ],
    isKey: true,
  },
  {
    name: 'json',
    type: 'json',
    server: 'json',
    values: list(...JSONS),
    generated: quoted(any.json),
    near: [
      pair('[1, 2]', '[2, 1]'),
      pair('"1"', '1'),
      [quote('null'), 'NULL'],
      pair('[1]', '[1.0000000000000000000000001]'),
    ],
    alike: [pair('1.10', '1.1'), pair('{"a": 1, "b": 2}', '{"b": 2, "a": 1}')],
    exact: EXACT_TEXT,
    // White space around it is not of its meaning.
    exactInJson: 'HEX(TRIM(CONVERT(v USING utf8mb4)))',
  },
  {
    name: 'word',
    type: 'enum(new,Paid,ü)',
    server: `enum('new','Paid','ü') CHARACTER SET utf8mb4`,
    values: list('new', 'Paid', 'ü'),
    near: [pair('new', 'Paid')],
    exact: EXACT_TEXT,
  },
]

export const MARIADB_TONGUE: Tongue = {
  exactSession: [`SET time_zone = '+00:00'`],
  exact: (one) => one.exact ?? 'CAST(v AS CHAR)',
  jsonNull: quote('null'),
  orNothing: 'ON DUPLICATE KEY UPDATE n = n',
}

/** An application that may write what strict modes refuse. */
export const LENIENT = [`SET sql_mode = 'ALLOW_INVALID_DATES'`, `SET time_zone = '+00:00'`]
