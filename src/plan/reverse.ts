/** Green to blue: derived from the forward maps where every column has an inverse, declared where it has not. */
import { toExpr } from './build.js'
import { coverageOf, describeRetired, type ColumnWays } from './coverage.js'
import { refs } from './references.js'
import type { ResolvedFold, ResolvedMap } from './resolved.js'
import { columnsRead, type Expr } from './expression.js'
import { belongsTo, siblingsOf, type PlanContext } from './belonging.js'
import { invert } from './invert.js'
import { derivedKey, inBand, isBorn } from './keys.js'
import type { TableCoverage } from './plan.js'
import { allOf, column, literal, mapColumns, renameAlias, type Arm, type Projection } from './projection.js'
import type { ColumnSpec } from './schema.js'
import { zeroText } from './type-facts.js'
import { backShape, fits } from './shapes.js'
import { foldMember, isLatest, mapMember } from './members.js'

export function buildReverse(context: PlanContext): { reverse: Projection[]; coverage: TableCoverage[] } {
  const { resolved, input } = context
  const reverse: Projection[] = []
  const ways = new Map<string, ColumnWays>()
  for (const map of resolved.maps) {
    const built = map.spec.merge ? mergedBack(map, context) : mappedBack(map, context)
    reverse.push(built.projection)
    ways.set(map.from, built.ways)
  }
  for (const fold of resolved.folds) {
    const built = foldedBack(fold, context)
    reverse.push(built.projection)
    if (!ways.has(fold.from)) ways.set(fold.from, built.ways)
  }
  const coverage = Object.keys(input.blue).map((table): TableCoverage => {
    const retired = resolved.retired.find((entry) => entry.from === table)
    return retired ? describeRetired(table, retired.reason) : coverageOf(table, resolved, ways.get(table)!)
  })
  return { reverse, coverage }
}

interface Built {
  readonly projection: Projection
  readonly ways: ColumnWays
}

/** The inverse of each blue column of a map over the green row `d`; direct columns before members of JSON. */
function inverses(map: ResolvedMap, context: PlanContext): ReadonlyMap<string, Expr> {
  const { input } = context
  const green = input.green[map.into]!
  const found = new Map<string, Expr>()
  const entries = Object.entries(map.spec.columns as Record<string, Expr | string | number | boolean | null>)
    .filter(([name]) => Object.hasOwn(green.columns, name))
    .map(([name, value]) => [name, toExpr(value)] as const)
    .sort(([, left], [, right]) => Number(left.op === 'jsonObject') - Number(right.op === 'jsonObject'))
  for (const [name, expr] of entries)
    for (const [blueColumn, back] of invert(expr, column('d', name, green.columns[name]!.type)))
      if (!found.has(blueColumn)) found.set(blueColumn, back)
  return found
}

/** How each blue column comes back; a column without a way is a problem of the plan. */
function decideColumns(map: ResolvedMap, context: PlanContext): { columns: Record<string, Expr>; ways: ColumnWays } {
  const { input, problems } = context
  const blue = input.blue[map.from]!
  const derived = inverses(map, context)
  const green = input.green[map.into]!
  let declared: Readonly<Record<string, Expr | string | number | boolean | null | undefined>> = {}
  try {
    const returned: unknown = map.spec.back?.({ g: refs(map.into, green, 'd') }) ?? {}
    if (fits(backShape, returned, `tables.${map.from}.back`, problems)) declared = returned as typeof declared
  } catch (error) {
    problems.add(
      `tables.${map.from}.back`,
      error instanceof Error ? error.message : String(error),
      'Name a column of the green table.',
    )
  }
  const columns: Record<string, Expr> = {}
  const ways: ColumnWays = { columns: {}, reasons: {} }
  for (const name of Object.keys(declared))
    if (!Object.hasOwn(blue.columns, name))
      problems.add(
        `tables.${map.from}.back.${name}`,
        'is not a column of the blue table',
        'Name a column of the blue schema.',
      )
  for (const [name, spec] of Object.entries(blue.columns)) {
    const dropped = map.spec.dropped?.[name]
    const frozen = map.spec.frozen?.[name]
    const back = declared[name]
    const inverse = derived.get(name)
    if (dropped !== undefined) {
      ways.columns[name] = 'dropped'
      ways.reasons[name] = dropped
    } else if (frozen !== undefined) {
      ways.columns[name] = 'frozen'
      ways.reasons[name] = frozen
    } else if (back !== undefined) {
      ways.columns[name] = 'declared'
      columns[name] = orDefault(toExpr(back), spec)
    } else if (inverse) {
      ways.columns[name] = 'derived'
      columns[name] = orDefault(inverse, spec)
    } else
      problems.add(
        `tables.${map.from}.${name}`,
        'the column is not accounted for on the way back',
        'Map it invertibly, declare it under `back`, or list it under `frozen` or `dropped` with a reason.',
      )
  }
  return { columns, ways }
}

function mappedBack(map: ResolvedMap, context: PlanContext): Built {
  const { input, bands, resolved, problems } = context
  const blue = input.blue[map.from]!
  const { columns, ways } = decideColumns(map, context)
  const keyExprs = blue.primaryKey.map((name) => [name, columns[name]] as const)
  const scope = [...new Set(keyExprs.flatMap(([, expr]) => (expr ? columnsRead(expr).map((ref) => ref.column) : [])))]
  for (const [name, expr] of keyExprs)
    if (!expr)
      problems.add(
        `tables.${map.from}.${name}`,
        'the primary key does not come back',
        'Map the key with d.<key> or key(d.<key>).',
      )
  const siblings = siblingsOf(map, resolved.maps)
  const keyColumn = scope[0]
  const keyRef = keyColumn ? column('d', keyColumn, input.green[map.into]!.columns[keyColumn]?.type) : undefined
  const filter = keyColumn ? belongsTo(map, keyColumn, 'd', context) : undefined
  const band = keyRef ? inBand(map.key, keyRef, siblings, bands) : undefined
  const born = keyRef ? isBorn(map.key, keyRef, siblings, bands) : undefined
  const ownedWhen =
    band && map.key.type !== 'uuid' ? (born ? ({ op: 'or', args: [band, born] } as const) : band) : undefined
  return {
    ways,
    projection: {
      name: `~${map.from}`,
      origin: 'green',
      destination: map.from,
      columns: Object.keys(columns),
      key: blue.primaryKey,
      arms: [{ driving: map.into, lookups: [], ...(filter ? { filter } : {}), columns, scope, rank: 0 }],
      owned: keyExprs.flatMap(([name, expr]) =>
        expr ? [[column('t', name, blue.columns[name]!.type), expr] as const] : [],
      ),
      ...(ownedWhen ? { ownedWhen } : {}),
      member: mapMember(map),
      deletes: 'owned',
      carried: carriedOf(ways),
    },
  }
}

/** A contributor of a merge comes back from the `sources` array; the winner takes the green row's own columns. */
function mergedBack(map: ResolvedMap, context: PlanContext): Built {
  const { input, bands, resolved } = context
  const blue = input.blue[map.from]!
  const green = input.green[map.into]!
  const merge = map.spec.merge!
  const derived = inverses(map, context)
  const ways: ColumnWays = { columns: {}, reasons: {} }
  const fromSources: Record<string, Expr> = {}
  const fromRow: Record<string, Expr> = {}
  const element = column('e', 'value', 'json')
  const isWinner: Expr = { op: 'compare', operator: '=', left: column('e', 'ordinal', 'bigint'), right: literal(0) }
  const identity: Expr = {
    op: 'concat',
    args: [
      literal(map.from),
      ...green.primaryKey.flatMap((name) => [literal('/'), column('d', name, green.columns[name]!.type)]),
    ],
  }
  for (const [name, spec] of Object.entries(blue.columns)) {
    const dropped = map.spec.dropped?.[name]
    if (dropped !== undefined) {
      ways.columns[name] = 'dropped'
      ways.reasons[name] = dropped
      continue
    }
    ways.columns[name] = 'derived'
    const kept: Expr = { op: 'jsonGet', input: element, path: [name], type: spec.type }
    const inverse = derived.get(name)
    fromSources[name] = orDefault(
      inverse ? { op: 'case', branches: [{ when: isWinner, then: inverse }], otherwise: kept } : kept,
      spec,
    )
    fromRow[name] = blue.primaryKey.includes(name)
      ? derivedKey(identity, isTextType(spec), bands.birthLine)
      : orDefault(inverse ?? literal(null), spec)
  }
  const sources = column('d', merge.sources, 'json')
  const scope = [merge.scope[1]]
  const arms: Arm[] = [
    {
      driving: map.into,
      lookups: [],
      unnest: { json: sources, shape: 'array' },
      filter: {
        op: 'same',
        left: { op: 'jsonGet', input: element, path: ['source_table'], type: 'text' },
        right: literal(map.from),
      },
      columns: fromSources,
      scope,
      rank: 0,
    },
  ]
  const isHome = resolved.maps.every(
    (other) => other.into !== map.into || !other.spec.merge || other.spec.merge.rank >= merge.rank,
  )
  if (isHome)
    arms.push({
      driving: map.into,
      lookups: [],
      filter: { op: 'isNull', input: sources },
      columns: fromRow,
      scope,
      rank: 0,
    })
  return {
    ways,
    projection: {
      name: `~${map.from}`,
      origin: 'green',
      destination: map.from,
      columns: Object.keys(fromSources),
      key: blue.primaryKey,
      arms,
      owned: [
        [
          column('t', merge.scope[0], blue.columns[merge.scope[0]]?.type),
          column('d', merge.scope[1], green.columns[merge.scope[1]]?.type),
        ],
      ],
      member: mapMember(map),
      deletes: 'owned',
      carried: carriedOf(ways),
    },
  }
}

/** Children come back from the JSON column of their owner. */
function foldedBack(fold: ResolvedFold, context: PlanContext): Built {
  const { input, bands, resolved, problems } = context
  const blue = input.blue[fold.from]!
  const owner = resolved.maps.find((map) => map.from === fold.owner)!
  const green = input.green[owner.into]!
  const ownerBack = inverses(owner, context)
  const ownerKey = input.blue[fold.owner]!.primaryKey
  const keyBack = (expr: Expr): Expr =>
    mapColumns(expr, (ref) => {
      const back = ref.alias === 'd' ? ownerBack.get(ref.column) : undefined
      if (!back)
        problems.add(
          `tables.${fold.from}.by`,
          `"${fold.owner}.${ref.column}" does not come back from green`,
          'Fold by the key of the owner.',
        )
      return back ?? literal(null)
    })
  const scope = [
    ...new Set(ownerKey.flatMap((name) => columnsRead(ownerBack.get(name) ?? literal(null)).map((ref) => ref.column))),
  ]
  const ways: ColumnWays = { columns: {}, reasons: {} }
  const columns: Record<string, Expr> = {}
  const element = column('e', 'value', 'json')
  const identity: Expr = {
    op: 'concat',
    args: [
      literal(`${fold.from}/`),
      ...scope.map((name) => column('d', name, green.columns[name]?.type)),
      literal('/'),
      fold.spec.shape === 'map' ? column('e', 'name', 'text') : column('e', 'ordinal', 'bigint'),
    ],
  }
  for (const [name, spec] of Object.entries(blue.columns)) {
    const dropped = fold.spec.dropped?.[name]
    if (dropped !== undefined) {
      ways.columns[name] = 'dropped'
      ways.reasons[name] = dropped
      continue
    }
    ways.columns[name] = 'derived'
    const kept: Expr = { op: 'jsonGet', input: element, path: [name], type: spec.type }
    // An element written by the new application may know neither its owner's column nor a legacy key.
    const byOwner = fold.spec.by.find(([child]) => child.op === 'column' && child.column === name)
    if (byOwner) columns[name] = { op: 'coalesce', args: [kept, keyBack(byOwner[1])] }
    else if (blue.primaryKey.includes(name))
      columns[name] = { op: 'coalesce', args: [kept, derivedKey(identity, isTextType(spec), bands.birthLine)] }
    else columns[name] = orDefault(kept, spec)
  }
  const siblings = siblingsOf(owner, resolved.maps)
  const keyRef = column('d', scope[0] ?? 'id', green.columns[scope[0] ?? 'id']?.type)
  const shape = fold.spec.shape === 'array' || fold.spec.shape === 'map' ? fold.spec.shape : 'object'
  const filter = belongsTo(owner, scope[0] ?? 'id', 'd', context)
  const member = foldMember(fold, owner, input.blue)
  return {
    ways,
    projection: {
      name: `~${fold.from}${resolved.maps.some((map) => map.from === fold.from) ? `@${fold.owner}` : ''}`,
      origin: 'green',
      destination: fold.from,
      columns: Object.keys(columns),
      key: blue.primaryKey,
      arms: [
        {
          driving: owner.into,
          lookups: [],
          unnest: { json: column('d', fold.column, 'json'), shape },
          ...(filter ? { filter } : {}),
          columns,
          scope,
          rank: 0,
        },
      ],
      owned: fold.spec.by.map(([child, ownerExpr]) => [renameAlias(child, 'c', 't'), keyBack(ownerExpr)] as const),
      ...(inBand(owner.key, keyRef, siblings, bands) && owner.key.type !== 'uuid'
        ? { ownedWhen: orBorn(inBand(owner.key, keyRef, siblings, bands)!, isBorn(owner.key, keyRef, siblings, bands)) }
        : {}),
      ...(fold.spec.where ? { ownedWhere: renameAlias(fold.spec.where, 'c', 't') } : {}),
      member:
        fold.spec.shape === 'latest' ? { ...member, filter: allOf(member.filter, isLatest(fold, blue))! } : member,
      deletes: fold.spec.shape === 'latest' ? 'orphans' : 'owned',
      carried: carriedOf(ways),
    },
  }
}

const orBorn = (band: Expr, born: Expr | undefined): Expr => (born ? { op: 'or', args: [band, born] } : band)

const carriedOf = (ways: ColumnWays): string[] =>
  Object.entries(ways.columns).flatMap(([name, way]) => (way === 'frozen' || way === 'dropped' ? [name] : []))

const isTextType = (spec: ColumnSpec): boolean => /^(char|varchar|text|uuid)/.test(spec.type)

/** A NOT NULL column of blue gets its default, or the zero of its type, where a row born in green has nothing for it. */
function orDefault(expr: Expr, spec: ColumnSpec): Expr {
  if (!spec.notNull || expr.op === 'key' || expr.op === 'unkey' || (expr.op === 'column' && spec.default === undefined))
    return expr
  return { op: 'coalesce', args: [expr, zeroOf(spec)] }
}

function zeroOf(spec: ColumnSpec): Expr {
  const given = spec.default
  const typed = (value: string | number | boolean): Expr => ({
    op: 'cast',
    input: literal(typeof value === 'boolean' ? value : String(value)),
    to: spec.type,
  })
  if (given !== undefined && typeof given !== 'object')
    return spec.type === 'boolean' ? literal(given === true || given === 1 || given === '1') : typed(given)
  if (spec.type === 'boolean') return literal(false)
  if (spec.type === 'json') return { op: 'jsonObject', members: {} }
  const zero = zeroText(spec.type)
  return /^(char|varchar|text|blob|enum)/.test(spec.type) ? literal(zero) : typed(zero)
}
