/** Members of JSON columns that an arm names often enough to take them out once for each row. */
import { visit } from './expression.js'
import type { Arm } from './projection.js'
import type { ColumnType } from './schema.js'

/** Members of one JSON column that an arm names. */
export interface TakenOut {
  readonly alias: string
  readonly column: string
  readonly paths: readonly (readonly string[])[]
  /** Alias of the relation that has them. */
  readonly relation: string
}

/** Fewer members are as fast where they stand. */
const MEMBERS_WORTH_A_JOIN = 3

export function membersOf(arm: Arm, typeOf: (alias: string, column: string) => ColumnType): TakenOut[] {
  const found = new Map<string, { alias: string; column: string; paths: (readonly string[])[] }>()
  for (const expr of [...Object.values(arm.columns), ...(arm.filter ? [arm.filter] : [])])
    visit(expr, (node) => {
      if (node.op !== 'jsonGet' || node.input.op !== 'column') return
      const { alias, column } = node.input
      // The child of a fold is a relation of its own subselect.
      if (alias === 'c' || typeOf(alias, column) !== 'json') return
      const key = `${alias}.${column}`
      const entry = found.get(key) ?? { alias, column, paths: [] }
      if (!entry.paths.some((path) => isSamePath(path, node.path))) entry.paths.push(node.path)
      found.set(key, entry)
    })
  return [...found.values()]
    .filter(({ paths }) => paths.length >= MEMBERS_WORTH_A_JOIN)
    .map((entry, index) => ({ ...entry, relation: `j${index}` }))
}

export const isSamePath = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((name, index) => name === right[index])
