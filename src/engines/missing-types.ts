/** Types of a plan that a server has not. */
import type { ColumnType, SchemaSpec } from '../plan/schema.js'
import type { Finding, Side } from './engine.js'

/** @param reasonOf why the server has no such type, with what to use instead; undefined where it has. */
export function missingTypes(
  side: Side,
  schema: SchemaSpec,
  reasonOf: (type: ColumnType) => string | undefined,
): Finding[] {
  return Object.entries(schema).flatMap(([table, { columns }]) =>
    Object.entries(columns).flatMap(([column, { type }]) => {
      const reason = reasonOf(type)
      if (reason === undefined) return []
      const finding: Finding = {
        code: 'missing-type',
        severity: 'blocking',
        message: `${side}.${table}.${column} is ${type} in the plan`,
        hint: `${reason}.`,
      }
      return [finding]
    }),
  )
}
