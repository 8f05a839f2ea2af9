/** The origin of a projection as SQL: its one SELECT, and the scopes that cut it into parts. */
import type { ColumnPlace } from '../engines/engine.js'
import { join, raw, sql, type Sql } from '../engines/sql.js'
import type { Expr } from './expression.js'
import type { Arm, Lookup, Projection } from './projection.js'
import { CompilerBase, EVERYTHING, type Part, type Scope } from './compile-base.js'
import { membersOf, type TakenOut } from './taken-out.js'

export class OriginCompiler extends CompilerBase {
  /** The projected rows of a part, in the shape of the destination table; runs on the origin. */
  select(projection: Projection, part: Part): Sql {
    return projection.merge
      ? this.#selectMerged(projection, projection.merge.sources, part)
      : this.#selectUnion(projection, part)
  }

  /** Those of the scopes whose driving row exists; runs on the origin. */
  existingScopes(projection: Projection, scopes: readonly Scope[]): Sql {
    const dialect = this.dialect(projection.origin)
    const selects = projection.arms.map((arm) => {
      const columns = arm.scope.map((name) => raw(`d.${dialect.quote(name)}`))
      return sql`SELECT DISTINCT ${join(columns)} FROM ${this.table(projection.origin, arm.driving)} d WHERE ${this.#inPart(projection, arm, { type: 'scopes', scopes })}`
    })
    return join(selects, ' UNION ')
  }

  /** The scope `rows` rows after `after`, to end a chunk; no row when fewer are left. Runs on the origin. */
  scopeAfter(projection: Projection, after: Scope | undefined, upTo: Scope | undefined, rows: number): Sql {
    return this.#scopeList(projection, { type: 'range', after, upTo }, 'ASC', rows - 1)
  }

  /** The next `rows` scopes after `after`, in order. Runs on the origin. */
  scopePage(projection: Projection, after: Scope | undefined, rows: number): Sql {
    return this.#scopeList(projection, { type: 'range', after }, 'ASC', 0, rows)
  }

  /** The greatest scope there is; no row for an empty table. */
  lastScope(projection: Projection): Sql {
    return this.#scopeList(projection, EVERYTHING, 'DESC', 0)
  }

  /** Scope values of driving rows that read any of the given rows of another table; runs on the origin. */
  routed(
    projection: Projection,
    arm: Arm,
    via: { readonly lookup: Lookup } | { readonly fold: Extract<Expr, { op: 'fold' }> },
    rows: Sql,
    limit: number,
    after: Scope | undefined,
  ): Sql {
    const dialect = this.dialect(projection.origin)
    const table = 'lookup' in via ? via.lookup.table : via.fold.fold.from
    const pairs = 'lookup' in via ? via.lookup.on : via.fold.fold.by
    const alias = 'lookup' in via ? via.lookup.alias : 'c'
    const earlier = 'lookup' in via ? arm.lookups.slice(0, arm.lookups.indexOf(via.lookup)) : arm.lookups
    const context = this.armContext(projection, arm, { [alias]: { relation: raw(dialect.quote('changed')), table } })
    const on = pairs.map(([left, right]) => dialect.expression({ op: 'compare', operator: '=', left, right }, context))
    const scope = this.#scopeSql(projection, arm)
    const ordered = scope.map(({ ordered: column }) => column)
    const conditions = [...on, ...(after ? [dialect.after(ordered, this.#scopeValues(projection, arm, after))] : [])]
    // The changed rows drive: they are few, and the owner's side of the pair is what an index serves.
    return sql`SELECT DISTINCT ${join(scope.map(({ plain }) => plain))} FROM (${rows}) ${raw(dialect.quote('changed'))} CROSS JOIN ${this.table(projection.origin, arm.driving)} d${this.#joins(projection, arm, earlier)} WHERE ${join(conditions, ' AND ')} ORDER BY ${join(scope.map((_, index) => raw(String(index + 1))))} LIMIT ${raw(String(limit))}`
  }

  #selectUnion(projection: Projection, part: Part): Sql {
    return join(
      projection.arms.map((arm) => this.#selectArm(projection, arm, part)),
      ' UNION ALL ',
    )
  }

  /** Contributors of all arms, numbered within their natural key: number 1 gives the row, all of them the sources. */
  #selectMerged(projection: Projection, sources: string, part: Part): Sql {
    const dialect = this.dialect(projection.origin)
    const quoted = (name: string): Sql => raw(dialect.quote(name))
    const contributors = join(
      projection.arms.map((arm) => this.#selectArm(projection, arm, part, true)),
      ' UNION ALL ',
    )
    const key = projection.key.map(quoted)
    const order = [quoted('cf_rank'), quoted('cf_tie')]
    const list = projection.columns.map((name) =>
      name === sources ? sql`s.cf_sources AS ${quoted(name)}` : sql`w.${quoted(name)}`,
    )
    const same = join(
      key.map((name) => sql`w.${name} = s.${name}`),
      ' AND ',
    )
    const array = dialect.jsonArrayAggregate(quoted('cf_source'), order)
    return sql`SELECT ${join(list)} FROM (SELECT u.*, ROW_NUMBER() OVER (PARTITION BY ${join(key)} ORDER BY ${join(order)}) AS cf_number FROM (${contributors}) u) w JOIN (SELECT ${join(key)}, ${array} AS cf_sources FROM (${contributors}) v GROUP BY ${join(key)}) s ON ${same} WHERE w.cf_number = 1`
  }

  #selectArm(projection: Projection, arm: Arm, part: Part, isContributor = false): Sql {
    const dialect = this.dialect(projection.origin)
    const members = membersOf(arm, (alias, column) => this.armContext(projection, arm, {}).typeOf(alias, column))
    const context = this.armContext(projection, arm, {}, members)
    const list = this.columns(projection)
      .filter(({ name }) => arm.columns[name] !== undefined)
      .map(
        ({ name, type }) =>
          sql`${dialect.castTo(dialect.expression(arm.columns[name]!, context), type)} AS ${raw(dialect.quote(name))}`,
      )
    if (isContributor && arm.source) {
      const tie = this.schema(projection.origin)[arm.driving]!.primaryKey.map(
        (name) => sql`d.${raw(dialect.quote(name))}`,
      )
      list.push(sql`${raw(String(arm.rank))} AS cf_rank`)
      list.push(sql`${dialect.castTo(tie[0]!, 'varchar(255)')} AS cf_tie`)
      list.push(sql`${dialect.expression(arm.source, context)} AS cf_source`)
    }
    const unnest = arm.unnest
      ? sql` CROSS JOIN ${dialect.unnest(dialect.expression(arm.unnest.json, context), arm.unnest.shape, 'e')}`
      : raw('')
    const conditions = [
      this.#inPart(projection, arm, part),
      ...(arm.filter ? [dialect.expression(arm.filter, context)] : []),
    ]
    return sql`SELECT ${join(list)} FROM ${this.table(projection.origin, arm.driving)} d${unnest}${this.#joins(projection, arm, arm.lookups)}${this.#takeOut(projection, arm, members)} WHERE ${join(conditions, ' AND ')}`
  }

  /** Joins that read each JSON column once for all of its members. */
  #takeOut(projection: Projection, arm: Arm, members: readonly TakenOut[]): Sql {
    const dialect = this.dialect(projection.origin)
    const context = this.armContext(projection, arm, {})
    return join(
      members.map(({ alias, column, paths, relation }) =>
        dialect.members(dialect.expression({ op: 'column', alias, column }, context), paths, relation),
      ),
      '',
    )
  }

  #joins(projection: Projection, arm: Arm, lookups: readonly Lookup[]): Sql {
    const context = this.armContext(projection, arm, {})
    return join(
      lookups.map((lookup) =>
        this.joinOne(projection.origin, lookup, raw(this.dialect(projection.origin).quote(lookup.alias)), context),
      ),
      '',
    )
  }

  #inPart(projection: Projection, arm: Arm, part: Part): Sql {
    const dialect = this.dialect(projection.origin)
    const scope = this.#scopeSql(projection, arm)
    if (part.type === 'scopes') {
      const tuples = part.scopes.map((values) => this.#scopeValues(projection, arm, values))
      return dialect.within(
        scope.map(({ plain }) => plain),
        tuples,
      )
    }
    const ordered = scope.map(({ ordered: column }) => column)
    const conditions = [
      ...(part.after ? [dialect.after(ordered, this.#scopeValues(projection, arm, part.after))] : []),
      ...(part.upTo ? [dialect.upTo(ordered, this.#scopeValues(projection, arm, part.upTo))] : []),
    ]
    return conditions.length > 0 ? join(conditions, ' AND ') : raw('1 = 1')
  }

  #scopeSql(projection: Projection, arm: Arm): { plain: Sql; place: ColumnPlace; ordered: Sql }[] {
    const dialect = this.dialect(projection.origin)
    const table = this.schema(projection.origin)[arm.driving]!
    return arm.scope.map((name) => {
      const plain = raw(`d.${dialect.quote(name)}`)
      const place = { table: arm.driving, column: name }
      return { plain, place, ordered: dialect.orderBy(plain, table.columns[name]!.type, [place]) }
    })
  }

  #scopeValues(projection: Projection, arm: Arm, values: Scope): Sql[] {
    const dialect = this.dialect(projection.origin)
    const table = this.schema(projection.origin)[arm.driving]!
    return values.map((value, index) => dialect.castTo(sql`${value}`, table.columns[arm.scope[index]!]!.type))
  }

  /** Scopes in order, one for each driving row: `take` of them after the first `skip`. */
  #scopeList(projection: Projection, part: Part, direction: 'ASC' | 'DESC', skip: number, take = 1): Sql {
    const dialect = this.dialect(projection.origin)
    const isAlone = projection.arms.length === 1
    const limit = raw(isAlone ? `LIMIT ${take} OFFSET ${skip}` : `LIMIT ${skip + take}`)
    const selects = projection.arms.map((arm) => {
      const scope = this.#scopeSql(projection, arm)
      const order = join(scope.map(({ ordered }) => sql`${ordered} ${raw(direction)}`))
      const names = scope.map(({ plain }, index) => sql`${plain} AS ${raw(`s${index}`)}`)
      // A bound that is no scope of this projection would cut its rows in another place on the other side.
      const own = projection.ownedWhen
        ? sql` AND ${dialect.expression(projection.ownedWhen, this.armContext(projection, arm, {}))}`
        : raw('')
      return sql`SELECT ${join(names)} FROM ${this.table(projection.origin, arm.driving)} d WHERE ${this.#inPart(projection, arm, part)}${own} ORDER BY ${order} ${limit}`
    })
    if (isAlone) return selects[0]!
    const types = this.scopeColumns(projection)
    const order = join(
      types.map(({ type }, index) => {
        const places = projection.arms.map((arm) => this.#scopeSql(projection, arm)[index]!.place)
        return sql`${dialect.orderBy(raw(`u.s${index}`), type, places)} ${raw(direction)}`
      }),
    )
    const union = join(
      selects.map((select, index) => sql`SELECT * FROM (${select}) ${raw(`a${index}`)}`),
      ' UNION ALL ',
    )
    return sql`SELECT ${join(types.map((_, index) => raw(`u.s${index}`)))} FROM (${union}) u ORDER BY ${order} LIMIT ${raw(String(take))} OFFSET ${raw(String(skip))}`
  }
}
