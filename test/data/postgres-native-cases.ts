/** Types that only PostgreSQL has, and arrays. */
import fc from 'fast-check'
import * as any from './arbitraries.js'
import type { ColumnCase } from './cases.js'
import { list, pair, quote, quoted } from './postgres-cases.js'

export const ENUM_TYPE = `CREATE TYPE mood AS ENUM ('new', 'Paid ', 'ü')`

export const POSTGRES_NATIVE_CASES: readonly ColumnCase[] = [
  {
    name: 'native_enum',
    type: 'enum mood(new,Paid ,ü)',
    server: 'mood',
    values: list('new', 'Paid ', 'ü'),
    near: [pair('new', 'Paid ')],
  },
  {
    name: 'uuid',
    type: 'uuid',
    server: 'uuid',
    values: list(
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
      '{018f2d5e7c1b7abc8def0123456789ab}',
    ),
    generated: quoted(fc.uuid()),
    near: [pair('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001')],
    alike: [pair('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'A0EEBC999C0B4EF8BB6D6BB9BD380A12')],
    isKey: true,
  },
  {
    name: 'real',
    type: 'real',
    server: 'real',
    values: list(
      '0',
      '-0',
      '1e-45',
      '1.17549435e-38',
      '3.4028235e38',
      '0.1',
      '16777216',
      'NaN',
      'Infinity',
      '-Infinity',
    ),
    generated: quoted(fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential())),
    near: [pair('0.1', '0.10000001'), pair('1e-45', '0'), pair('Infinity', '3.4028235e38'), pair('NaN', '0')],
    alike: [pair('0', '-0')],
    exactInJson: '(v + 0)::real::text',
  },
  {
    name: 'interval',
    type: 'interval',
    server: 'interval',
    values: list(
      '0',
      '1 mon',
      '30 days',
      '-1 day +02:03:04.000005',
      '178000000 years',
      '-178000000 years',
      '-1 mons 30 days -23:59:59.999999',
      '1000000000 hours',
    ),
    generated: quoted(
      fc
        .tuple(fc.integer({ min: -99999, max: 99999 }), fc.integer({ min: -99999, max: 99999 }), fc.maxSafeInteger())
        .map(([months, days, micros]) => `${months} mons ${days} days ${micros} microseconds`),
    ),
    // Each of them is equal for the server.
    near: [pair('1 mon', '30 days'), pair('1 day', '24 hours'), pair('0', '00:00:00.000001')],
    alike: [pair('60 minutes', '1 hour')],
  },
  {
    name: 'timetz',
    type: 'timetz',
    server: 'timetz',
    values: list('00:00:00+00', '24:00:00-15:59', '23:59:59.999999+15:59:59', '12:00:00+05:45'),
    generated: quoted(
      fc
        .tuple(any.clock(6), fc.integer({ min: -14, max: 14 }))
        .map(([time, zone]) => `${time}${zone < 0 ? '' : '+'}${zone}`),
    ),
    near: [pair('12:00:00+01', '11:00:00+00'), pair('00:00:00+00', '00:00:00.000001+00')],
  },
  {
    name: 'inet',
    type: 'inet',
    server: 'inet',
    values: list(
      '0.0.0.0',
      '255.255.255.255/32',
      '10.1.2.3/8',
      '::',
      '::1/128',
      'fe80::1/64',
      '::ffff:1.2.3.4',
      '2001:db8::/0',
    ),
    generated: quoted(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6().filter((text) => !text.includes('%')),
      ),
    ),
    near: [pair('10.1.2.3', '10.1.2.3/31'), pair('1.2.3.4', '::ffff:1.2.3.4')],
    alike: [pair('10.1.2.3', '10.1.2.3/32')],
    isKey: true,
  },
  {
    name: 'cidr',
    type: 'cidr',
    server: 'cidr',
    values: list('0.0.0.0/0', '10.0.0.0/8', '192.168.1.1/32', '::/0', '2001:db8::/32'),
    near: [pair('10.0.0.0/8', '10.0.0.0/9')],
    isKey: true,
  },
  {
    name: 'macaddr',
    type: 'macaddr',
    server: 'macaddr',
    values: list('00:00:00:00:00:00', 'FF-FF-FF-FF-FF-FF', '08002b:010203'),
    near: [pair('08:00:2b:01:02:03', '08:00:2b:01:02:04')],
    isKey: true,
  },
  {
    name: 'macaddr8',
    type: 'macaddr8',
    server: 'macaddr8',
    values: list('00:00:00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff', '08002b0102030405'),
    near: [pair('08:00:2b:01:02:03:04:05', '08:00:2b:01:02:03:04:06')],
    isKey: true,
  },
  {
    name: 'bit',
    type: 'bit(9)',
    server: 'bit(9)',
    values: list('000000000', '111111111', '000000001', '100000000'),
    near: [pair('000000000', '000000001')],
  },
  {
    name: 'varbit',
    type: 'varbit(300)',
    server: 'bit varying(300)',
    values: list('', '0', '00', '1', '10', '1'.repeat(300)),
    near: [pair('1', '10'), pair('', '0')],
  },
  { name: 'varbit_free', type: 'varbit', server: 'bit varying', values: list('', '01'), near: [pair('', '0')] },
  {
    name: 'ints',
    type: 'int[]',
    server: 'integer[]',
    values: list(
      '{}',
      '{NULL}',
      '{1,-2147483648,NULL,2147483647}',
      '{{1,2},{3,4}}',
      '[0:1]={1,2}',
      '[2:2][5:6]={{7,8}}',
    ),
    generated: quoted(fc.array(fc.integer(), { maxLength: 5 }).map((values) => `{${values.join(',')}}`)),
    near: [pair('{1,2}', '{2,1}'), pair('{1}', '{1,NULL}'), pair('{1,2}', '[0:1]={1,2}'), [`'{}'`, 'NULL']],
  },
  {
    name: 'texts',
    type: 'text[]',
    server: 'text[]',
    values: list('{}', '{NULL,"NULL","","a b","\\"","\\\\",ü🍎,"{a,b}"}', '{{a},{b}}', '{"[1, 2]","null"}'),
    generated: fc
      .array(any.text(8), { maxLength: 4 })
      .map((values) => `ARRAY[${values.map(quote).join(', ')}]::text[]`),
    near: [pair('{a}', '{"a "}'), pair('{NULL}', '{"NULL"}'), pair('{a,b}', '{"a,b"}')],
  },
  {
    name: 'varchars',
    type: 'varchar(5)[]',
    server: 'varchar(5)[]',
    values: list('{}', '{abcde,"",NULL}'),
    near: [pair('{a}', '{A}')],
  },
  {
    name: 'decimals',
    type: 'decimal(30,10)[]',
    server: 'numeric(30,10)[]',
    values: list('{}', '{NaN,0,-0.0000000001,12345678901234567890.1234567890,NULL}'),
    near: [pair('{1}', '{1.0000000001}')],
  },
  {
    name: 'bigints',
    type: 'bigint[]',
    server: 'bigint[]',
    values: list('{9223372036854775807,-9223372036854775808,9007199254740993}'),
    near: [pair('{9223372036854775807}', '{9223372036854775806}')],
  },
  {
    name: 'doubles',
    type: 'double[]',
    server: 'double precision[]',
    values: list('{NaN,Infinity,-Infinity,5e-324,0.1,1.7976931348623157e308}'),
    near: [pair('{0.1}', '{0.10000000000000002}')],
  },
  {
    name: 'booleans',
    type: 'boolean[]',
    server: 'boolean[]',
    values: list('{t,f,NULL}', '{}'),
    near: [pair('{t}', '{f}')],
  },
  {
    name: 'uuids',
    type: 'uuid[]',
    server: 'uuid[]',
    values: list('{}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}'),
    near: [pair('{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12}')],
  },
  {
    name: 'moments',
    type: 'timestamp(6)[]',
    server: 'timestamptz[]',
    values: list(
      '{"2024-10-27 02:30:00+02","0044-03-15 12:00:00.25+00 BC",infinity,-infinity,NULL,"10000-01-01 00:00:00.5+00"}',
    ),
    near: [pair('{"2024-10-27 02:30:00+02"}', '{"2024-10-27 02:30:00+01"}')],
  },
  {
    name: 'dates',
    type: 'date[]',
    server: 'date[]',
    values: list('{2024-02-29,"4713-01-01 BC",infinity,5874897-12-31,NULL}'),
    near: [pair('{2024-02-29}', '{2024-02-28}')],
  },
  {
    name: 'spans',
    type: 'interval[]',
    server: 'interval[]',
    values: list('{"1 mon","30 days",NULL,"-1 day +00:00:01"}'),
    near: [pair('{"1 mon"}', '{"30 days"}')],
  },
]
