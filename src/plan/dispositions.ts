/** Calls the plan's callbacks with references to real columns and checks what can be said of each table by itself. */
import {
  resolveKey,
  type Bands,
  type FoldDisposition,
  type FoldSpec,
  type MapDisposition,
  type MapSpec,
  type PlanInput,
  type RetireDisposition,
  type TableTools,
} from './define.js'
import { columnsRead, type Expr, type KeyFunction } from './expression.js'
import type { z } from 'zod'
import type { Problems } from './problems.js'
import { column, type Lookup } from './projection.js'
import type { SchemaSpec, TableSpec } from './schema.js'
import { conditionShape, fits, foldShape, keySpecShape, lookupShape, mapShape, tablesShape } from './shapes.js'

export interface ResolvedMap {
  readonly kind: 'map'
  readonly from: string
  readonly into: string
  readonly key: KeyFunction
  readonly spec: MapSpec<SchemaSpec, string, SchemaSpec, string>
  readonly lookups: readonly Lookup[]
  /** Green primary key columns: of a merge, what rows must share to become one. */
  readonly naturalKey: readonly string[]
}

export interface ResolvedFold {
  readonly kind: 'fold'
  readonly from: string
  readonly owner: string
  readonly column: string
  readonly spec: FoldSpec<SchemaSpec, string>
}

export interface Resolved {
  readonly maps: readonly ResolvedMap[]
  /** Folds of their own, and those that take what a map's filter leaves out. */
  readonly folds: readonly ResolvedFold[]
  readonly retired: readonly { readonly from: string; readonly reason: string }[]
}

type AnyDisposition = MapDisposition | FoldDisposition | RetireDisposition

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

export function resolveDispositions(input: PlanInput, bands: Required<Bands>, problems: Problems): Resolved {
  const tools = {
    map: (
      from: string,
      into: string,
      define: MapDisposition['define'],
      alsoFold?: FoldDisposition,
    ): MapDisposition => ({
      kind: 'map',
      from,
      into,
      define,
      ...(alsoFold ? { fold: alsoFold } : {}),
    }),
    fold: (
      from: string,
      into: { owner: string; column: string },
      define: FoldDisposition['define'],
    ): FoldDisposition => ({
      kind: 'fold',
      from,
      owner: into.owner,
      column: into.column,
      define,
    }),
    retire: (from: string, reason: string): RetireDisposition => ({ kind: 'retire', from, reason }),
  } as TableTools<SchemaSpec, SchemaSpec>

  /** What a callback of the plan returns; undefined, and told, when it throws or returns something else. */
  const attempt = <T>(path: string, shape: z.ZodType, work: () => T): T | undefined => {
    try {
      const returned = work()
      return fits(shape, returned, path, problems) ? returned : undefined
    } catch (error) {
      problems.add(
        path,
        error instanceof Error ? error.message : String(error),
        'Name a table and column of the schema.',
      )
      return undefined
    }
  }
  const tables: Readonly<Record<string, AnyDisposition>> | undefined = attempt('tables', tablesShape, () =>
    input.tables(tools),
  )
  if (!tables) return { maps: [], folds: [], retired: [] }

  for (const name of Object.keys(input.blue))
    if (!Object.hasOwn(tables, name))
      problems.add(
        `tables.${name}`,
        'the blue table is not accounted for',
        'Give it a map, fold or retire with a reason.',
      )
  for (const [name, disposition] of Object.entries(tables)) {
    if (!Object.hasOwn(input.blue, name))
      problems.add(`tables.${name}`, 'is not a table of blue', 'Name a table of the blue schema.')
    else if (disposition.from !== name)
      problems.add(`tables.${name}`, `describes table "${disposition.from}"`, 'Use the same name in both places.')
  }
  if (problems.list.length > 0) return { maps: [], folds: [], retired: [] }

  const keySpecs = collectKeys(tables, input, problems)
  const keys = new Map([...keySpecs].map(([table, spec]) => [table, resolveKey(spec, bands)]))
  const maps: ResolvedMap[] = []
  const folds: ResolvedFold[] = []
  const retired: { from: string; reason: string }[] = []
  let lookupCount = 0

  const resolveFold = (disposition: FoldDisposition): void => {
    const path = `tables.${disposition.from}`
    const owner = Object.hasOwn(tables, disposition.owner) ? tables[disposition.owner] : undefined
    if (owner?.kind !== 'map') {
      problems.add(
        path,
        `the owner "${disposition.owner}" is not a mapped table`,
        'A fold goes into the rows of a table with a map.',
      )
      return
    }
    const green = tableIn(input.green, owner.into)
    if (!green) return
    const child = input.blue[disposition.from]!
    if (child.primaryKey.length === 0)
      problems.add(path, 'has no primary key', 'Only tables with a primary key can be folded; retire it or add a key.')
    if (!Object.hasOwn(green.columns, disposition.column) || green.columns[disposition.column]!.type !== 'json')
      problems.add(
        path,
        `"${owner.into}.${disposition.column}" is not a JSON column of green`,
        'Fold into a column of type json.',
      )
    const spec = attempt(path, foldShape, () =>
      disposition.define({
        c: refs(disposition.from, child, 'c'),
        d: refs(disposition.owner, input.blue[disposition.owner]!, 'd'),
      }),
    )
    if (!spec) return
    checkSight(path, [...spec.by.map(([expr]) => expr), ...spec.orderBy, spec.where, spec.mapKey], ['c'], problems)
    checkNames(`${path}.dropped`, spec.dropped, child, problems)
    const ownerKey = input.blue[disposition.owner]!.primaryKey
    for (const [, ownerExpr] of spec.by)
      if (ownerExpr.op !== 'column' || !ownerKey.includes(ownerExpr.column))
        problems.add(
          `${path}.by`,
          `each pair must end in a primary key column of "${disposition.owner}"`,
          'A fold is owned by the key of its owner.',
        )
    if (spec.by.length !== ownerKey.length)
      problems.add(
        `${path}.by`,
        `names ${spec.by.length} of ${ownerKey.length} key columns of "${disposition.owner}"`,
        'Name the whole key of the owner.',
      )
    if (spec.shape === 'map' && !spec.mapKey)
      problems.add(`${path}.mapKey`, 'is missing', 'A fold of shape `map` needs the member name of each row.')
    folds.push({
      kind: 'fold',
      from: disposition.from,
      owner: disposition.owner,
      column: disposition.column,
      spec: { ...spec, orderBy: totalOrder(spec.orderBy, child) },
    })
  }

  for (const [name, disposition] of Object.entries(tables)) {
    const path = `tables.${name}`
    const table = input.blue[name]!
    switch (disposition.kind) {
      case 'retire':
        if (!disposition.reason.trim())
          problems.add(path, 'is retired without a reason', 'Say why its rows are only archived.')
        retired.push({ from: name, reason: disposition.reason })
        break
      case 'fold':
        resolveFold(disposition)
        break
      case 'map': {
        if (!tableIn(input.green, disposition.into)) {
          problems.add(
            path,
            `maps into "${disposition.into}", which is not a table of green`,
            'Name a table of the green schema.',
          )
          break
        }
        if (table.primaryKey.length === 0) {
          problems.add(
            path,
            'has no primary key',
            'Only tables with a primary key can be mapped; retire it or add a key.',
          )
          break
        }
        const lookups: Lookup[] = []
        const spec = attempt(path, mapShape, () =>
          disposition.define({
            d: refs(name, table, 'd'),
            lookup: (target: string, on: (l: never) => readonly (readonly [Expr, Expr])[]) => {
              const spec_ = tableIn(input.blue, target)
              if (!spec_) throw new Error(`lookup table "${target}" is not in blue`)
              lookupCount += 1
              const alias = `l${lookupCount}`
              const columns = refs(target, spec_, alias)
              const pairs = on(columns as never)
              if (!fits(lookupShape, pairs, `${path}.lookup(${target})`, problems)) return columns as never
              checkUnique(target, spec_, pairs, alias, path, problems)
              lookups.push({ alias, table: target, on: pairs })
              return columns as never
            },
            key: (inner: Expr) => ({ op: 'key', key: keys.get(name)!, input: inner }) as const,
            keyOf: (target: string, inner: Expr) => {
              const key = keys.get(target)
              if (!key) throw new Error(`keyOf("${target}"): that table has no map`)
              return key.type === 'keep' ? inner : ({ op: 'key', key, input: inner } as const)
            },
          }),
        )
        if (spec) {
          checkSight(
            path,
            [...Object.values(spec.columns), spec.where],
            ['d', ...lookups.map(({ alias }) => alias)],
            problems,
          )
          checkNames(`${path}.dropped`, spec.dropped, table, problems)
          checkNames(`${path}.frozen`, spec.frozen, table, problems)
          const green = input.green[disposition.into]!
          checkMerge(path, spec.merge, table, green, problems)
          const { bornHere } = spec
          if (bornHere)
            attempt(`${path}.bornHere`, conditionShape, () => bornHere({ g: refs(disposition.into, green, 'd') }))
          maps.push({
            kind: 'map',
            from: name,
            into: disposition.into,
            key: keys.get(name)!,
            spec,
            lookups,
            naturalKey: input.green[disposition.into]!.primaryKey,
          })
        }
        if (disposition.fold) {
          if (disposition.fold.from !== name)
            problems.add(path, 'its second fold is of another table', 'Fold the rows that the filter leaves out.')
          else resolveFold(disposition.fold)
        }
        break
      }
    }
  }
  return { maps, folds, retired }
}

/** A first call of each map, only to learn its key, so that `keyOf` may name tables that come later. */
function collectKeys(
  tables: Readonly<Record<string, AnyDisposition>>,
  input: PlanInput,
  problems: Problems,
): Map<string, NonNullable<MapSpec<SchemaSpec, string, SchemaSpec, string>['key']>> {
  const keys = new Map<string, NonNullable<MapSpec<SchemaSpec, string, SchemaSpec, string>['key']>>()
  for (const [name, disposition] of Object.entries(tables)) {
    if (disposition.kind !== 'map') continue
    try {
      const spec = disposition.define({
        d: refs(name, input.blue[name]!, 'd'),
        lookup: (target: string) => refs(target, tableIn(input.blue, target)!, 'l0') as never,
        key: (inner: Expr) => inner,
        keyOf: (_target: string, inner: Expr) => inner,
      })
      const key = spec.key ?? { type: 'keep' }
      // Of a shape that is wrong the second call tells.
      if (!keySpecShape.safeParse(key).success) throw new TypeError('no key')
      if (
        key.type === 'interleave' &&
        !(
          Number.isInteger(key.slots) &&
          key.slots >= 1 &&
          Number.isInteger(key.slot) &&
          key.slot >= 0 &&
          key.slot < key.slots
        )
      )
        problems.add(
          `tables.${name}.key`,
          `slot ${key.slot} of ${key.slots} is not a slot`,
          'Slots count from 0 to slots - 1.',
        )
      if (key.type === 'uuid' && !/^[0-9a-f]{8}$/i.test(key.space))
        problems.add(
          `tables.${name}.key`,
          `"${key.space}" is not 8 hexadecimal digits`,
          'Give the first group of the UUIDs.',
        )
      keys.set(name, key)
    } catch {
      keys.set(name, { type: 'keep' }) // the second call reports what is wrong
    }
  }
  return keys
}

export function tableIn(schema: SchemaSpec, name: string): TableSpec | undefined {
  return Object.hasOwn(schema, name) ? schema[name] : undefined
}

/** An order with the key at its end: rows that are equal in what the author named must not change places between two looks. */
function totalOrder(orderBy: readonly Expr[], { primaryKey, columns }: TableSpec): readonly Expr[] {
  const named = new Set(orderBy.flatMap((expr) => (expr.op === 'column' ? [expr.column] : [])))
  const rest = primaryKey.filter((name) => !named.has(name))
  return [...orderBy, ...rest.map((name) => column('c', name, columns[name]!.type))]
}

/** Columns of rows that an expression cannot see: a reference that was carried out of another callback. */
function checkSight(path: string, values: readonly unknown[], aliases: readonly string[], problems: Problems): void {
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
function checkNames(
  path: string,
  listed: Readonly<Record<string, string | undefined>> | undefined,
  { columns }: TableSpec,
  problems: Problems,
): void {
  for (const name of Object.keys(listed ?? {}))
    if (!Object.hasOwn(columns, name))
      problems.add(`${path}.${name}`, 'is not a column of the blue table', 'Name a column of the blue schema.')
}

function checkMerge(
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
function checkUnique(
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
