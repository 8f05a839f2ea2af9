/** Which rows of a blue table a map or fold accounts for: conditions over the blue row `t`, used by the archive and by verification. */
import type { ResolvedFold, ResolvedMap } from './resolved.js'
import type { Expr } from './expression.js'
import { allOf, column, renameAlias, type Lookup, type Projection } from './projection.js'
import type { SchemaSpec, TableSpec } from './schema.js'

type Member = NonNullable<Projection['member']>

const rename = (lookups: readonly Lookup[], from: string, to: string, suffix: string): Lookup[] => {
  const aliases = lookups.map((lookup) => lookup.alias)
  const fix = (expr: Expr): Expr =>
    aliases.reduce((result, alias) => renameAlias(result, alias, `${alias}${suffix}`), renameAlias(expr, from, to))
  return lookups.map((lookup) => ({
    alias: `${lookup.alias}${suffix}`,
    table: lookup.table,
    on: lookup.on.map(([left, right]) => [fix(left), fix(right)] as const),
  }))
}

const renameAll = (expr: Expr, lookups: readonly Lookup[], from: string, to: string, suffix: string): Expr =>
  lookups.reduce(
    (result, lookup) => renameAlias(result, lookup.alias, `${lookup.alias}${suffix}`),
    renameAlias(expr, from, to),
  )

/** Rows of a mapped table: those its filter lets through; of a merge, those with a natural key. */
export function mapMember(map: ResolvedMap): Member {
  const filter = map.spec.merge
    ? allOf(
        map.spec.where,
        ...naturalKey(map).map((expr): Expr => ({ op: 'not', input: { op: 'isNull', input: expr } })),
      )
    : map.spec.where
  return {
    lookups: rename(map.lookups, 'd', 't', 'm'),
    filter: filter && renameAll(filter, map.lookups, 'd', 't', 'm'),
  }
}

function naturalKey(map: ResolvedMap): Expr[] {
  return Object.entries(map.spec.columns as Record<string, Expr | string | number | boolean | null>).flatMap(
    ([name, value]) => (map.naturalKey.includes(name) && typeof value === 'object' && value !== null ? [value] : []),
  )
}

/** Rows of a folded table: those that pass its condition and whose owner is mapped. */
export function foldMember(fold: ResolvedFold, owner: ResolvedMap, blue: SchemaSpec): Member {
  const alias = `o_${fold.from}`
  const ownerTable = blue[fold.owner]!
  const ownerKey = ownerTable.primaryKey[0]!
  const lookups: Lookup[] = [
    {
      alias,
      table: fold.owner,
      on: fold.spec.by.map(
        ([child, ownerExpr]) => [renameAlias(ownerExpr, 'd', alias), renameAlias(child, 'c', 't')] as const,
      ),
    },
    ...rename(owner.lookups, 'd', alias, 'o'),
  ]
  const filter = allOf(
    { op: 'not', input: { op: 'isNull', input: column(alias, ownerKey, ownerTable.columns[ownerKey]?.type) } },
    fold.spec.where && renameAlias(fold.spec.where, 'c', 't'),
    owner.spec.where && renameAll(owner.spec.where, owner.lookups, 'd', alias, 'o'),
  )
  return { lookups, filter }
}

/** True for the child that a fold of shape `latest` takes. */
export function isLatest(fold: ResolvedFold, table: TableSpec): Expr {
  const key = table.primaryKey[0]!
  const type = table.columns[key]!.type
  const latest: Expr = {
    op: 'fold',
    fold: {
      from: fold.from,
      by: fold.spec.by.map(([child]) => [child, renameAlias(child, 'c', 't')] as const),
      ...(fold.spec.where ? { where: fold.spec.where } : {}),
      shape: 'object',
      orderBy: fold.spec.orderBy,
      element: { op: 'jsonObject', members: { key: { value: column('c', key, type), type } } },
    },
  }
  return { op: 'same', left: { op: 'jsonGet', input: latest, path: ['key'], type }, right: column('t', key, type) }
}
