/** A plan is read whatever it holds: it parses, or it is refused with PLAN_INVALID and nothing else. */
import fc from 'fast-check'
import { definePlan } from 'crossfade'
import { describe, expect, test } from 'vitest'
import { CrossfadeError } from '../../src/engines/errors.js'
import { hashOf } from '../../src/plan/load.js'
import { parsePlan, readPlan } from '../../src/plan/parse.js'
import devices from '../fixtures/plans/devices.js'
import market from '../fixtures/plans/market.js'
import shop from '../fixtures/plans/shop.js'

type Loose = any // oxlint-disable-line typescript/no-explicit-any

/** Reads it in both ways. @returns whether it is a plan. */
function isRead(definition: unknown): boolean {
  const { plan, problems } = readPlan(definition)
  for (const problem of problems) {
    expect(problem.message).toMatch(/\S/)
    expect(problem.hint).toMatch(/\S/)
  }
  expect(plan === undefined).toBe(problems.length > 0)
  try {
    parsePlan(definition)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(CrossfadeError)
    expect((error as CrossfadeError).code).toBe('PLAN_INVALID')
    return false
  }
}

/** Values that JavaScript can put anywhere, with names that every object has from its prototype. */
const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true }),
  fc.constantFrom(undefined, null, '', 0, Number.NaN, () => 1, Symbol.iterator, 'constructor', '__proto__', 'toString'),
)
/** Parts of a plan, shuffled. */
const part = fc.oneof(
  { weight: 2, arbitrary: anything },
  fc.record({
    op: fc.constantFrom('column', 'cast', 'fold', 'raw', 'case', 'constructor'),
    input: anything,
    args: anything,
  }),
  fc.record({ columns: anything, primaryKey: anything, unique: anything, foreignKeys: anything }),
  fc.record({ kind: fc.constantFrom('map', 'fold', 'retire'), from: anything, into: anything, define: anything }),
)

/** Every place in plain data and what is reached through it, as a path. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.keys(value).flatMap((key) => placesIn((value as Loose)[key], [...path, key]))]
}

/** A copy in which one place holds something else. */
function withPlace(value: Loose, path: readonly string[], other: unknown): Loose {
  const [first, ...rest] = path
  if (first === undefined) return other
  const copy: Loose = Array.isArray(value) ? [...value] : { ...value }
  copy[first] = withPlace(value[first], rest, other)
  return copy
}

describe('reading a plan', () => {
  test('never throws anything but PLAN_INVALID, whatever the file exports', () => {
    fc.assert(
      fc.property(anything, part, (exported, input) => {
        isRead(exported)
        isRead({ isCrossfadePlan: true, input })
      }),
      { numRuns: 300 },
    )
  })

  test('never throws anything else whatever the parts of a plan are', () => {
    const input = fc.record(
      {
        name: fc.oneof(fc.constant('shop'), anything),
        blue: fc.oneof(fc.constant(shop.input.blue), fc.dictionary(fc.string(), part), part),
        green: fc.oneof(fc.constant(shop.input.green), fc.dictionary(fc.string(), part), part),
        bands: part,
        limits: part,
        invariants: fc.oneof(fc.array(part), part),
        probes: fc.oneof(fc.array(part), part),
        hooks: fc.oneof(fc.array(part), part),
        tables: fc.oneof(
          fc.constant(shop.input.tables),
          part.map((value) => () => value),
          part,
        ),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(input, (value) => {
        isRead({ isCrossfadePlan: true, input: value })
      }),
      { numRuns: 300 },
    )
  })

  describe.each([
    ['shop', shop],
    ['market', market],
    ['devices', devices],
  ])('of %s', (_, { input }) => {
    const schemas = placesIn({ blue: input.blue, green: input.green })

    test('is sound as it is', () => {
      expect(isRead(definePlan(input))).toBe(true)
    })

    test('with anything in any place of its schemas throws nothing else', () => {
      fc.assert(
        fc.property(fc.constantFrom(...schemas), part, (path, value) => {
          isRead({ isCrossfadePlan: true, input: { ...input, ...withPlace(input, path, value) } })
        }),
        { numRuns: 300 },
      )
    })

    test('with anything in any place of what its callbacks return throws nothing else', () => {
      fc.assert(
        fc.property(fc.nat(), fc.nat(), part, (whichTable, whichPlace, value) => {
          const tables = (tools: Loose): Loose => {
            const all: Loose = input.tables(tools)
            const names = Object.keys(all)
            const name = names[whichTable % names.length]!
            const { define, ...rest } = all[name]
            if (!define) return { ...all, [name]: { ...rest, reason: value } }
            const changed = (given: Loose): Loose => {
              const spec = define(given)
              const places = placesIn(spec)
              return withPlace(spec, places[whichPlace % places.length]!, value)
            }
            return { ...all, [name]: { ...rest, define: changed } }
          }
          isRead({ isCrossfadePlan: true, input: { ...input, tables } })
        }),
        { numRuns: 500 },
      )
    })
  })

  test('gives the same meaning, and so the same hash, each time and in any order of members', () => {
    const reversed = (value: Loose): Loose =>
      typeof value !== 'object' || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, member]) => [key, reversed(member)]),
          )
    for (const { input } of [shop, market, devices]) {
      const hash = hashOf(parsePlan(definePlan(input)))
      expect(hashOf(parsePlan(definePlan(input)))).toBe(hash)
      const columns = Object.fromEntries(
        Object.entries(input.blue).map(([name, table]) => [name, { ...table, unique: reversed(table.unique) }]),
      )
      expect(hashOf(parsePlan(definePlan({ ...input, blue: columns } as Loose)))).toBe(hash)
      // Tuning in the middle of a migration changes nothing that a run rests on.
      expect(hashOf(parsePlan(definePlan({ ...input, limits: { soakMs: 7 }, invariants: [] } as Loose)))).toBe(hash)
      const renamed = { ...input, bands: { base: '7', birthLine: '4000000000000000' } }
      expect(hashOf(parsePlan(definePlan(renamed as Loose)))).not.toBe(hash)
    }
  })
})
