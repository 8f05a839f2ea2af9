import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExprContext, Session } from '../../src/engines/engine.js'
import type { Expr } from '../../src/plan/expression.js'
import type { ColumnType } from '../../src/plan/schema.js'
import { raw, sql } from '../../src/engines/sql.js'
import { listTestEngines } from '../support/servers.js'
import { column, evaluate, literal, makeTables, openSides, type Sides } from './mysql-support.js'

const NASTY = 'a"b\\c\n\r\t\b\f\u0000\u001a/é😀 \'x\' {"not": json} \u2028 ?'
const BIG = '9223372036854775807'

describe.each(listTestEngines().filter((engine) => engine !== 'postgres'))('expressions (%s)', (engine) => {
  let sides: Sides
  let session: Session
  beforeAll(async () => {
    sides = await openSides(engine)
    session = await sides.blue.connect()
  })
  afterAll(() => sides[Symbol.asyncDispose]())

  const cast = (from: ColumnType, value: string | null, to: ColumnType) =>
    evaluate(session, { op: 'cast', input: column('x', from), to }, { x: [from, value] })

  test.each<[ColumnType, string, ColumnType, string | null]>([
    ['text', '12', 'bigint', '12'],
    ['text', BIG, 'bigint', BIG],
    ['text', '9223372036854775808', 'bigint', null],
    ['text', '-9223372036854775808', 'bigint', '-9223372036854775808'],
    ['text', '18446744073709551615', 'bigint unsigned', '18446744073709551615'],
    ['text', '18446744073709551616', 'bigint unsigned', null],
    ['text', '-1', 'bigint unsigned', null],
    ['text', '12x', 'bigint', null],
    ['text', '12\n', 'bigint', null],
    ['text', '', 'bigint', null],
    ['text', ' 12', 'bigint', null],
    ['text', '012', 'bigint', null],
    ['bigint', '2147483648', 'int', null],
    ['bigint', '-5', 'int', '-5'],
    ['bigint', '7', 'text', '7'],
    ['decimal(10,2)', '7.00', 'int', '7'],
    ['decimal(10,2)', '7.50', 'int', null],
    ['text', '7.50', 'decimal(10,2)', '7.50'],
    ['text', '7.505', 'decimal(10,2)', null],
    ['text', '123456789.00', 'decimal(10,2)', null],
    ['text', '1.5e-3', 'double', '0.0015'],
    ['text', 'true', 'boolean', '1'],
    ['text', 'yes', 'boolean', null],
    ['boolean', '1', 'text', '1'],
    ['text', '2024-02-29', 'date', '2024-02-29'],
    ['text', '2023-02-29', 'date', null],
    ['text', '2024-02-29 12:34:56.123456', 'datetime(6)', '2024-02-29 12:34:56.123456'],
    ['text', '2024-02-29 25:00:00', 'datetime(6)', null],
    ['text', '2040-01-01 00:00:00', 'timestamp', null],
    ['datetime(6)', '2024-01-01 00:00:00.000000', 'date', '2024-01-01'],
    ['datetime(6)', '2024-01-01 00:00:01.000000', 'date', null],
    ['text', 'abcd', 'varchar(3)', null],
    ['text', 'abc', 'varchar(3)', 'abc'],
    ['text', 'A', 'enum(a,b)', null],
    ['text', 'a', 'enum(a,b)', 'a'],
    ['text', '{"a":1}', 'json', engine === 'mysql' ? '{"a": 1}' : '{"a":1}'],
    ['text', '{a', 'json', null],
  ])('casts %s %j to %s as %j', async (from, value, to, expected) => {
    expect(await cast(from, value, to)).toBe(expected)
  })

  test('a cast of bad text in INSERT .. SELECT is NULL and no error in strict mode', async () => {
    const { namespace } = sides.blue.location
    const table = raw(session.dialect.qualify(namespace, 'casts'))
    await session.execute(
      sql`CREATE TABLE ${table} (t LONGTEXT, i BIGINT, d DATE, m DECIMAL(10,2), f DOUBLE, ts DATETIME(6))`,
    )
    await session.execute(
      sql`INSERT INTO ${table} (t) VALUES ('12x'), ('2023-02-31'), (''), ('1e999'), ('99999999999999999999999')`,
    )
    const casts = (['bigint', 'date', 'decimal(10,2)', 'double', 'datetime(6)'] as const).map((to) =>
      session.dialect.expression(
        { op: 'cast', input: column('t', 'text'), to },
        { alias: () => '`d`', typeOf: () => 'text', table: (name) => name, typeOfTable: () => 'text' },
      ),
    )
    const [i, d, m, f, ts] = casts
    await session.execute(
      sql`INSERT INTO ${table} (t, i, d, m, f, ts) SELECT 'cast', ${i!}, ${d!}, ${m!}, ${f!}, ${ts!} FROM ${table} AS d`,
    )
    expect(
      await session.query(
        sql`SELECT COUNT(*), COUNT(i), COUNT(d), COUNT(m), COUNT(f), COUNT(ts) FROM ${table} WHERE t = 'cast'`,
      ),
    ).toEqual([['5', '0', '0', '0', '1', '0']])
  })

  const members: Record<string, [ColumnType, string | Buffer | null]> = {
    big: ['bigint', BIG],
    unsigned: ['bigint unsigned', '18446744073709551615'],
    price: ['decimal(30,10)', '12345678901234567890.1234567890'],
    double: ['double', '0.30000000000000004'],
    flag: ['boolean', '0'],
    text: ['text', NASTY],
    empty: ['text', ''],
    nothing: ['text', null],
    day: ['date', '2024-02-29'],
    time: ['time', '23:59:59.000001'],
    micro: ['timestamp(6)', '2024-02-29 12:34:56.000001'],
    bytes: ['blob', Buffer.from([0, 1, 255, 92, 39])],
    json: ['json', '{"n": 12345678901234567890, "s": "\\ud83d\\ude00"}'],
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
    expect(parsed['text']).toBe(NASTY)
    expect(parsed['flag']).toBe(false)
    expect(parsed['nothing']).toBeNull()
    expect(json).toContain(BIG)
    expect(json).toContain('12345678901234567890.1234567890')
    for (const [name, [type, value]] of Object.entries(members)) {
      if (name === 'json') continue
      const back: Expr = { op: 'jsonGet', input: object, path: [name], type }
      expect(await evaluate(session, back, members), name).toEqual(name === 'time' && value ? '23:59:59.000001' : value)
    }
    const nested: Expr = { op: 'jsonGet', input: object, path: ['json', 'n'], type: 'text' }
    expect(await evaluate(session, nested, members)).toBe('12345678901234567890')
  })

  test.each([NASTY, '{"a": 1,"b":[1, 2]}', '[1,2', 'null', '12', '"quoted"', ' {"a":1}', ''])(
    'text %j survives the way through JSON',
    async (text) => {
      const there: Expr = { op: 'jsonFromText', input: column('x', 'text') }
      expect(await evaluate(session, { op: 'jsonToText', input: there }, { x: ['text', text] })).toBe(text)
    },
  )

  test('doubles come back to the last bit', async () => {
    for (const value of ['1e300', '-4.94e-322', '0.1', '123456789012345680', '3.141592653589793']) {
      const object: Expr = { op: 'jsonObject', members: { v: { value: column('x', 'double'), type: 'double' } } }
      const back = await evaluate(
        session,
        { op: 'jsonGet', input: object, path: ['v'], type: 'double' },
        { x: ['double', value] },
      )
      expect(Number(back)).toBe(Number(value))
    }
  })

  test('integers beside texts are not compared as doubles', async () => {
    const same: Expr = { op: 'compare', operator: '=', left: column('n', 'bigint'), right: literal('9007199254740993') }
    expect(await evaluate(session, same, { n: ['bigint', '9007199254740992'] })).toBe('0')
    expect(await evaluate(session, same, { n: ['bigint', '9007199254740993'] })).toBe('1')
    const text: Expr = { op: 'compare', operator: '=', left: column('n', 'bigint'), right: column('t', 'text') }
    expect(await evaluate(session, text, { n: ['bigint', '12'], t: ['text', '12x'] })).toBe('0')
  })

  test('texts compare by code point, NULLs by the rules of each operator', async () => {
    const compare = (left: string | null, right: string | null, op: 'compare' | 'same' = 'compare') =>
      evaluate(
        session,
        op === 'same'
          ? { op, left: column('a', 'text'), right: literal(right) }
          : { op, operator: '=', left: column('a', 'text'), right: literal(right) },
        { a: ['text', left] },
      )
    expect(await compare('a', 'A')).toBe('0')
    expect(await compare('a', 'a')).toBe('1')
    expect(await compare(null, null)).toBeNull()
    expect(await compare(null, null, 'same')).toBe('1')
    expect(
      await evaluate(
        session,
        { op: 'not', input: { op: 'compare', operator: '=', left: column('a', 'text'), right: literal('x') } },
        { a: ['text', null] },
      ),
    ).toBe('1')
    expect(await evaluate(session, { op: 'and', args: [] })).toBe('1')
    expect(await evaluate(session, { op: 'or', args: [] })).toBe('0')
  })

  test('the other operators', async () => {
    const a: Record<string, [ColumnType, string | null]> = {
      a: ['int unsigned', '3'],
      b: ['int unsigned', '5'],
      t: ['text', 'old'],
      n: ['text', null],
    }
    const [x, y] = [column('a', 'int unsigned'), column('b', 'int unsigned')]
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
    expect(
      await evaluate(session, { op: 'concat', args: [literal('<'), x, column('n', 'text'), literal('>')] }, a),
    ).toBe('<3>')
    const table = { old: 'new', gone: 'x' }
    expect(await evaluate(session, { op: 'valueTable', input: column('t', 'text'), table, otherwise: 'keep' }, a)).toBe(
      'new',
    )
    expect(
      await evaluate(session, { op: 'valueTable', input: column('n', 'text'), table, otherwise: { value: 'none' } }, a),
    ).toBe('none')
    const branch: Expr = {
      op: 'case',
      branches: [{ when: { op: 'isNull', input: column('n', 'text') }, then: literal('is null') }],
      otherwise: literal('not'),
    }
    expect(await evaluate(session, branch, a)).toBe('is null')
    const custom: Expr = {
      op: 'raw',
      sql: { postgres: '', mysql: 'GREATEST({p}, {q})' },
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
    ]) {
      expect(
        await evaluate(
          session,
          { op: 'key', key: interleave, input: column('x', 'bigint unsigned') },
          { x: ['bigint unsigned', id!] },
        ),
      ).toBe(key)
      expect(
        await evaluate(
          session,
          { op: 'unkey', key: interleave, input: column('x', 'bigint unsigned') },
          { x: ['bigint unsigned', key!] },
        ),
      ).toBe(id)
    }
    for (const [id, key] of [
      ['255', '0c0ffee0-0000-8000-8000-0000000000ff'],
      ['5000000000000016', '0c0ffee0-0001-8000-8000-000000000010'],
    ]) {
      expect(
        await evaluate(session, { op: 'key', key: uuid, input: column('x', 'bigint') }, { x: ['bigint', id!] }),
      ).toBe(key)
      expect(
        await evaluate(session, { op: 'unkey', key: uuid, input: column('x', 'char(36)') }, { x: ['char(36)', key!] }),
      ).toBe(id)
    }
    expect(
      await evaluate(
        session,
        { op: 'unkey', key: uuid, input: column('x', 'char(36)') },
        { x: ['char(36)', 'b3a1f1de-1111-4222-8333-000000000001'] },
      ),
    ).toBe('5000000000000001')
  })

  test('folds children in order; elements come back with their place and name', async () => {
    await makeTables(sides.blue, {
      parents: { columns: { id: { type: 'bigint', notNull: true } }, primaryKey: ['id'] },
      children: {
        columns: {
          id: { type: 'bigint', notNull: true },
          parent_id: { type: 'bigint' },
          name: { type: 'varchar(50)' },
          price: { type: 'decimal(10,2)' },
          data: { type: 'json' },
        },
        primaryKey: ['id'],
      },
    })
    const { namespace } = sides.blue.location
    const table = (name: string) => session.dialect.qualify(namespace, name)
    await session.execute(raw(`INSERT INTO ${table('parents')} VALUES (1), (2)`))
    await session.execute(
      sql`INSERT INTO ${raw(table('children'))} VALUES (2, 1, 'b"', 12.30, '{"x":1}'), (1, 1, 'a', NULL, NULL), (3, 9, 'c', 1, '[]')`,
    )
    const child = (name: string, type: ColumnType): Expr => ({ op: 'column', alias: 'c', column: name, type })
    const fold = (shape: 'object' | 'array' | 'map'): Expr => ({
      op: 'fold',
      fold: {
        from: 'children',
        by: [[child('parent_id', 'bigint'), { op: 'column', alias: 'd', column: 'id', type: 'bigint' }]],
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
      alias: (a) => `\`${a}\``,
      typeOf: () => 'bigint',
      table,
      typeOfTable: () => 'bigint',
    }
    const folded = (shape: 'object' | 'array' | 'map') => session.dialect.expression(fold(shape), context)
    const rows = await session.query(
      sql`SELECT ${folded('array')}, ${folded('map')}, ${folded('object')} FROM ${raw(table('parents'))} AS d ORDER BY id`,
    )
    expect(
      rows.map((row) => row.map((cell) => (cell === null ? null : (JSON.parse(String(cell)) as unknown)))),
    ).toEqual([
      [
        [
          { id: 1, price: null, data: null },
          { id: 2, price: 12.3, data: { x: 1 } },
        ],
        { a: { id: 1, price: null, data: null }, 'b"': { id: 2, price: 12.3, data: { x: 1 } } },
        { id: 2, price: 12.3, data: { x: 1 } },
      ],
      [[], {}, null],
    ])
    const elements = async (shape: 'object' | 'array' | 'map') => {
      const relation = session.dialect.unnest(folded(shape), shape, 'e')
      const query = sql`SELECT d.id, e.ordinal, e.name, e.value FROM ${raw(table('parents'))} AS d CROSS JOIN ${relation} ORDER BY d.id, e.ordinal`
      return (await session.query(query)).map(([id, ordinal, name, value]) => [
        id,
        ordinal,
        name,
        (JSON.parse(String(value)) as { id: number }).id,
      ])
    }
    expect(await elements('array')).toEqual([
      ['1', '0', null, 1],
      ['1', '1', null, 2],
    ])
    expect(await elements('map')).toEqual([
      ['1', '0', 'a', 1],
      ['1', '1', 'b"', 2],
    ])
    expect(await elements('object')).toEqual([['1', '0', null, 2]])
    const aggregate = session.dialect.jsonArrayAggregate(raw('c.data'), [raw('c.id')])
    expect(
      JSON.parse(String((await session.query(sql`SELECT ${aggregate} FROM ${raw(table('children'))} AS c`))[0]![0])),
    ).toEqual([{ x: 1 }, []])
  })

  test('hashes tell swapped and moved values apart, and their sum is exact', async () => {
    const { dialect } = session
    const hash = async (...texts: (string | null)[]) =>
      (await session.query(sql`SELECT ${dialect.rowHash(texts.map((text) => sql`CAST(${text} AS CHAR)`))}`))[0]![0]
    const all = [
      await hash('a', 'bc'),
      await hash('ab', 'c'),
      await hash('bc', 'a'),
      await hash('a', null),
      await hash('a', '-'),
      await hash(),
    ]
    expect(new Set(all).size).toBe(all.length)
    const sum = await session.query(
      sql`SELECT ${dialect.sumHash(raw('h'))} FROM (SELECT 18446744073709551615 AS h UNION ALL SELECT 18446744073709551615) AS t`,
    )
    expect(sum[0]![0]).toBe('36893488147419103230')
    expect(
      (await session.query(sql`SELECT ${dialect.sumHash(raw('h'))} FROM (SELECT 1 AS h) AS t WHERE FALSE`))[0]![0],
    ).toBe('0')
  })

  test('key comparisons use the index', async () => {
    const { dialect } = session
    const { namespace } = sides.blue.location
    await makeTables(sides.blue, {
      keyed: {
        columns: {
          a: { type: 'char(36)', notNull: true },
          b: { type: 'bigint unsigned', notNull: true },
          c: { type: 'text' },
        },
        primaryKey: ['a', 'b'],
      },
    })
    const table = raw(dialect.qualify(namespace, 'keyed'))
    const rows = Array.from({ length: 2_000 }, (_, index) => [
      String(index % 50).padStart(36, '0'),
      String(index),
      null,
    ])
    await sides.blue.bulk.insert(
      session,
      'keyed',
      [
        { name: 'a', type: 'char(36)' },
        { name: 'b', type: 'bigint unsigned' },
        { name: 'c', type: 'text' },
      ],
      rows,
    )
    const columns = [raw('a'), raw('b')]
    const tuple = (a: number, b: number) => [
      dialect.castTo(sql`${String(a).padStart(36, '0')}`, 'char(36)'),
      dialect.castTo(sql`${String(b)}`, 'bigint unsigned'),
    ]
    const after = dialect.after(columns, tuple(3, 1_003))
    const upTo = dialect.upTo(columns, tuple(4, 54))
    const within = dialect.within(columns, [tuple(3, 3), tuple(4, 54)])
    const range = await session.query(sql`SELECT a, b FROM ${table} WHERE ${after} AND ${upTo}`)
    expect(range.length).toBe(19 + 2)
    expect((await session.query(sql`SELECT b FROM ${table} WHERE ${within} ORDER BY b`)).flat()).toEqual(['3', '54'])
    for (const condition of [sql`${after} AND ${upTo}`, within]) {
      const [plan] = await session.query(sql`EXPLAIN FORMAT=JSON SELECT c FROM ${table} WHERE ${condition}`)
      // The newer form of the plan has words of its own.
      expect(String(plan![0])).toMatch(/"access_type": "range"|"index_access_type": "index_range_scan"/)
    }
  })
})
