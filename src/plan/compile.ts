/**
 * A projection as SQL: the one SELECT that backfill (ranges), sync (scopes) and verification (digests of ranges) share, and
 * the rows of the destination it must equal. Builds text and sends nothing.
 */
import type { Dialect, Side } from '../engines/engine.js'
import { join, raw, sql, type Sql } from '../engines/sql.js'
import type { Expr } from './expression.js'
import { destinationSide, type Arm, type Projection } from './projection.js'
import { DestinationCompiler } from './compile-destination.js'
import { EVERYTHING, type Part, type RowSelection, type Scope } from './compile-base.js'

export { EVERYTHING, type Part, type RangePart, type RowSelection, type Scope } from './compile-base.js'

export class Compiler extends DestinationCompiler {
  /** COUNT and digest of the projected rows of a part; runs on the origin. */
  digestOrigin(projection: Projection, part: Part): Sql {
    const dialect = this.dialect(projection.origin)
    const hash = this.#hash(projection, dialect, (name) => raw(`p.${dialect.quote(name)}`))
    return sql`SELECT COUNT(*), ${dialect.sumHash(hash)} FROM (${dialect.evaluatedOnce(this.select(projection, part))}) p`
  }

  /** COUNT of the projected rows; runs on the origin. */
  countOrigin(projection: Projection): Sql {
    return sql`SELECT COUNT(*) FROM (${this.select(projection, EVERYTHING)}) p`
  }

  /** COUNT of the destination's rows; runs on the destination. */
  countDestination(projection: Projection): Sql {
    return sql`SELECT COUNT(*) FROM ${this.destinationRows(projection, EVERYTHING)}`
  }

  /** COUNT and digest of the destination's rows of a part; runs on the destination. */
  digestDestination(projection: Projection, part: Part): Sql {
    const dialect = this.dialect(destinationSide(projection))
    const hash = this.#hash(projection, dialect, (name) => raw(`t.${dialect.quote(name)}`))
    return sql`SELECT COUNT(*), ${dialect.sumHash(hash)} FROM ${this.destinationRows(projection, part)}`
  }

  /** COUNT and digest by bucket of the key, of the projected rows of a part; runs on the origin. */
  bucketsOrigin(projection: Projection, part: Part, buckets: number): Sql {
    const dialect = this.dialect(projection.origin)
    const column = (name: string): Sql => raw(`p.${dialect.quote(name)}`)
    const list = sql`${this.#bucket(projection, dialect, column, buckets)}, COUNT(*), ${dialect.sumHash(this.#hash(projection, dialect, column))}`
    return sql`SELECT ${list} FROM (${dialect.evaluatedOnce(this.select(projection, part))}) p GROUP BY 1`
  }

  /** The same of the destination's rows; runs on the destination. */
  bucketsDestination(projection: Projection, part: Part, buckets: number): Sql {
    const dialect = this.dialect(destinationSide(projection))
    const column = (name: string): Sql => raw(`t.${dialect.quote(name)}`)
    const list = sql`${this.#bucket(projection, dialect, column, buckets)}, COUNT(*), ${dialect.sumHash(this.#hash(projection, dialect, column))}`
    return sql`SELECT ${list} FROM ${this.destinationRows(projection, part)} GROUP BY 1`
  }

  /** Projected rows of a part as canonical texts, key columns first; for drill-down. Runs on the origin. */
  canonicalOrigin(projection: Projection, part: Part, selection?: RowSelection): Sql {
    const dialect = this.dialect(projection.origin)
    const column = (name: string): Sql => raw(`p.${dialect.quote(name)}`)
    const where = selection ? sql` WHERE ${this.#isSelected(projection, dialect, column, selection)}` : raw('')
    return sql`SELECT ${this.#canonicalList(projection, dialect, 'p')} FROM (${dialect.evaluatedOnce(this.select(projection, part))}) p${where}`
  }

  /** The same of the destination's rows; runs on the destination. */
  canonicalDestination(projection: Projection, part: Part, selection?: RowSelection): Sql {
    const dialect = this.dialect(destinationSide(projection))
    const column = (name: string): Sql => raw(`t.${dialect.quote(name)}`)
    const and = selection ? sql` AND ${this.#isSelected(projection, dialect, column, selection)}` : raw('')
    return sql`SELECT ${this.#canonicalList(projection, dialect, 't')} FROM ${this.destinationRows(projection, part)}${and}`
  }

  /** The destination's rows with these owned values (from {@link ownedValues}) as canonical texts; runs on the destination. */
  canonicalOwned(projection: Projection, owned: readonly Scope[]): Sql {
    const dialect = this.dialect(destinationSide(projection))
    return sql`SELECT ${this.#canonicalList(projection, dialect, 't')} FROM ${this.destinationRows(projection, { owned })}`
  }

  /** COUNT of destination rows that none of the projections into that table accounts for. Of one destination, without lookups. */
  countStrays(projections: readonly Projection[]): Sql {
    const first = projections[0]!
    const side = destinationSide(first)
    const conditions = projections.map((projection) => {
      const filter = projection.member?.filter
      return filter
        ? this.dialect(side).expression({ op: 'not', input: filter }, this.context(side, { t: raw('t') }, projection))
        : raw('1 = 0')
    })
    return sql`SELECT COUNT(*) FROM ${this.table(side, first.destination)} t WHERE ${join(conditions, ' AND ')}`
  }

  /** COUNT of all rows of a table. */
  countAll(side: Side, table: string): Sql {
    return sql`SELECT COUNT(*) FROM ${this.table(side, table)}`
  }

  /** Rows of a blue table that no map or fold accounts for: all of a retired one, else those that filters and missing owners leave out. */
  leftover(table: string, columns: Sql): Sql {
    const dialect = this.dialect('blue')
    const members = this.plan.reverse
      .filter((projection) => projection.destination === table)
      .map((projection) => projection.member)
    const from = sql`${this.table('blue', table)} t`
    if (members.length === 0) return sql`SELECT ${columns} FROM ${from}`
    const joins: Sql[] = []
    const conditions: Sql[] = []
    for (const [index, member] of members.entries()) {
      if (!member?.filter) return sql`SELECT ${columns} FROM ${from} WHERE 1 = 0`
      const prefix = `m${index}_`
      const relations: Record<string, { relation: Sql; table: string }> = { t: { relation: raw('t'), table } }
      for (const lookup of member.lookups)
        relations[lookup.alias] = { relation: raw(dialect.quote(`${prefix}${lookup.alias}`)), table: lookup.table }
      const context = this.relationContext('blue', relations)
      for (const lookup of member.lookups)
        joins.push(this.joinOne('blue', lookup, relations[lookup.alias]!.relation, context))
      conditions.push(dialect.expression({ op: 'not', input: member.filter }, context))
    }
    return sql`SELECT ${columns} FROM ${from}${join(joins, '')} WHERE ${join(conditions, ' AND ')}`
  }

  #hash(projection: Projection, dialect: Dialect, column: (name: string) => Sql): Sql {
    return dialect.rowHash(this.columns(projection).map(({ name, type }) => dialect.canonical(column(name), type)))
  }

  /** Bucket of a row by its key, the same on both sides. */
  #bucket(projection: Projection, dialect: Dialect, column: (name: string) => Sql, buckets: number): Sql {
    return sql`MOD(${dialect.rowHash(this.#canonicalKey(projection, dialect, column))}, ${raw(String(buckets))})`
  }

  #canonicalKey(projection: Projection, dialect: Dialect, column: (name: string) => Sql): Sql[] {
    return this.canonicalColumns(projection)
      .slice(0, projection.key.length)
      .map(({ name, type }) => dialect.canonical(column(name), type))
  }

  #isSelected(projection: Projection, dialect: Dialect, column: (name: string) => Sql, selection: RowSelection): Sql {
    if (selection.type === 'keys')
      return dialect.within(
        this.#canonicalKey(projection, dialect, column),
        selection.keys.map((key) => key.map((value) => sql`${value}`)),
      )
    const list = selection.buckets.map((bucket) => raw(String(bucket)))
    return sql`${this.#bucket(projection, dialect, column, selection.of)} IN (${join(list)})`
  }

  #canonicalList(projection: Projection, dialect: Dialect, alias: string): Sql {
    return join(
      this.canonicalColumns(projection).map(({ name, type }) =>
        dialect.canonical(raw(`${alias}.${dialect.quote(name)}`), type),
      ),
    )
  }
}

/** The folds among an arm's columns. */
export function foldsOf(arm: Arm): Extract<Expr, { op: 'fold' }>[] {
  return Object.values(arm.columns).filter((expr): expr is Extract<Expr, { op: 'fold' }> => expr.op === 'fold')
}
