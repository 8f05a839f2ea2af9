import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ColumnType } from '../../src/plan/schema.js'
import { compareRows } from '../../src/verify/compare-rows.js'

const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'part', type: 'text' },
  { name: 'note', type: 'text' },
  { name: 'body', type: 'json' },
] as const satisfies { name: string; type: ColumnType }[]
const KEY_COUNT = 2

type Row = [string, string, string | null, string | null]

const cell = fc.option(fc.constantFrom('', ' ', 'null', 'a', 'a ', 'A'))
const body = fc.option(fc.constantFrom('1', '{"a": 1, "b": 2}', '[1, 2]', 'null'))
const rows: fc.Arbitrary<Row[]> = fc.uniqueArray(
  fc.tuple(fc.nat({ max: 9 }).map(String), fc.constantFrom('', '1', 'null', '","'), cell, body),
  { selector: (row) => JSON.stringify(row.slice(0, KEY_COUNT)), maxLength: 12 },
)

const idOf = (row: readonly (string | null)[]): string => JSON.stringify(row.slice(0, KEY_COUNT))

describe('rows compared by key', () => {
  test('are equal to themselves in any order and in any spelling of their JSON', () => {
    fc.assert(
      fc.property(rows, (origin) => {
        const respelled = origin.map(([id, part, note, json]): Row => [
          id,
          part,
          note,
          json === '1' ? '1.0' : json === '{"a": 1, "b": 2}' ? '{"b":2,"a":1e0}' : json,
        ])
        expect(compareRows(origin, respelled.reverse(), COLUMNS, KEY_COUNT)).toEqual([])
      }),
    )
  })

  test('are missing, extra or different exactly where they are, by the columns that differ', () => {
    fc.assert(
      fc.property(rows, rows, (origin, destination) => {
        const [left, right] = [origin, destination].map((list) => new Map(list.map((row) => [idOf(row), row])))
        const expected = [...new Set([...left!.keys(), ...right!.keys()])].flatMap((id) => {
          const [one, other] = [left!.get(id), right!.get(id)]
          if (!one || !other) return [{ key: id, kind: one ? 'missing' : 'extra', columns: [] as string[] }]
          const columns = COLUMNS.map(({ name }) => name).filter((_, index) => one[index] !== other[index])
          return columns.length > 0 ? [{ key: id, kind: 'different', columns }] : []
        })
        const found = compareRows(origin, destination, COLUMNS, KEY_COUNT).map(({ key, kind, columns }) => ({
          key: JSON.stringify(key),
          kind,
          columns: [...columns],
        }))
        const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1)
        expect(found.sort(byKey)).toEqual(expected.sort(byKey))
      }),
    )
  })

  test('have one fingerprint as long as nothing about a difference changes, and another when it does', () => {
    fc.assert(
      fc.property(rows, fc.nat(), (origin, which) => {
        fc.pre(origin.length > 0)
        const changed = (note: string): Row[] =>
          origin.map((row, index) => (index === which % origin.length ? [row[0], row[1], note, row[3]] : row))
        const printOf = (note: string): string | undefined =>
          compareRows(origin, changed(note), COLUMNS, KEY_COUNT)[0]?.fingerprint
        expect(printOf('one')).toBeDefined()
        expect(printOf('one')).toBe(printOf('one'))
        expect(printOf('two')).not.toBe(printOf('one'))
      }),
    )
  })

  test('that share a key count as a difference on either side, also where one of them is equal', () => {
    const row: Row = ['1', 'a', 'x', null]
    const twin: Row = ['1', 'a', 'y', null]
    const pairs: [Row[], Row[]][] = [
      [[row, twin], [row]],
      [[row], [row, twin]],
      [[row], [twin, row]],
    ]
    for (const [origin, destination] of pairs)
      expect(compareRows(origin, destination, COLUMNS, KEY_COUNT)).toHaveLength(1)
  })

  test('a key that is NULL is not the text "null"', () => {
    const found = compareRows([[null, 'a', null, null]], [['null', 'a', null, null]], COLUMNS, KEY_COUNT)
    expect(found.map(({ kind }) => kind)).toEqual(['missing', 'extra'])
  })
})
