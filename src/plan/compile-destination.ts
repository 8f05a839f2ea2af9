/** The destination of a projection as SQL: which rows a scope owns, and how they are read and deleted. */
import { join, raw, sql, type Sql } from '../engines/sql.js'
import type { Expr } from './expression.js'
import { destinationSide, mapColumns, type Projection } from './projection.js'
import type { ColumnType } from './schema.js'
import { OriginCompiler } from './compile-origin.js'
import type { Part, RangePart, Scope } from './compile-base.js'

export class DestinationCompiler extends OriginCompiler {
  /** False where owned rows of a range of scopes are no range: such a projection is copied and verified in one piece. */
  isRangeable(projection: Projection): boolean {
    return projection.deletes === 'owned' && projection.owned.every(([, scope]) => !holdsUuidUnkey(scope))
  }

  /** Deletes the destination's rows that a range of scopes owns. Only for rangeable projections. */
  deleteRange(projection: Projection, part: RangePart): Sql {
    const side = destinationSide(projection)
    const condition = this.#ownedRange(projection, part, this.table(side, projection.destination))
    const member = this.#plainMember(projection, this.table(side, projection.destination))
    return sql`DELETE FROM ${this.table(side, projection.destination)} WHERE ${join([condition, member], ' AND ')}`
  }

  /** Deletes rows by their key, wherever they are owned. */
  deleteKeys(projection: Projection, keys: readonly Scope[]): Sql {
    return sql`DELETE FROM ${this.table(destinationSide(projection), projection.destination)} WHERE ${this.#hasKey(projection, keys)}`
  }

  /** The values that owned destination columns have for some scopes; runs on the destination. One row per scope that owns anything. */
  ownedValues(projection: Projection, scopes: readonly Scope[]): Sql {
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const relation = dialect.values(this.scopeColumns(projection), scopes)
    const context = this.context(side, { d: raw(dialect.quote('d')) }, projection)
    const values = projection.owned.map(([, scope]) => dialect.expression(scope, context))
    const condition = projection.ownedWhen ? sql` WHERE ${dialect.expression(projection.ownedWhen, context)}` : raw('')
    return sql`SELECT ${join(values)} FROM (${relation}) ${raw(dialect.quote('d'))}${condition}`
  }

  /** Written and carried columns of the rows with these owned values (from {@link ownedValues}); runs on the destination. */
  selectOwned(projection: Projection, owned: readonly Scope[]): Sql {
    return this.#selectExisting(projection, this.#isOwned(projection, owned))
  }

  /** The same of rows by their key, wherever they are owned. */
  selectByKey(projection: Projection, keys: readonly Scope[]): Sql {
    return this.#selectExisting(projection, this.#hasKey(projection, keys))
  }

  #selectExisting(projection: Projection, condition: Sql): Sql {
    const side = destinationSide(projection)
    const context = this.context(side, { t: this.table(side, projection.destination) }, projection)
    const values = [...projection.columns, ...projection.carried].map((name) =>
      this.dialect(side).expression({ op: 'column', alias: 't', column: name }, context),
    )
    return sql`SELECT ${join(values)} FROM ${this.table(side, projection.destination)} WHERE ${condition}`
  }

  #hasKey(projection: Projection, keys: readonly Scope[]): Sql {
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const types = this.schema(side)[projection.destination]!.columns
    const columns = projection.key.map((name) => raw(dialect.quote(name)))
    const tuples = keys.map((key) =>
      key.map((value, index) => dialect.castTo(sql`${value}`, types[projection.key[index]!]!.type)),
    )
    return dialect.within(columns, tuples)
  }

  #isOwned(
    projection: Projection,
    owned: readonly Scope[],
    table = this.table(destinationSide(projection), projection.destination),
  ): Sql {
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const context = this.context(side, { t: table }, projection)
    const columns = projection.owned.map(([destination]) => dialect.expression(destination, context))
    const types = projection.owned.map(([destination]) =>
      destination.op === 'column' ? destination.type : destination.op === 'cast' ? destination.to : undefined,
    )
    const tuples = owned.map((values) =>
      values.map((value, index) => dialect.castTo(sql`${value}`, types[index] ?? 'text')),
    )
    const where = projection.ownedWhere ? sql` AND ${dialect.expression(projection.ownedWhere, context)}` : raw('')
    return sql`${dialect.within(columns, tuples)}${where}`
  }

  #ownedRange(projection: Projection, part: RangePart, alias: Sql): Sql {
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const context = this.context(side, { t: alias }, projection)
    const columns = projection.owned.map(([destination]) =>
      dialect.orderBy(
        dialect.expression(destination, context),
        destination.op === 'column' ? (destination.type ?? 'text') : 'bigint',
        destination.op === 'column' ? [{ table: projection.destination, column: destination.column }] : [],
      ),
    )
    const bound = (values: Scope): Sql[] =>
      projection.owned.map(([, scope]) => this.#scopeBound(projection, scope, values))
    const conditions = [
      ...(part.after ? [dialect.after(columns, bound(part.after))] : []),
      ...(part.upTo ? [dialect.upTo(columns, bound(part.upTo))] : []),
      ...(projection.ownedWhere ? [dialect.expression(projection.ownedWhere, context)] : []),
    ]
    return conditions.length > 0 ? join(conditions, ' AND ') : raw('1 = 1')
  }

  /** A scope expression with bound values for its columns, on the destination. */
  #scopeBound(projection: Projection, expr: Expr, values: Scope): Sql {
    const dialect = this.dialect(destinationSide(projection))
    const columns = this.scopeColumns(projection)
    const valueOf = (name: string): { value: string | null; type: ColumnType } => {
      const index = columns.findIndex((column) => column.name === name)
      return { value: values[index] ?? null, type: columns[index]!.type }
    }
    if (expr.op === 'column') {
      const { value, type } = valueOf(expr.column)
      return dialect.castTo(sql`${value}`, type)
    }
    // Of literals only: a constant for the planner, where a subselect makes MariaDB read the whole table.
    const constant = mapColumns(expr, (ref) => {
      const { value, type } = valueOf(ref.column)
      return { op: 'cast', input: { op: 'literal', value }, to: type }
    })
    return dialect.expression(constant, this.context(destinationSide(projection), {}, projection))
  }

  /** The member filter where it needs no lookup: bands that tell the projections of one table apart. */
  #plainMember(projection: Projection, alias: Sql): Sql {
    const member = projection.member
    if (!member?.filter || member.lookups.length > 0) return raw('1 = 1')
    const side = destinationSide(projection)
    return this.dialect(side).expression(member.filter, this.context(side, { t: alias }, projection))
  }

  protected destinationRows(projection: Projection, part: Part | { readonly owned: readonly Scope[] }): Sql {
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const relations: Record<string, { relation: Sql; table: string }> = {
      t: { relation: raw('t'), table: projection.destination },
    }
    for (const lookup of projection.member?.lookups ?? [])
      relations[lookup.alias] = { relation: raw(dialect.quote(lookup.alias)), table: lookup.table }
    const context = this.relationContext(side, relations)
    const joins = (projection.member?.lookups ?? []).map((lookup) =>
      this.joinOne(side, lookup, relations[lookup.alias]!.relation, context),
    )
    const conditions = [
      'owned' in part
        ? this.#isOwned(projection, part.owned, raw('t'))
        : part.type === 'range'
          ? this.#ownedRange(projection, part, raw('t'))
          : raw('1 = 1'),
      ...(projection.member?.filter ? [dialect.expression(projection.member.filter, context)] : []),
    ]
    return sql`${this.table(side, projection.destination)} t${join(joins, '')} WHERE ${join(conditions, ' AND ')}`
  }
}

function holdsUuidUnkey(expr: Expr): boolean {
  if (expr.op === 'unkey') return expr.key.type === 'uuid'
  if (expr.op === 'coalesce') return expr.args.some(holdsUuidUnkey)
  return expr.op === 'cast' && holdsUuidUnkey(expr.input)
}
