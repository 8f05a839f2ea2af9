/** References to columns, as a plan's callbacks get them. */
import type { Expr } from './expression.js'
import { column } from './projection.js'
import type { SchemaSpec, TableSpec } from './schema.js'

/** References to the columns of a table under an alias; a name that is not there is a problem, not a crash. */
export function refs(table: string, spec: TableSpec, alias: string): Record<string, Extract<Expr, { op: 'column' }>> {
  const known: Record<string, Extract<Expr, { op: 'column' }>> = {}
  for (const [name, spec_] of Object.entries(spec.columns)) known[name] = column(alias, name, spec_.type)
  return new Proxy(known, {
    get(target, name) {
      if (typeof name === 'string' && !Object.hasOwn(target, name)) throw new UnknownColumn(table, name)
      return Reflect.get(target, name) as unknown
    },
  })
}

/** Raised inside a plan's callback when it names a column that does not exist; caught and reported with its path. */
class UnknownColumn extends Error {
  constructor(table: string, name: string) {
    super(`column "${table}.${name}" does not exist`)
  }
}

export function tableIn(schema: SchemaSpec, name: string): TableSpec | undefined {
  return Object.hasOwn(schema, name) ? schema[name] : undefined
}
