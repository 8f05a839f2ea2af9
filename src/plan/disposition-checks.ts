/** What can be said of one table of a plan by itself. */
import { columnsRead, type Expr } from './expression.js'
import type { Problems } from './problems.js'
import { column } from './projection.js'
import type { ResolvedMap } from './resolved.js'
import type { TableSpec } from './schema.js'

/** An order with the key at its end: rows that are equal in what the author named must not change places between two looks. */
export function totalOrder(orderBy: readonly Expr[], { primaryKey, columns }: TableSpec): readonly Expr[] {
  const named = new Set(orderBy.flatMap((expr) => (expr.op === 'column' ? [expr.column] : [])))
  const rest = primaryKey.filter((name) => !named.has(name))
  return [...orderBy, ...rest.map((name) => column('c', name, columns[name]!.type))]
}

/** Columns of rows that an expression cannot see: a reference that was carried out of another callback. */
export function checkSight(
  path: string,
  values: readonly unknown[],
  aliases: readonly string[],
  problems: Problems,
): void {
  const exprs = values.filter((value): value is Expr => typeof value === 'object' && value !== null)
  for (const { alias, column: name } of exprs.flatMap(columnsRead))
    if (!aliases.includes(alias))
      problems.add(
        path,
        `reads "${name}" of a row it cannot see (${alias})`,
        'Use the references that this callback was given.',
      )
}

/** Columns that are listed with a reason. */
export function checkNames(
  path: string,
  listed: Readonly<Record<string, string | undefined>> | undefined,
  { columns }: TableSpec,
  problems: Problems,
): void {
  for (const name of Object.keys(listed ?? {}))
    if (!Object.hasOwn(columns, name))
      problems.add(`${path}.${name}`, 'is not a column of the blue table', 'Name a column of the blue schema.')
}

export function checkMerge(
  path: string,
  merge: ResolvedMap['spec']['merge'],
  blue: TableSpec,
  green: TableSpec,
  problems: Problems,
): void {
  if (!merge) return
  const [from, into] = merge.scope as readonly [string, string]
  if (!Object.hasOwn(green.columns, merge.sources) || green.columns[merge.sources as string]!.type !== 'json')
    problems.add(
      `${path}.merge.sources`,
      `"${merge.sources}" is not a JSON column of green`,
      'Name the column that holds every contributor.',
    )
  if (!Object.hasOwn(blue.columns, from))
    problems.add(`${path}.merge.scope`, `"${from}" is not a column of blue`, 'Name a column of the blue table.')
  if (!green.primaryKey.includes(into))
    problems.add(
      `${path}.merge.scope`,
      `"${into}" is not part of the primary key of green`,
      'The scope is the part of the natural key that is a plain column.',
    )
}

/** A lookup that can find two rows would double rows of green. */
export function checkUnique(
  target: string,
  spec: TableSpec,
  on: readonly (readonly [Expr, Expr])[],
  alias: string,
  path: string,
  problems: Problems,
): void {
  const named = on.map(([left]) => (left.op === 'column' && left.alias === alias ? left.column : undefined))
  const keys = [spec.primaryKey, ...Object.values(spec.unique ?? {}).map((index) => index.columns)].filter(
    (key) => key.length > 0,
  )
  if (!keys.some((key) => key.every((name) => named.includes(name))))
    problems.add(
      `${path}.lookup(${target})`,
      `joins on (${named.join(', ')}), which is no unique key of "${target}"`,
      'Look rows up by a primary or unique key.',
    )
  for (const [, driving] of on)
    for (const ref of columnsRead(driving))
      if (ref.alias === 'c' || ref.alias === 'g')
        problems.add(
          `${path}.lookup(${target})`,
          'reads a row it cannot see',
          'Use the driving row or an earlier lookup.',
        )
}
