/** The order of work: referenced tables before what refers to them; cycles are cut where they close. */
import type { Projection } from './projection.js'
import type { SchemaSpec } from './schema.js'

export function orderByDependency(projections: readonly Projection[], destination: SchemaSpec): Projection[] {
  const order = tablesInOrder(destination)
  return [...projections].sort((left, right) => order.indexOf(left.destination) - order.indexOf(right.destination))
}

/** Tables with each after those it refers to, as far as cycles allow; stable for equal schemas. */
export function tablesInOrder(schema: SchemaSpec): string[] {
  const done: string[] = []
  const open = new Set<string>()
  const place = (table: string): void => {
    // A table met again while it is being placed closes a cycle: writers have foreign keys off, so any cut is right.
    if (done.includes(table) || open.has(table)) return
    open.add(table)
    for (const key of Object.values(schema[table]?.foreignKeys ?? {})) if (schema[key.references]) place(key.references)
    open.delete(table)
    done.push(table)
  }
  for (const table of Object.keys(schema)) place(table)
  return done
}
