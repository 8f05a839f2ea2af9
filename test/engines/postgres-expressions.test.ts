import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExprContext, Session } from '../../src/engines/engine.js'
import { postgresDialect } from '../../src/engines/postgres/index.js'
import { join, raw, sql } from '../../src/engines/sql.js'
import type { Expr } from '../../src/plan/expression.js'
import type { ColumnType } from '../../src/plan/schema.js'
import { column, evaluate, literal, makeTables, openSides, type Row, type Sides } from './postgres-support.js'

const NASTY = 'a"b\\c\n\r\t\b\f\u001a/é😀 \'x\' {"not": json} \u2028 ? $1 %s'
const BIG = '9223372036854775807'

describe('expressions (postgres)', () => {
  let sides: Sides
  let session: Session
  beforeAll(async () => {
    sides = await openSides()
    await sides.blue.prepareMeta()
    session = await sides.blue.connect('expressions')
  })
  afterAll(async () => {
    await session.close()
    await sides[Symbol.asyncDispose]()
  })

  test.each<[ColumnType, string, ColumnType, string | null]>([
    ['text', '12', 'bigint', '12'],
    ['text', BIG, 'bigint', BIG],
    ['text', '9223372036854775808', 'bigint', null],
    ['text', '-9223372036854775808', 'bigint', '-9223372036854775808'],
    ['text', '-1', 'bigint unsigned', null],
    ['text', '12x', 'bigint', null],
    ['text', '12\n', 'bigint', null],
    ['text', '', 'bigint', null],
    ['text', ' 12', 'bigint', null],
    ['text', '012', 'bigint', null],
    ['text', '-0', 'bigint', null],
    ['bigint', '2147483648', 'int', null],
    ['bigint', '2147483648', 'int unsigned', '2147483648'],
    ['bigint', '-5', 'int', '-5'],
    ['bigint', '7', 'text', '7'],
    ['bigint', '9007199254740993', 'double', null],
    ['double', '7.5', 'bigint', null],
    ['double', '1e300', 'bigint', null],
    ['double', 'NaN', 'bigint', null],
    ['decimal(10,2)', '7.00', 'int', '7'],
    ['decimal(10,2)', '7.50', 'int', null],
    ['decimal(10,2)', '7.50', 'decimal(10,1)', '7.5'],
    ['decimal(10,2)', '0.10', 'double', '0.1'],
    ['text', '7.50', 'decimal(10,2)', '7.50'],
    ['text', '7.505', 'decimal(10,2)', null],
    ['text', '123456789.00', 'decimal(10,2)', null],
    ['text', '1.5e-3', 'double', '0.0015'],
    ['text', '1e999', 'double', null],
    ['text', '1e-400', 'double', null],
    ['text', 'true', 'boolean', 't'],
    ['text', 'yes', 'boolean', null],
    ['bigint', '1', 'boolean', 't'],
    ['bigint', '2', 'boolean', null],
    ['boolean', '1', 'text', '1'],
    ['boolean', '1', 'bigint', '1'],
    ['text', '2024-02-29', 'date', '2024-02-29'],
    ['text', '2023-02-29', 'date', null],
    ['text', '1900-02-29', 'date', null],
    ['text', '2000-02-29', 'date', '2000-02-29'],
    ['text', '2024-04-31', 'date', null],
    ['text', '0000-01-01', 'date', null],
    ['text', '2024-02-29 12:34:56.123456', 'datetime(6)', '2024-02-29 12:34:56.123456'],
    ['text', '2024-02-29T12:34:56', 'timestamp', '2024-02-29 12:34:56+00'],
    ['text', '2024-02-29 25:00:00', 'datetime(6)', null],
    ['text', '2024-02-29 12:34:56.5', 'timestamp', '2024-02-29 12:34:56.5+00'],
    ['datetime(6)', '2024-01-01 00:00:00.000000', 'date', '2024-01-01'],
    ['datetime(6)', '2024-01-01 00:00:01.000000', 'date', null],
    ['date', '2024-01-01', 'datetime', '2024-01-01 00:00:00'],
    ['timestamp(6)', '2024-01-01 10:00:00.000001', 'datetime(6)', '2024-01-01 10:00:00.000001'],
    ['text', '23:59:60', 'time', null],
    ['text', '23:59:59', 'time', '23:59:59'],
    ['text', 'abcd', 'varchar(3)', null],
    ['text', 'äöü', 'varchar(3)', 'äöü'],
    ['text', 'A', 'enum(a,b)', null],
    ['text', 'a', 'enum(a,b)', 'a'],
    ['text', '{"a":1}', 'json', '{"a": 1}'],
    ['text', '{a', 'json', null],
    ['text', 'ä', 'blob', '\\xc3a4'],
    ['blob', '\\xc3a4', 'text', 'ä'],
    ['blob', '\\xff', 'text', null],
  ])('casts %s %j to %s as %j', async (from, value, to, expected) => {
    const expr: Expr = { op: 'cast', input: column('x', from), to }
    expect(await evaluate(session, expr, { x: [from, value] })).toBe(expected)
    expect(await evaluate(session, expr, { x: [from, null] })).toBeNull()
  })

  test('a cast of a constant that does not fit is NULL and no error of the planner', async () => {
    expect(await evaluate(session, { op: 'cast', input: literal('12x'), to: 'bigint' })).toBeNull()
    expect(await evaluate(session, { op: 'cast', input: literal('2023-02-31'), to: 'date' })).toBeNull()
    expect(await evaluate(session, { op: 'cast', input: literal(null), to: 'decimal(5,2)' })).toBeNull()
    expect(await evaluate(session, { op: 'cast', input: literal(5), to: 'smallint' })).toBe('5')
  })

  const members: Row = {
    big: ['bigint', BIG],
    price: ['decimal(30,10)', '12345678901234567890.1234567890'],
    double: ['double', '0.30000000000000004'],
    tiny: ['double', '5e-324'],
    huge: ['double', '-1.7976931348623157e+308'],
    flag: ['boolean', 'f'],
    text: ['text', NASTY],
    empty: ['text', ''],
    nothing: ['text', null],
    day: ['date', '2024-02-29'],
    time: ['time', '23:59:59.000001'],
    second: ['timestamp', '2024-02-29 12:34:56+00'],
    micro: ['datetime(6)', '2024-02-29 12:34:56.000001'],
    bytes: ['blob', '\\x0001ff5c27'],
    json: ['json', '{"n": 12345678901234567890, "s": "😀"}'],
    'name "with" \\ and .': ['varchar(10)', 'x'],
  }

  test('every type comes back from JSON as it was', async () => {
    const object: Expr = {
      op: 'jsonObject',
      members: Object.fromEntries(
        Object.entries(members).map(([name, [type]]) => [name, { value: column(name, type), type }]),
      ),
    }
    const json = (await evaluate(session, object, members)) as string
    const parsed = JSON.parse(json) as Record<string, unknown>
    expect(parsed).toMatchObject({
      text: NASTY,
      flag: false,
      nothing: null,
      bytes: '0001ff5c27',
      second: '2024-02-29 12:34:56',
    })
    expect(json).toContain(BIG)
    expect(json).toContain('12345678901234567890.1234567890')
    for (const [name, [type, value]] of Object.entries(members)) {
      const back: Expr = { op: 'jsonGet', input: object, path: [name], type }
      expect(await evaluate(session, back, members), name).toBe(value)
    }
    const nested: Expr = { op: 'jsonGet', input: object, path: ['json', 'n'], type: 'bigint' }
    expect(await evaluate(session, nested, members)).toBeNull()
    const missing: Expr = { op: 'jsonGet', input: object, path: ['nowhere', 'at', 'all'], type: 'boolean' }
    expect(await evaluate(session, missing, members)).toBeNull()
  })

  test('an object may have more members than a function takes arguments', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 120 }, (_, index) => [`m${index}`, { value: literal(index), type: 'int' as const }]),
    )
    const json = await evaluate(session, { op: 'jsonObject', members: many })
    expect(Object.keys(JSON.parse(String(json)) as object)).toHaveLength(120)
  })

  test.each([
    NASTY,
    '{"a": 1}',
    '{"a":1}',
    '{"a": 1, "a": 2}',
    '[1,2',
    '[1, 2]',
    '[1.0]',
    'null',
    '12',
    '"quoted"',
    ' {"a": 1}',
    '{"a": "\\u0000"}',
    '',
  ])('text %j survives the way through JSON', async (text) => {
    const there: Expr = { op: 'jsonFromText', input: column('x', 'text') }
    expect(await evaluate(session, { op: 'jsonToText', input: there }, { x: ['text', text] })).toBe(text)
    expect(
      await evaluate(session, { op: 'jsonGet', input: there, path: [], type: 'text' }, { x: ['text', text] }),
    ).toBe(text)
  })

  test('JSON in text is embedded where it comes back letter by letter', async () => {
    const there: Expr = { op: 'jsonFromText', input: column('x', 'text') }
    const member: Expr = { op: 'jsonGet', input: there, path: ['a'], type: 'int' }
    expect(await evaluate(session, member, { x: ['text', '{"a": 1}'] })).toBe('1')
    expect(await evaluate(session, member, { x: ['text', '{"a":1}'] })).toBeNull()
    expect(await evaluate(session, there, { x: ['text', null] })).toBeNull()
  })

  test('NULLs, conditions and two-valued logic', async () => {
    const a = column('a', 'text')
    const equal: Expr = { op: 'compare', operator: '=', left: a, right: literal('x') }
    expect(await evaluate(session, equal, { a: ['text', null] })).toBeNull()
    expect(await evaluate(session, { op: 'not', input: equal }, { a: ['text', null] })).toBe('t')
    expect(await evaluate(session, { op: 'same', left: a, right: literal(null) }, { a: ['text', null] })).toBe('t')
    expect(await evaluate(session, { op: 'same', left: a, right: literal('x') }, { a: ['text', null] })).toBe('f')
    expect(await evaluate(session, { op: 'and', args: [] })).toBe('t')
    expect(await evaluate(session, { op: 'or', args: [] })).toBe('f')
    expect(
      await evaluate(session, { op: 'or', args: [equal, { op: 'isNull', input: a }] }, { a: ['text', null] }),
    ).toBe('t')
  })

  test('operands of different types are compared exactly, texts by bytes', async () => {
    const compare = (operator: '=' | '<', left: readonly [ColumnType, string], right: readonly [ColumnType, string]) =>
      evaluate(
        session,
        { op: 'compare', operator, left: column('l', left[0]), right: column('r', right[0]) },
        { l: left, r: right },
      )
    expect(await compare('=', ['bigint', '12'], ['text', '12x'])).toBe('f')
    expect(await compare('=', ['bigint', '12'], ['varchar(5)', '12'])).toBe('t')
    expect(await compare('<', ['text', 'Z'], ['text', 'a'])).toBe('t')
    const isOn: Expr = { op: 'compare', operator: '=', left: column('b', 'boolean'), right: literal(1) }
    expect(await evaluate(session, isOn, { b: ['boolean', 't'] })).toBe('t')
    const isSeven: Expr = { op: 'compare', operator: '=', left: column('t', 'text'), right: literal(7) }
    expect(await evaluate(session, isSeven, { t: ['text', '7'] })).toBe('t')
  })

  test('the other operators', async () => {
    const a: Row = { a: ['int', '3'], b: ['int', '5'], t: ['text', 'old'], n: ['text', null], f: ['boolean', 't'] }
    const [x, y] = [column('a', 'int'), column('b', 'int')]
    const math = (operator: '+' | '-' | '*' | '/', type: ColumnType): Expr => ({
      op: 'arithmetic',
      operator,
      left: x,
      right: y,
      type,
    })
    expect(await evaluate(session, math('-', 'bigint'), a)).toBe('-2')
    expect(await evaluate(session, math('/', 'decimal(10,4)'), a)).toBe('0.6000')
    expect(await evaluate(session, math('*', 'double'), a)).toBe('15')
    expect(
      await evaluate(session, { op: 'arithmetic', operator: '/', left: x, right: literal(0), type: 'int' }, a),
    ).toBeNull()
    expect(await evaluate(session, { op: 'coalesce', args: [column('n', 'text'), literal('z')] }, a)).toBe('z')
    const joined: Expr = {
      op: 'concat',
      args: [literal('<'), x, column('n', 'text'), column('f', 'boolean'), literal(9), literal('>')],
    }
    expect(await evaluate(session, joined, a)).toBe('<319>')
    const table = { old: "n'ew", gone: 'x' }
    expect(await evaluate(session, { op: 'valueTable', input: column('t', 'text'), table, otherwise: 'keep' }, a)).toBe(
      "n'ew",
    )
    expect(
      await evaluate(session, { op: 'valueTable', input: column('n', 'text'), table, otherwise: { value: 'none' } }, a),
    ).toBe('none')
    expect(
      await evaluate(
        session,
        { op: 'valueTable', input: column('f', 'boolean'), table: { '1': 'on' }, otherwise: 'keep' },
        a,
      ),
    ).toBe('on')
    const isNull: Expr = { op: 'isNull', input: column('n', 'text') }
    const branch: Expr = {
      op: 'case',
      branches: [{ when: isNull, then: literal('is null') }],
      otherwise: literal('not'),
    }
    expect(await evaluate(session, branch, a)).toBe('is null')
    const custom: Expr = {
      op: 'raw',
      sql: { postgres: 'GREATEST({p}, {q})', mysql: '' },
      inputs: { p: x, q: y },
      type: 'bigint',
    }
    expect(await evaluate(session, custom, a)).toBe('5')
  })

  test('key functions and their inverses', async () => {
    const interleave = {
      type: 'interleave',
      base: '1000000000000000',
      birthLine: '5000000000000000',
      slots: 10,
      slot: 3,
    } as const
    const uuid = { type: 'uuid', space: '0c0ffee0', birthLine: '5000000000000000' } as const
    for (const [id, key] of [
      ['7', '1000000000000073'],
      ['5000000000000001', '5000000000000001'],
    ] as const) {
      expect(
        await evaluate(session, { op: 'key', key: interleave, input: column('x', 'bigint') }, { x: ['bigint', id] }),
      ).toBe(key)
      expect(
        await evaluate(session, { op: 'unkey', key: interleave, input: column('x', 'bigint') }, { x: ['bigint', key] }),
      ).toBe(id)
    }
    for (const [id, key] of [
      ['255', '0c0ffee0-0000-8000-8000-0000000000ff'],
      ['5000000000000016', '0c0ffee0-0001-8000-8000-000000000010'],
    ] as const) {
      expect(
        await evaluate(session, { op: 'key', key: uuid, input: column('x', 'bigint') }, { x: ['bigint', id] }),
      ).toBe(key)
      expect(
        await evaluate(session, { op: 'unkey', key: uuid, input: column('x', 'char(36)') }, { x: ['char(36)', key] }),
      ).toBe(id)
    }
    const born: Expr = { op: 'unkey', key: uuid, input: column('x', 'char(36)') }
    expect(await evaluate(session, born, { x: ['char(36)', 'b3a1f1de-1111-4222-8333-000000000001'] })).toBe(
      '5000000000000001',
    )
    expect(await evaluate(session, born, { x: ['char(36)', 'no uuid'] })).toBeNull()
  })

  test('folds children in order; elements come back with their place and name', async () => {
    const id = { type: 'bigint', notNull: true } as const
    await makeTables(sides.blue, {
      parents: { columns: { id }, primaryKey: ['id'] },
      children: {
        columns: {
          id,
          parent_id: { type: 'bigint' },
          name: { type: 'varchar(50)' },
          price: { type: 'decimal(10,2)' },
          data: { type: 'json' },
        },
        primaryKey: ['id'],
      },
    })
    const table = (name: string) => session.dialect.qualify(sides.blue.location.namespace, name)
    await session.execute(raw(`INSERT INTO ${table('parents')} VALUES (1), (2)`))
    await session.execute(
      sql`INSERT INTO ${raw(table('children'))} VALUES (2, 1, 'b"', 12.30, '{"x":1}'), (1, 1, 'a', NULL, NULL), (3, 9, 'c', 1, '[]')`,
    )
    const child = (name: string, type: ColumnType): Expr => ({ op: 'column', alias: 'c', column: name, type })
    const fold = (shape: 'object' | 'array' | 'map'): Expr => ({
      op: 'fold',
      fold: {
        from: 'children',
        by: [[child('parent_id', 'bigint'), column('id', 'bigint')]],
        shape,
        orderBy: [child('id', 'bigint')],
        ...(shape === 'map' ? { mapKey: child('name', 'varchar(50)') } : {}),
        element: {
          op: 'jsonObject',
          members: {
            id: { value: child('id', 'bigint'), type: 'bigint' },
            price: { value: child('price', 'decimal(10,2)'), type: 'decimal(10,2)' },
            data: { value: child('data', 'json'), type: 'json' },
          },
        },
      },
    })
    const context: ExprContext = {
      alias: (a: string) => `"${a}"`,
      typeOf: () => 'bigint',
      table,
      typeOfTable: () => 'bigint',
    }
    const folded = (shape: 'object' | 'array' | 'map') => session.dialect.expression(fold(shape), context)
    const rows = await session.query(
      sql`SELECT ${folded('array')}, ${folded('map')}, ${folded('object')} FROM ${raw(table('parents'))} AS d ORDER BY id`,
    )
    const [first, second] = [
      { id: 1, price: null, data: null },
      { id: 2, price: 12.3, data: { x: 1 } },
    ]
    expect(
      rows.map((row) => row.map((cell) => (cell === null ? null : (JSON.parse(String(cell)) as unknown)))),
    ).toEqual([
      [[first, second], { a: first, 'b"': second }, second],
      [[], {}, null],
    ])
    const elements = async (shape: 'object' | 'array' | 'map') => {
      const relation = session.dialect.unnest(folded(shape), shape, 'e')
      const from = sql`FROM ${raw(table('parents'))} AS d CROSS JOIN ${relation}`
      return session.query(sql`SELECT d.id, e.ordinal, e.name, e.value ->> 'id' ${from} ORDER BY d.id, e.ordinal`)
    }
    expect(await elements('array')).toEqual([
      ['1', '0', null, '1'],
      ['1', '1', null, '2'],
    ])
    expect(await elements('map')).toEqual([
      ['1', '0', 'a', '1'],
      ['1', '1', 'b"', '2'],
    ])
    expect(await elements('object')).toEqual([['1', '0', null, '2']])
  })

  test('row hashes tell NULL from empty and keep values apart; sums are exact', async () => {
    for (const dialect of [session.dialect, postgresDialect({ rowHash: 'portable' })]) {
      const hash = async (...values: readonly (string | null)[]) => {
        const texts = values.map((value) => sql`CAST(${value} AS text)`)
        return String((await session.query(sql`SELECT ${dialect.rowHash(texts)}`))[0]![0])
      }
      const seen = new Set([
        await hash('a', 'bc'),
        await hash('ab', 'c'),
        await hash('', null),
        await hash(null, ''),
        await hash('-', ''),
      ])
      expect(seen.size).toBe(5)
      expect([...seen].every((value) => BigInt(value) >= 0n)).toBe(true)
      const rows = sql`SELECT CAST(n AS text) AS t FROM generate_series(1, 1000) n`
      const one = await session.query(sql`SELECT ${dialect.rowHash([raw('s.t')])} FROM (${rows}) s`)
      const sum = await session.query(sql`SELECT ${dialect.sumHash(dialect.rowHash([raw('s.t')]))} FROM (${rows}) s`)
      expect(sum[0]![0]).toBe(String(one.reduce((total, [value]) => total + BigInt(String(value)), 0n)))
    }
    const none = await session.query(sql`SELECT ${session.dialect.sumHash(raw('n'))} FROM generate_series(1, 0) n`)
    expect(none).toEqual([['0']])
  })

  test.each<[ColumnType, string, string]>([
    ['decimal(10,2)', '7.5', '7.5'],
    ['decimal(10,2)', '7.50', '7.5'],
    ['decimal(10,2)', '7.501', '7.501'],
    ['datetime(6)', '0044-03-15 00:00:00 BC', '0044-03-15 00:00:00.000000 BC'],
    ['boolean', 't', '1'],
    ['double', '-0', '0000000000000000'],
    ['timestamp', '2024-02-29 12:34:56+02', '2024-02-29 10:34:56.000000'],
    ['datetime(6)', '2024-02-29 12:34:56.12', '2024-02-29 12:34:56.120000'],
    ['datetime(6)', 'infinity', 'infinity'],
    ['time', '01:02:03', '01:02:03.000000'],
    ['blob', '\\x00ff', '00ff'],
    ['date', '0099-01-02', '0099-01-02'],
  ])('canonical text of %s %s is %s', async (type, value, expected) => {
    const { dialect } = session
    expect(await session.query(sql`SELECT ${dialect.canonical(dialect.castTo(sql`${value}`, type), type)}`)).toEqual([
      [expected],
    ])
  })

  test('ranges and lists of keys use the index', async () => {
    await makeTables(sides.blue, {
      pairs: {
        columns: { a: { type: 'bigint', notNull: true }, b: { type: 'varchar(20)', notNull: true } },
        primaryKey: ['a', 'b'],
      },
    })
    const table = raw(session.dialect.qualify(sides.blue.location.namespace, 'pairs'))
    await session.execute(sql`INSERT INTO ${table} SELECT n / 10, 'k' || n FROM generate_series(1, 20000) n`)
    await session.execute(sql`ANALYZE ${table}`)
    const { dialect } = session
    const columns = [raw('a'), dialect.orderBy(raw('b'), 'varchar(20)')]
    const values = (a: string, b: string) => [
      dialect.castTo(sql`${a}`, 'bigint'),
      dialect.castTo(sql`${b}`, 'varchar(20)'),
    ]
    const plan = async (condition: ReturnType<typeof sql>) =>
      (await session.query(sql`EXPLAIN SELECT * FROM ${table} WHERE ${condition}`))
        .map(([line]) => String(line))
        .join('\n')
    const range = sql`${dialect.after(columns, values('5', 'k51'))} AND ${dialect.upTo(columns, values('6', 'k62'))}`
    expect(await plan(range)).toMatch(/Index Only Scan[^]*Index Cond: \(\(ROW/)
    const list = dialect.within([raw('a'), raw('b')], [values('5', 'k51'), values('6', 'k62')])
    expect(await plan(list)).toMatch(/Index/)
    const rows = await session.query(sql`SELECT a, b FROM ${table} WHERE ${range} ORDER BY ${join(columns)}`)
    expect(rows.map(([, b]) => b)).toEqual([
      'k52',
      'k53',
      'k54',
      'k55',
      'k56',
      'k57',
      'k58',
      'k59',
      'k60',
      'k61',
      'k62',
    ])
    expect((await session.query(sql`SELECT * FROM ${table} WHERE ${list}`)).length).toBe(2)
  })
})
