/** Calls the plan's callbacks with references to real columns and checks what can be said of each table by itself. */
import type { z } from 'zod'
import {
  resolveKey,
  type Bands,
  type FoldDisposition,
  type MapDisposition,
  type PlanInput,
  type RetireDisposition,
  type TableTools,
} from './define.js'
import { checkMerge, checkNames, checkSight, checkUnique, totalOrder } from './disposition-checks.js'
import type { Expr } from './expression.js'
import type { Problems } from './problems.js'
import type { Lookup } from './projection.js'
import { refs, tableIn } from './references.js'
import type { Resolved, ResolvedFold, ResolvedMap } from './resolved.js'
import type { SchemaSpec } from './schema.js'
import { conditionShape, fits, foldShape, lookupShape, mapShape, tablesShape } from './shapes.js'
import { collectKeys, type AnyDisposition } from './table-keys.js'

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
