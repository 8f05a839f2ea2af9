/** Types that PostgreSQL has not, or has in another way. */
import fc from 'fast-check'
import type { ColumnCase } from './cases.js'
import { EXACT_TEXT, list, pair, quote, quoted } from './mariadb-cases.js'

const BITS = 'CAST(v + 0 AS CHAR)'

export const MARIADB_NATIVE_CASES: readonly ColumnCase[] = [
  {
    name: 'float',
    type: 'real',
    server: 'float',
    values: ['0', '-0e0', '1.1754944e-38', '1e-45', '3.4028234e38', '0.1e0', '16777216', '123456.79e0'],
    generated: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
    near: [
      ['0.1e0', '0.10000001e0'],
      ['1e-45', '0'],
      ['16777216', '16777218'],
    ],
    alike: [['0e0', '-0e0']],
    exact: 'HEX(SUBSTR(ST_AsWKB(POINT(v + 0e0, 0)), 6, 8))',
  },
  {
    name: 'bit1',
    type: 'bit(1)',
    server: 'bit(1)',
    values: ["b'0'", "b'1'"],
    near: [["b'0'", "b'1'"]],
    exact: BITS,
  },
  {
    name: 'bit64',
    type: 'bit(64)',
    server: 'bit(64)',
    values: ['0', '1', '9223372036854775808', '18446744073709551615', '48', "b'0011000000110001'"],
    generated: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    near: [['18446744073709551614', '18446744073709551615']],
    exact: BITS,
  },
  {
    name: 'year',
    type: 'year',
    server: 'year',
    values: ['0', "'0000'", '1901', '2000', "'00'", '2155', '1970', '69'],
    generated: fc.integer({ min: 1901, max: 2155 }).map(String),
    near: [
      ['0', '2000'],
      ['2024', '2025'],
    ],
  },
  {
    name: 'set',
    type: "set(new,Paid,ü,it's,a.b*)",
    server: `set('new','Paid','ü','it''s','a.b*') CHARACTER SET utf8mb4`,
    values: list('', 'new', 'ü,new', 'Paid,new,ü', "it's", 'a.b*,Paid'),
    generated: fc.nat({ max: 31 }).map(String),
    near: [pair('new', 'new,Paid'), ["''", 'NULL'], pair('ü', 'Paid')],
    exact: EXACT_TEXT,
  },
  {
    name: 'uuid',
    type: 'uuid',
    server: 'uuid',
    values: list(
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
      '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
      '018f2d5e-7c1b-7abc-8def-0123456789ab',
    ),
    generated: quoted(fc.uuid()),
    near: [pair('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001')],
    alike: [[quote('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'), quote('A0EEBC999C0B4EF8BB6D6BB9BD380A12')]],
    isKey: true,
  },
  {
    name: 'inet6',
    type: 'inet6',
    server: 'inet6',
    values: list('::', '::1', '::ffff:1.2.3.4', '2001:db8::ff00:42:8329', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
    generated: quoted(fc.ipV6().filter((text) => !text.includes('%'))),
    near: [pair('::1', '::2')],
    alike: [pair('2001:DB8::1', '2001:db8:0::1')],
    isKey: true,
  },
  {
    name: 'inet4',
    type: 'inet4',
    server: 'inet4',
    values: list('0.0.0.0', '255.255.255.255', '10.1.2.3'),
    generated: quoted(fc.ipV4()),
    near: [pair('10.1.2.3', '10.1.2.4')],
    isKey: true,
  },
  {
    name: 'named_enum',
    type: 'enum mood(good,bad)',
    server: `enum('good','bad')`,
    values: list('good', 'bad'),
    near: [pair('good', 'bad')],
    exact: EXACT_TEXT,
  },
]
