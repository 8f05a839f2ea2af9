import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ExprContext, Session } from '../../src/engines/engine.js'
import { openSide } from '../../src/engines/open-side.js'
import { sql } from '../../src/engines/sql.js'
import type { Expr, KeyFunction } from '../../src/plan/expression.js'
import { createDatabase, describeEachEngine } from '../support/servers.js'

const BASE = 10n ** 15n
const BIRTH_LINE = 5n * BASE
/** Keys of each kind: as far as their band goes, and born in green. */
const kept = fc.bigInt({ min: 0n, max: BASE / 8n })
const short = fc.bigInt({ min: 0n, max: 2n ** 48n - 1n })
const born = fc.bigInt({ min: BIRTH_LINE, max: BIRTH_LINE + 2n ** 47n })

const slotOf = (slot: number): KeyFunction => ({
  type: 'interleave',
  base: String(BASE),
  birthLine: String(BIRTH_LINE),
  slots: 3,
  slot,
})
const uuidOf = (space: string): KeyFunction => ({ type: 'uuid', space, birthLine: String(BIRTH_LINE) })
const KEEP: KeyFunction = { type: 'keep' }

const id: Expr = { op: 'column', alias: 'd', column: 'id', type: 'bigint' }

/** Of each id its key by each function, and what the function's inverse makes of that. */
async function throughKeys(
  session: Session,
  ids: readonly bigint[],
  functions: readonly KeyFunction[],
): Promise<{ keys: string[]; back: string[] }[]> {
  const { dialect } = session
  const context: ExprContext = {
    alias: (alias) => dialect.quote(alias),
    typeOf: () => 'bigint',
    table: (name) => dialect.quote(name),
    typeOfTable: () => 'bigint',
  }
  const results: { keys: string[]; back: string[] }[] = []
  for (const key of functions) {
    const there: Expr = { op: 'key', key, input: id }
    const back: Expr = { op: 'unkey', key, input: there }
    const rows = dialect.values(
      [{ name: 'id', type: 'bigint' }],
      ids.map((value) => [String(value)]),
    )
    const found = await session.query(
      sql`SELECT ${dialect.expression(there, context)}, ${dialect.expression(back, context)} FROM (${rows}) d`,
    )
    results.push({ keys: found.map(([to]) => String(to)), back: found.map(([, from]) => String(from)) })
  }
  return results
}

describeEachEngine('key functions', (engine) => {
  test('come back, keep their order, and never meet those of another table', async () => {
    await using database = await createDatabase(engine)
    await using side = await openSide(database.url, 'blue', 'crossfade')
    await using session = await side.connect('test')
    const inSlots = [KEEP, slotOf(0), slotOf(1), slotOf(2)]
    const inUuids = [uuidOf('0000000a'), uuidOf('0000000b')]
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(kept, { minLength: 1, maxLength: 40 }),
        fc.uniqueArray(short, { minLength: 1, maxLength: 40 }),
        fc.uniqueArray(born, { maxLength: 10 }),
        async (keptIds, shortIds, bornIds) => {
          const ascending = keptIds.toSorted((left, right) => (left < right ? -1 : 1))
          const slots = await throughKeys(session, ascending, inSlots)
          for (const { keys, back } of slots) {
            expect(back).toEqual(ascending.map(String))
            expect(
              keys
                .map(BigInt)
                .toSorted((left, right) => (left < right ? -1 : 1))
                .map(String),
            ).toEqual(keys)
          }
          const all = slots.flatMap(({ keys }) => keys)
          expect(new Set(all).size).toBe(all.length)

          const uuids = await throughKeys(session, [...shortIds, ...bornIds], inUuids)
          for (const { back } of uuids) expect(back).toEqual([...shortIds, ...bornIds].map(String))
          const texts = uuids.flatMap(({ keys }) => keys)
          expect(new Set(texts).size).toBe(texts.length)

          if (bornIds.length === 0) return
          // Born in green: unchanged by every slot, so that they come back as they are.
          for (const { keys, back } of await throughKeys(session, bornIds, inSlots))
            expect([keys, back]).toEqual([bornIds.map(String), bornIds.map(String)])
        },
      ),
      { numRuns: 15 },
    )
  })
})
