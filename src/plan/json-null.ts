/** JSON columns that a plan puts into other JSON, where their JSON null and their NULL are one: a null member. */
import { visit, type Expr } from './expression.js'
import type { Plan } from './plan.js'
import type { Arm } from './projection.js'

export interface NestedColumn {
  readonly table: string
  readonly column: string
}

/** Of blue, each once. */
export function jsonColumnsInJson(plan: Plan): NestedColumn[] {
  const found = new Map<string, NestedColumn>()
  const look = (expr: Expr, arm: Arm, foldedTable?: string): void =>
    visit(expr, (node) => {
      if (node.op === 'fold') look(node.fold.element, arm, node.fold.from)
      if (node.op !== 'jsonObject') return
      for (const { value, type } of Object.values(node.members)) {
        if (type !== 'json' || value.op !== 'column') continue
        const table = tableOf(value.alias, arm, foldedTable)
        if (table !== undefined) found.set(JSON.stringify([table, value.column]), { table, column: value.column })
      }
    })
  for (const projection of plan.forward)
    for (const arm of projection.arms)
      for (const expr of [...Object.values(arm.columns), ...(arm.source ? [arm.source] : [])]) look(expr, arm)
  return [...found.values()]
}

function tableOf(alias: string, arm: Arm, foldedTable: string | undefined): string | undefined {
  if (alias === 'd') return arm.driving
  if (alias === 'c') return foldedTable
  return arm.lookups.find((lookup) => lookup.alias === alias)?.table
}
