/** Blue to green: one projection per mapped table, one per green table where tables merge by natural key. */
import { toExpr } from './build.js'
import { belongsTo, type PlanContext } from './belonging.js'
import type { ResolvedFold, ResolvedMap, Resolved } from './resolved.js'
import { columnsRead, type Expr, type KeyFunction } from './expression.js'
import type { Problems } from './problems.js'
import { allOf, column, literal, type Arm, type Projection } from './projection.js'
import type { SchemaSpec, TableSpec } from './schema.js'

export function buildForward(context: PlanContext): Projection[] {
  const { resolved, input, problems } = context
  const projections: Projection[] = []
  for (const into of Object.keys(input.green)) {
    const maps = resolved.maps.filter((map) => map.into === into)
    if (maps.length === 0) {
      problems.add(`green.${into}`, 'no blue table maps into it', 'Map a table into it or leave it out of green.')
      continue
    }
    checkBands(maps, problems)
    const merged = maps.filter((map) => map.spec.merge)
    if (merged.length > 0 && merged.length < maps.length)
      problems.add(
        `green.${into}`,
        'some tables merge into it and some do not',
        'Give every map into it a `merge`, or none.',
      )
    else if (merged.length > 0) projections.push(mergeProjection(into, merged, context))
    else {
      const foldColumns = allFoldColumns(resolved, into)
      for (const map of maps) projections.push(mapProjection(map, foldColumns, context))
    }
  }
  return projections
}

/** Columns of a green table that some fold fills: NULL in rows of the tables that own no such fold. */
function allFoldColumns(resolved: Resolved, into: string): ReadonlySet<string> {
  const owners = new Set(resolved.maps.filter((map) => map.into === into).map((map) => map.from))
  return new Set(resolved.folds.filter((fold) => owners.has(fold.owner)).map((fold) => fold.column))
}

/** Keys of tables that share a green table must be disjoint by construction. */
function checkBands(maps: readonly ResolvedMap[], problems: Problems): void {
  if (maps.some((map) => map.spec.merge)) return
  const kept = maps.filter((map) => map.key.type === 'keep')
  for (const map of kept.slice(1))
    problems.add(
      `tables.${map.from}.key`,
      `keeps its keys, as "${kept[0]!.from}" does in the same green table`,
      'Use interleave for one of them.',
    )
  const slots = new Map<string, string>()
  let slotCount: number | undefined
  for (const map of maps) {
    const id = describe(map.key)
    if (id === undefined) continue
    const other = slots.get(id)
    if (other)
      problems.add(
        `tables.${map.from}.key`,
        `shares its keys (${id}) with "${other}"`,
        'Give each table its own slot or space.',
      )
    slots.set(id, map.from)
    if (map.key.type === 'interleave') {
      if (slotCount !== undefined && slotCount !== map.key.slots)
        problems.add(
          `tables.${map.from}.key`,
          `counts ${map.key.slots} slots where another table counts ${slotCount}`,
          'All tables of one green table use the same number of slots.',
        )
      slotCount = map.key.slots
    }
  }
}

const describe = (key: KeyFunction): string | undefined =>
  key.type === 'interleave' ? `slot ${key.slot}` : key.type === 'uuid' ? `space ${key.space}` : undefined

/** The green columns of a map, folds included; every one must be given. */
function columnsOf(
  map: ResolvedMap,
  folds: readonly ResolvedFold[],
  foldColumns: ReadonlySet<string>,
  { input, problems }: PlanContext,
): Record<string, Expr> {
  const table = input.green[map.into]!
  const columns: Record<string, Expr> = {}
  const given = map.spec.columns as Readonly<Record<string, Expr | string | number | boolean | null | undefined>>
  for (const name of Object.keys(given))
    if (!Object.hasOwn(table.columns, name))
      problems.add(
        `tables.${map.from}.columns.${name}`,
        `is not a column of green "${map.into}"`,
        'Name a column of the green schema.',
      )
  for (const name of Object.keys(table.columns)) {
    const value = given[name]
    const fold = folds.filter((candidate) => candidate.column === name)
    if (value !== undefined && fold.length > 0)
      problems.add(
        `tables.${map.from}.columns.${name}`,
        `is also filled by the fold of "${fold[0]!.from}"`,
        'Leave it to the fold.',
      )
    else if (fold.length > 1)
      problems.add(
        `tables.${fold[1]!.from}`,
        `folds into "${map.into}.${name}", as "${fold[0]!.from}" does`,
        'Give each fold its own column.',
      )
    else if (value !== undefined) columns[name] = toExpr(value)
    else if (fold.length === 1) columns[name] = foldExpression(fold[0]!, input.blue)
    else if (foldColumns.has(name)) columns[name] = literal(null)
    else if (map.spec.merge?.sources === name) continue
    else
      problems.add(
        `tables.${map.from}.columns`,
        `green column "${map.into}.${name}" is not filled`,
        'Give it an expression, or null where the old schema has nothing for it.',
      )
  }
  return columns
}

/** The JSON value of a folded child table: all its columns but the dropped ones. */
export function foldExpression(fold: ResolvedFold, blue: SchemaSpec): Expr {
  const table = blue[fold.from]!
  const names = Object.keys(table.columns).filter((name) => !(fold.spec.dropped && name in fold.spec.dropped))
  return {
    op: 'fold',
    fold: {
      from: fold.from,
      by: fold.spec.by,
      ...(fold.spec.where ? { where: fold.spec.where } : {}),
      shape: fold.spec.shape === 'array' || fold.spec.shape === 'map' ? fold.spec.shape : 'object',
      orderBy: fold.spec.orderBy,
      ...(fold.spec.mapKey ? { mapKey: fold.spec.mapKey } : {}),
      element: {
        op: 'jsonObject',
        members: Object.fromEntries(
          names.map((name) => [
            name,
            { value: column('c', name, table.columns[name]!.type), type: table.columns[name]!.type },
          ]),
        ),
      },
    },
  }
}

function mapProjection(map: ResolvedMap, foldColumns: ReadonlySet<string>, context: PlanContext): Projection {
  const { input, resolved, problems } = context
  const table = input.green[map.into]!
  const folds = resolved.folds.filter((fold) => fold.owner === map.from)
  const columns = columnsOf(map, folds, foldColumns, context)
  const scope = input.blue[map.from]!.primaryKey
  const owned = ownedPairs(columns, table, scope)
  if (scope.some((name) => !owned.some(([, expr]) => columnsRead(expr).some((ref) => ref.column === name))))
    problems.add(
      `tables.${map.from}.columns`,
      `the primary key (${scope.join(', ')}) does not reach the primary key of "${map.into}"`,
      'Give green key columns as d.<key> or key(d.<key>).',
    )
  const keyColumn = owned[0]?.[0].op === 'column' ? owned[0][0].column : undefined
  return {
    name: map.from,
    origin: 'blue',
    destination: map.into,
    columns: Object.keys(columns),
    key: table.primaryKey,
    arms: [
      {
        driving: map.from,
        lookups: map.lookups,
        ...(map.spec.where ? { filter: map.spec.where } : {}),
        columns,
        scope,
        rank: 0,
      },
    ],
    owned,
    member: { lookups: [], filter: keyColumn ? belongsTo(map, keyColumn, 't', context) : undefined },
    deletes: 'owned',
    carried: [],
  }
}

/** Green key columns that are functions of the scope alone. */
function ownedPairs(
  columns: Readonly<Record<string, Expr>>,
  table: TableSpec,
  scope: readonly string[],
): (readonly [Expr, Expr])[] {
  return table.primaryKey.flatMap((name) => {
    const expr = columns[name]
    if (!expr) return []
    const read = columnsRead(expr)
    const isPure =
      (expr.op === 'column' || expr.op === 'key') &&
      read.every((ref) => ref.alias === 'd' && scope.includes(ref.column))
    return isPure && read.length > 0 ? [[column('t', name, table.columns[name]!.type), expr] as const] : []
  })
}

function mergeProjection(into: string, maps: readonly ResolvedMap[], context: PlanContext): Projection {
  const { input, problems } = context
  const table = input.green[into]!
  const first = maps[0]!
  const sources = first.spec.merge!.sources
  const scopeColumn = first.spec.merge!.scope[1]
  for (const map of maps.slice(1))
    if (map.spec.merge!.sources !== sources || map.spec.merge!.scope[1] !== scopeColumn)
      problems.add(
        `tables.${map.from}.merge`,
        `disagrees with "${first.from}" on sources or scope`,
        'All tables of one merge use the same green columns.',
      )
  if (new Set(maps.map((map) => map.spec.merge!.rank)).size < maps.length)
    problems.add(`green.${into}`, 'two tables merge with the same rank', 'Give each its own rank.')
  const arms = [...maps]
    .sort((left, right) => left.spec.merge!.rank - right.spec.merge!.rank)
    .map((map): Arm => {
      const columns = columnsOf(map, [], new Set(), context)
      const keyColumns = table.primaryKey.map((name) => columns[name]).filter((expr) => expr !== undefined)
      return {
        driving: map.from,
        lookups: map.lookups,
        // A row without its natural key is nobody's; it goes to the archive.
        filter: allOf(
          map.spec.where,
          ...keyColumns.map((expr): Expr => ({ op: 'not', input: { op: 'isNull', input: expr } })),
        )!,
        columns,
        scope: [map.spec.merge!.scope[0]],
        rank: map.spec.merge!.rank,
        source: sourceElement(map, input.blue[map.from]!),
      }
    })
  const scopeType = table.columns[scopeColumn]?.type
  return {
    name: into,
    origin: 'blue',
    destination: into,
    columns: [...Object.keys(arms[0]?.columns ?? {}), sources],
    key: table.primaryKey,
    arms,
    owned: [[column('t', scopeColumn, scopeType), column('d', arms[0]?.scope[0] ?? scopeColumn, scopeType)]],
    member: { lookups: [], filter: undefined },
    deletes: 'owned',
    carried: [],
    merge: { sources },
  }
}

/** A contributor of a merge with all its columns, so that it can come back as it was. */
export function sourceElement(map: ResolvedMap, table: TableSpec): Extract<Expr, { op: 'jsonObject' }> {
  return {
    op: 'jsonObject',
    members: {
      source_table: { value: literal(map.from), type: 'text' },
      ...Object.fromEntries(
        Object.entries(table.columns)
          .filter(([name]) => !(map.spec.dropped && name in map.spec.dropped))
          .map(([name, spec]) => [name, { value: column('d', name, spec.type), type: spec.type }]),
      ),
    },
  }
}
