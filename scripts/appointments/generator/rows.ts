/** The rows of one table, one at a time. */
import type { TableSpec } from '../../../src/plan/schema.js'
import { fillerOf } from './fill.js'
import { momentOf } from './moments.js'
import { Random, saltOf } from './random.js'
import type { AnyRecipe, Cell, RowContext } from './recipe.js'
import type { World } from './world.js'

export function tableRows(
  table: string,
  spec: TableSpec,
  recipe: AnyRecipe,
  world: World,
): { columns: string[]; rows: Iterable<Cell[]> } {
  const columns = Object.keys(spec.columns)
  const fillers = columns.map((name) => {
    const own = recipe.columns[name] as ((facts: unknown, row: RowContext) => Cell) | undefined
    if (own) return own
    const fill = fillerOf(name, spec.columns[name]!, spec.primaryKey.includes(name), recipe.nulls)
    return (_facts: unknown, row: RowContext): Cell => fill(row)
  })
  return { columns, rows: generate() }

  function* generate(): Generator<Cell[]> {
    const random = new Random(world.seed)
    const salt = saltOf(table)
    const count = world.count(table)
    for (let index = 1; index <= count; index += 1) {
      random.reseed(salt, index)
      const row: RowContext = {
        index,
        random,
        world,
        createdMs: momentOf(random, index, count),
        id: world.id(table, index),
      }
      const facts = recipe.facts(row)
      if (facts === undefined) continue
      yield fillers.map((fill) => fill(facts, row))
    }
  }
}
