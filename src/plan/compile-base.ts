/** What every part of the compiler works with: both sides, names and types of columns, contexts of expressions. */
import type { Dialect, ExprContext, Side } from '../engines/engine.js'
import { join, raw, sql, type Sql } from '../engines/sql.js'
import type { Plan } from './plan.js'
import { destinationSide, type Arm, type Lookup, type Projection } from './projection.js'
import type { ColumnType, SchemaSpec } from './schema.js'
import { isSamePath, type TakenOut } from './taken-out.js'

/** Values of scope columns, as text. */
export type Scope = readonly (string | null)[]

/** Which part of a projection: scopes after one and up to another (exclusive, inclusive), a set of scopes, or all. */
export type Part =
  | { readonly type: 'range'; readonly after?: Scope | undefined; readonly upTo?: Scope | undefined }
  | { readonly type: 'scopes'; readonly scopes: readonly Scope[] }

/** Rows of a part: those in some buckets of the key, or those with some keys, given as canonical texts. */
export type RowSelection =
  | { readonly type: 'buckets'; readonly of: number; readonly buckets: readonly number[] }
  | { readonly type: 'keys'; readonly keys: readonly Scope[] }

export type RangePart = Extract<Part, { type: 'range' }>

export const EVERYTHING: RangePart = { type: 'range' }

/** One side as the compiler sees it. */
export interface CompilerSide {
  readonly dialect: Dialect
  readonly namespace: string
}

export class CompilerBase {
  protected readonly plan: Plan

  readonly #sides: Readonly<Record<Side, CompilerSide>>

  constructor(plan: Plan, sides: Readonly<Record<Side, CompilerSide>>) {
    this.plan = plan
    this.#sides = sides
  }

  dialect(side: Side): Dialect {
    return this.#sides[side].dialect
  }

  schema(side: Side): SchemaSpec {
    return side === 'blue' ? this.plan.blue : this.plan.green
  }

  /** `namespace.table` of a side, quoted. */
  table(side: Side, name: string): Sql {
    return raw(this.dialect(side).qualify(this.#sides[side].namespace, name))
  }

  /** The written columns of a projection with their types, in order. */
  columns(projection: Projection): { name: string; type: ColumnType }[] {
    const table = this.schema(destinationSide(projection))[projection.destination]!
    return projection.columns.map((name) => ({ name, type: table.columns[name]!.type }))
  }

  /** The scope columns of a projection with their types, as its first arm names them. */
  scopeColumns(projection: Projection): { name: string; type: ColumnType }[] {
    const arm = projection.arms[0]!
    const table = this.schema(projection.origin)[arm.driving]!
    return arm.scope.map((name) => ({ name, type: table.columns[name]!.type }))
  }

  /** Key columns, then the others, in the order that the canonical lists have. */
  canonicalColumns(projection: Projection): { name: string; type: ColumnType }[] {
    const columns = this.columns(projection)
    return [
      ...columns.filter(({ name }) => projection.key.includes(name)),
      ...columns.filter(({ name }) => !projection.key.includes(name)),
    ]
  }

  protected joinOne(side: Side, lookup: Lookup, alias: Sql, context: ExprContext): Sql {
    const dialect = this.dialect(side)
    const on = lookup.on.map(([left, right]) =>
      dialect.expression({ op: 'compare', operator: '=', left, right }, context),
    )
    return sql` LEFT JOIN ${this.table(side, lookup.table)} ${alias} ON ${join(on, ' AND ')}`
  }

  /** Aliases `d` (scope columns) and `t` of a projection's destination. */
  protected context(side: Side, relations: Readonly<Record<string, Sql>>, projection: Projection): ExprContext {
    const arm = projection.arms[0]!
    return {
      alias: (alias) => (relations[alias] ?? raw(alias)).texts.join(''),
      typeOf: (alias, column) =>
        alias === 't'
          ? this.schema(side)[projection.destination]!.columns[column]!.type
          : this.schema(projection.origin)[arm.driving]!.columns[column]!.type,
      table: (name) => this.table(side, name).texts.join(''),
      typeOfTable: (table, column) => this.schema(side)[table]!.columns[column]!.type,
    }
  }

  protected armContext(
    projection: Projection,
    arm: Arm,
    replaced: Readonly<Record<string, { relation: Sql; table: string }>>,
    members: readonly TakenOut[] = [],
  ): ExprContext {
    const dialect = this.dialect(projection.origin)
    const relations: Record<string, { relation: Sql; table: string }> = {
      d: { relation: raw('d'), table: arm.driving },
    }
    for (const lookup of arm.lookups)
      relations[lookup.alias] = { relation: raw(dialect.quote(lookup.alias)), table: lookup.table }
    const plain = this.relationContext(projection.origin, { ...relations, ...replaced })
    if (members.length === 0) return plain
    const member: ExprContext['member'] = (alias, column, path) => {
      const taken = members.find((candidate) => candidate.alias === alias && candidate.column === column)
      const index = taken?.paths.findIndex((candidate) => isSamePath(candidate, path)) ?? -1
      return index < 0 ? undefined : `${dialect.quote(taken!.relation)}.m${index}`
    }
    return { ...plain, member }
  }

  protected relationContext(
    side: Side,
    relations: Readonly<Record<string, { relation: Sql; table: string }>>,
  ): ExprContext {
    const schema = this.schema(side)
    return {
      alias: (alias) => relations[alias]?.relation.texts.join('') ?? this.dialect(side).quote(alias),
      typeOf: (alias, column) => {
        if (alias === 'e') return column === 'value' ? 'json' : column === 'ordinal' ? 'bigint' : 'text'
        const table = relations[alias]?.table
        return (table !== undefined ? schema[table]?.columns[column]?.type : undefined) ?? 'text'
      },
      table: (name) => this.table(side, name).texts.join(''),
      typeOfTable: (table, column) => schema[table]!.columns[column]!.type,
    }
  }
}
