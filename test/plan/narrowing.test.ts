import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holds } from '../../src/plan/narrowing.js'
import { readPlan } from '../../src/plan/parse.js'
import { definePlan } from '../../src/plan/define.js'
import type { ColumnType } from '../../src/plan/schema.js'

const problemsOf = (from: ColumnType, to: ColumnType): readonly string[] =>
  readPlan(
    definePlan({
      name: 'narrow',
      blue: { sales: { columns: { id: { type: 'bigint', notNull: true }, v: { type: from } }, primaryKey: ['id'] } },
      green: { sales: { columns: { id: { type: 'bigint', notNull: true }, w: { type: to } }, primaryKey: ['id'] } },
      tables: (t) => ({ sales: t.map('sales', 'sales', ({ d }) => ({ columns: { id: d.id, w: d.v } })) }),
    }),
  ).problems.map(({ path, message, hint }) => `${path}: ${message}. ${hint}`)

describe('a green column that cannot hold all of a blue one', () => {
  test.each([
    ['decimal(12,4)', 'decimal(12,2)'],
    ['decimal(12,2)', 'decimal(10,2)'],
    ['decimal(5,2)', 'int'],
    ['double', 'decimal(65,30)'],
    ['bigint', 'double'],
    ['bigint', 'int'],
    ['datetime(6)', 'datetime'],
    ['timestamp(6)', 'date'],
  ] satisfies [ColumnType, ColumnType][])('%s into %s is refused, with its place and what to do', (from, to) => {
    expect(problemsOf(from, to)).toEqual([
      `tables.sales.columns.w: "sales.v" is ${from}, which green ${to} cannot hold exactly. ` +
        `Widen the green column, or use cast(.., '${to}'), which gives NULL where a value does not fit.`,
    ])
  })

  test.each([
    ['decimal(12,2)', 'decimal(14,4)'],
    ['int', 'decimal(10,0)'],
    ['int', 'double'],
    ['bigint unsigned', 'bigint'],
    ['timestamp', 'datetime(6)'],
    ['varchar(10)', 'text'],
  ] satisfies [ColumnType, ColumnType][])('%s into %s is taken', (from, to) => {
    expect(problemsOf(from, to)).toEqual([])
  })

  test('is one exactly where a decimal has fewer digits on either side of the point', () => {
    const size = fc.tuple(fc.integer({ min: 1, max: 35 }), fc.nat({ max: 30 }))
    fc.assert(
      fc.property(size, size, ([before, behind], [beforeToo, behindToo]) => {
        const [from, to] = [`decimal(${before + behind},${behind})`, `decimal(${beforeToo + behindToo},${behindToo})`]
        expect(holds(to as ColumnType, from as ColumnType)).toBe(beforeToo >= before && behindToo >= behind)
      }),
    )
  })
})
