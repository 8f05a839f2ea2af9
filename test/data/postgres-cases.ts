/** The column types of PostgreSQL that a plan has words for. */
import type fc from 'fast-check'
import * as any from './arbitraries.js'
import type { ColumnCase, Literal } from './cases.js'
import type { Tongue } from './rows.js'

export const quote = (text: string): Literal => {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
export const quoted = (values: fc.Arbitrary<string>): fc.Arbitrary<Literal> => values.map(quote)
export const list = (...values: string[]): Literal[] => values.map(quote)
export const pair = (left: string, right: string): readonly [Literal, Literal] => [quote(left), quote(right)]

/** Both nights of the clock change in Berlin, the hour that comes twice, and times that no clock there showed. */
const MOMENTS = [
  '1969-12-31 23:59:59.999999',
  '1970-01-01 00:00:00',
  '2024-03-31 02:30:00',
  '2024-10-27 02:30:00.000001',
  '2038-01-19 03:14:08',
  '0001-01-01 00:00:00',
  '9999-12-31 23:59:59.999999',
  '10000-01-01 00:00:00.5',
  '294276-12-31 23:59:59.999999',
  '4713-01-01 00:00:00 BC',
  '0044-03-15 12:00:00.25 BC',
  'infinity',
  '-infinity',
]
const ZONED = [
  ...MOMENTS.map((moment) => (moment.includes('infinity') ? moment : moment.replace(/( BC)?$/, '+00$1'))),
  '2024-10-27 02:30:00 Europe/Berlin',
  '2024-10-27 02:30:00+02',
  '2024-10-27 02:30:00+01',
]
const NEAR_MOMENTS = [
  pair('2024-01-01 00:00:00', '2024-01-01 00:00:00.000001'),
  pair('0044-03-15 00:00:00', '0044-03-15 00:00:00 BC'),
  pair('infinity', '-infinity'),
  pair('9999-12-31 00:00:00', 'infinity'),
]
const NEAR_ZONED = [
  ...NEAR_MOMENTS.map(([left, right]) => [left, right] as const),
  pair('2024-10-27 02:30:00+02', '2024-10-27 02:30:00+01'),
]
const WHOLE = [
  '1969-12-31 23:59:59',
  '2024-02-29 00:00:00',
  '9999-12-31 23:59:59',
  '0044-03-15 12:00:00 BC',
  'infinity',
]

const TEXTS = [
  '',
  ' ',
  'a',
  'A',
  'a ',
  ' a',
  'ä',
  'a\u0308',
  'ß',
  'ss',
  '🍎',
  '👩‍👩‍👧',
  '\u{10FFFF}',
  'שלום',
  "O'Brien",
  'back\\slash',
  '\\N',
  '\\x41',
  'tab\t',
  'line\nbreak\r\n',
  '\u0001\u007f',
  'NULL',
  '"quoted"',
  '{a,b}',
  '%s $1 ? :name',
]

const JSONS = [
  'null',
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
  '[[[[[[]]]]]]',
]

export const POSTGRES_CASES: readonly ColumnCase[] = [
  { name: 'smallint', type: 'smallint', server: 'smallint', values: ['-32768', '0', '32767'], near: [['1', '2']] },
  {
    name: 'int',
    type: 'int',
    server: 'integer',
    values: ['-2147483648', '0', '2147483647'],
    generated: any.integer(-(2n ** 31n), 2n ** 31n - 1n),
    near: [['2147483646', '2147483647']],
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
    name: 'decimal_wide',
    type: 'decimal(65,30)',
    server: 'numeric(65,30)',
    values: ['0', `${'9'.repeat(35)}.${'9'.repeat(30)}`, `-0.${'0'.repeat(29)}1`, quote('NaN')],
    generated: any.decimal(65, 30),
    near: [
      [`1.${'0'.repeat(29)}1`, `1.${'0'.repeat(29)}2`],
      [quote('NaN'), '0'],
    ],
    isKey: true,
  },
  {
    name: 'decimal',
    type: 'decimal(10,2)',
    server: 'numeric(10,2)',
    values: ['0', '-0.01', '99999999.99', '1.10'],
    generated: any.decimal(10, 2),
    near: [['1.10', '1.11']],
  },
  {
    name: 'double',
    type: 'double',
    server: 'double precision',
    values: list(
      '0',
      '-0',
      '5e-324',
      '2.2250738585072014e-308',
      '1.7976931348623157e308',
      '0.1',
      'NaN',
      'Infinity',
      '-Infinity',
      '123456789012345680',
    ),
    generated: quoted(any.double),
    near: [
      pair('0.1', '0.10000000000000002'),
      pair('5e-324', '0'),
      pair('Infinity', '1.7976931348623157e308'),
      pair('NaN', '0'),
    ],
    alike: [pair('0', '-0')],
    // JSON of PostgreSQL has no -0.
    exactInJson: '(v + 0)::text',
  },
  { name: 'boolean', type: 'boolean', server: 'boolean', values: ['true', 'false'], near: [['true', 'false']] },
  {
    name: 'text',
    type: 'text',
    server: 'text',
    values: list(...TEXTS),
    generated: quoted(any.text(40)),
    near: [pair('a', 'A'), pair('a', 'a '), pair('', ' '), pair('ä', 'a\u0308'), ["''", 'NULL']],
    isKey: true,
  },
  {
    name: 'varchar',
    type: 'varchar(40)',
    server: 'varchar(40)',
    values: list(...TEXTS, 'x'.repeat(40), '🍎'.repeat(40)),
    generated: quoted(any.text(20)),
    near: [pair('a', 'a ')],
    isKey: true,
  },
  {
    name: 'char',
    type: 'char(5)',
    server: 'character(5)',
    values: list('', 'a', 'abcde', ' a', '🍎'),
    near: [pair('a', 'A'), pair('a', ' a')],
    exact: 'v::text',
    isKey: true,
  },
  {
    name: 'bytea',
    type: 'blob',
    server: 'bytea',
    values: list('\\x', '\\x00', '\\x0000', '\\xff', '\\x5c7830', '\\xc328'),
    generated: any.bytes(40).map((value) => `'\\x${value.toString('hex')}'`),
    near: [pair('\\x00', '\\x0000'), [`'\\x'`, 'NULL']],
    isKey: true,
  },
  {
    name: 'date',
    type: 'date',
    server: 'date',
    values: list(
      '4713-01-01 BC',
      '0044-03-15 BC',
      '0001-01-01',
      '1970-01-01',
      '2024-02-29',
      '9999-12-31',
      '5874897-12-31',
      'infinity',
      '-infinity',
    ),
    generated: quoted(any.day(1, 9999)),
    near: [pair('0044-03-15', '0044-03-15 BC'), pair('9999-12-31', 'infinity')],
    isKey: true,
  },
  {
    name: 'time',
    type: 'time',
    server: 'time',
    values: list('00:00:00', '23:59:59.999999', '24:00:00', '00:00:00.000001'),
    generated: quoted(any.clock(6)),
    near: [pair('00:00:00', '24:00:00'), pair('00:00:00', '00:00:00.000001')],
    isKey: true,
  },
  {
    name: 'timestamptz_whole',
    type: 'timestamp',
    server: 'timestamptz(0)',
    values: list(...WHOLE.map((moment) => (moment === 'infinity' ? moment : moment.replace(/( BC)?$/, '+00$1')))),
    generated: quoted(any.moment(1, 9999, 0).map((moment) => `${moment}+00`)),
    near: [pair('2024-01-01 00:00:00+00', '2024-01-01 00:00:01+00')],
  },
  {
    name: 'timestamptz',
    type: 'timestamp(6)',
    server: 'timestamptz',
    values: list(...ZONED),
    generated: quoted(any.moment(1, 9999, 6).map((moment) => `${moment}+00`)),
    near: NEAR_ZONED,
    isKey: true,
  },
  {
    name: 'timestamp_whole',
    type: 'datetime',
    server: 'timestamp(0)',
    values: list(...WHOLE),
    generated: quoted(any.moment(1, 9999, 0)),
    near: [pair('2024-01-01 00:00:00', '2024-01-01 00:00:01')],
  },
  {
    name: 'timestamp',
    type: 'datetime(6)',
    server: 'timestamp',
    values: list(...MOMENTS),
    generated: quoted(any.moment(1, 9999, 6)),
    near: NEAR_MOMENTS,
    isKey: true,
  },
  {
    name: 'jsonb',
    type: 'json',
    server: 'jsonb',
    values: list(...JSONS),
    generated: quoted(any.json),
    near: [
      pair('[1, 2]', '[2, 1]'),
      pair('"1"', '1'),
      ["'null'", 'NULL'],
      pair('[1]', '[1.0000000000000000000000001]'),
    ],
    alike: [pair('1.10', '1.1'), pair('{"a": 1, "b": 2}', '{"b": 2, "a": 1}')],
  },
  {
    name: 'json',
    type: 'json',
    server: 'json',
    values: list(...JSONS),
    generated: quoted(any.json),
    near: [pair('[1, 2]', '[2, 1]'), pair('"1"', '1')],
    alike: [pair('1e3', '1000')],
    // It keeps white space, order and double names, of which green knows nothing.
    exact: 'v::jsonb::text',
  },
  {
    name: 'word',
    type: 'enum(new,Paid ,ü)',
    server: 'text',
    values: list('new', 'Paid ', 'ü'),
    near: [pair('new', 'Paid ')],
  },
]

export const POSTGRES_TONGUE: Tongue = {
  exactSession: [`SET TIME ZONE 'UTC'`, `SET DateStyle = 'ISO, YMD'`, 'SET extra_float_digits = 3'],
  exact: (one) => one.exact ?? 'v::text',
  jsonNull: quote('null'),
  orNothing: 'ON CONFLICT DO NOTHING',
}
