/** Columns that go straight into a green column which cannot hold all of their values: servers round some of them without a word. */
import type { Problems } from './problems.js'
import type { Arm, Projection } from './projection.js'
import { parseType, type ColumnType, type ParsedType, type SchemaSpec } from './schema.js'
import { hasOwnKind } from './type-facts.js'

export function checkNarrowing(
  forward: readonly Projection[],
  schemas: { readonly blue: SchemaSpec; readonly green: SchemaSpec },
  problems: Problems,
): void {
  for (const { arms, destination } of forward)
    for (const arm of arms)
      for (const [name, expr] of Object.entries(arm.columns)) {
        if (expr.op !== 'column') continue
        const table = tableOf(expr.alias, arm)
        const from = table === undefined ? undefined : schemas.blue[table]?.columns[expr.column]?.type
        const to = schemas.green[destination]?.columns[name]?.type
        if (from === undefined || to === undefined || holds(to, from)) continue
        problems.add(
          `tables.${arm.driving}.columns.${name}`,
          `"${table}.${expr.column}" is ${from}, which green ${to} cannot hold exactly`,
          `Widen the green column, or use cast(.., '${to}'), which gives NULL where a value does not fit.`,
        )
      }
}

const tableOf = (alias: string, arm: Arm): string | undefined =>
  alias === 'd' ? arm.driving : arm.lookups.find((lookup) => lookup.alias === alias)?.table

const INTEGERS: readonly ParsedType['kind'][] = ['smallint', 'int', 'bigint']
const MOMENTS: readonly ParsedType['kind'][] = ['timestamp', 'datetime']
/** Digits of the greatest value. */
const DIGITS: Readonly<Partial<Record<ParsedType['kind'], number>>> = { smallint: 5, int: 10, bigint: 19 }

/** Of one kind, whose texts mean the same: lists and sizes remain. */
function holdsOfOwnKind(wide: ParsedType, narrow: ParsedType): boolean {
  if (wide.kind === 'array') return holds(wide.element!, narrow.element!) && same(wide.element!, narrow.element!)
  if (wide.kind === 'bit') return wide.length === narrow.length
  if (wide.kind === 'varbit') return (wide.length ?? Infinity) >= (narrow.length ?? Infinity)
  return wide.kind !== 'set' || wide.values.join() === narrow.values.join()
}

/** Servers write elements of two kinds in two ways. */
const same = (left: ColumnType, right: ColumnType): boolean => parseType(left).kind === parseType(right).kind

/** False where a number or a time of `from` could be rounded or cut in a column of `to`. A text that is too long is an error of every server. */
export function holds(to: ColumnType, from: ColumnType): boolean {
  const [wide, narrow] = [parseType(to), parseType(from)]
  const before = (type: ParsedType): number => DIGITS[type.kind] ?? type.precision! - type.scale!
  const isExact = ({ kind }: ParsedType): boolean => kind === 'decimal' || INTEGERS.includes(kind)
  if (INTEGERS.includes(narrow.kind) && INTEGERS.includes(wide.kind))
    return INTEGERS.indexOf(wide.kind) >= INTEGERS.indexOf(narrow.kind)
  if (isExact(narrow) && isExact(wide))
    return (wide.scale ?? 0) >= (narrow.scale ?? 0) && before(wide) >= before(narrow)
  if ((narrow.kind === 'double' || narrow.kind === 'real') && isExact(wide)) return false
  if (narrow.kind === 'real' && wide.kind === 'double') return true
  if (hasOwnKind(wide.kind)) return narrow.kind === wide.kind && holdsOfOwnKind(wide, narrow)
  if (wide.kind === 'double' && isExact(narrow)) return narrow.kind === 'smallint' || narrow.kind === 'int'
  if (MOMENTS.includes(narrow.kind) && MOMENTS.includes(wide.kind)) return wide.scale! >= narrow.scale!
  if (MOMENTS.includes(narrow.kind)) return wide.kind !== 'date' && wide.kind !== 'time'
  return true
}
