/**
 * A projection as SQL: the one SELECT that backfill (ranges), sync (scopes) and verification (digests of ranges) share, and
 * the rows of the destination it must equal. Builds text and sends nothing.
 */
import type { Dialect, ExprContext, Side } from '../engines/engine.js'
import { join, raw, sql, type Sql } from '../engines/sql.js'
import { visit, type Expr } from './expression.js'
import type { Plan } from './plan.js'
import { destinationSide, type Arm, type Lookup, type Projection } from './projection.js'
import type { ColumnType, SchemaSpec } from './schema.js'

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

export class Compiler {
  readonly #plan: Plan
  readonly #sides: Readonly<Record<Side, CompilerSide>>

  constructor(plan: Plan, sides: Readonly<Record<Side, CompilerSide>>) {
    this.#plan = plan
    this.#sides = sides
  }

  dialect(side: Side): Dialect {
    return this.#sides[side].dialect
  }

  schema(side: Side): SchemaSpec {
    return side === 'blue' ? this.#plan.blue : this.#plan.green
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

  /** The projected rows of a part, in the shape of the destination table; runs on the origin. */
  select(projection: Projection, part: Part): Sql {
    return projection.merge
      ? this.#selectMerged(projection, projection.merge.sources, part)
      : this.#selectUnion(projection, part)
  }

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
    return sql`SELECT COUNT(*) FROM ${this.#destinationRows(projection, EVERYTHING)}`
  }

  /** COUNT and digest of the destination's rows of a part; runs on the destination. */
  digestDestination(projection: Projection, part: Part): Sql {
    const dialect = this.dialect(destinationSide(projection))
    const hash = this.#hash(projection, dialect, (name) => raw(`t.${dialect.quote(name)}`))
    return sql`SELECT COUNT(*), ${dialect.sumHash(hash)} FROM ${this.#destinationRows(projection, part)}`
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
    return sql`SELECT ${list} FROM ${this.#destinationRows(projection, part)} GROUP BY 1`
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
    return sql`SELECT ${this.#canonicalList(projection, dialect, 't')} FROM ${this.#destinationRows(projection, part)}${and}`
  }

  /** The destination's rows with these owned values (from {@link ownedValues}) as canonical texts; runs on the destination. */
  canonicalOwned(projection: Projection, owned: readonly Scope[]): Sql {
    const dialect = this.dialect(destinationSide(projection))
    return sql`SELECT ${this.#canonicalList(projection, dialect, 't')} FROM ${this.#destinationRows(projection, { owned })}`
  }

  /** Key columns, then the others, in the order that the canonical lists have. */
  canonicalColumns(projection: Projection): { name: string; type: ColumnType }[] {
    const columns = this.columns(projection)
    return [
      ...columns.filter(({ name }) => projection.key.includes(name)),
      ...columns.filter(({ name }) => !projection.key.includes(name)),
    ]
  }

  /** Deletes the destination's rows that a range of scopes owns. Only for rangeable projections. */
  deleteRange(projection: Projection, part: RangePart): Sql {
    const side = destinationSide(projection)
    const condition = this.#ownedRange(projection, part, this.table(side, projection.destination))
    const member = this.#plainMember(projection, this.table(side, projection.destination))
    return sql`DELETE FROM ${this.table(side, projection.destination)} WHERE ${join([condition, member], ' AND ')}`
  }

  /** The values that owned destination columns have for some scopes; runs on the destination. One row per scope that owns anything. */
  ownedValues(projection: Projection, scopes: readonly Scope[]): Sql {
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const relation = dialect.values(this.scopeColumns(projection), scopes)
    const context = this.#context(side, { d: raw(dialect.quote('d')) }, projection)
    const values = projection.owned.map(([, scope]) => dialect.expression(scope, context))
    const condition = projection.ownedWhen ? sql` WHERE ${dialect.expression(projection.ownedWhen, context)}` : raw('')
    return sql`SELECT DISTINCT ${join(values)} FROM (${relation}) ${raw(dialect.quote('d'))}${condition}`
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
    const names = [...projection.columns, ...projection.carried].map((name) => raw(this.dialect(side).quote(name)))
    return sql`SELECT ${join(names)} FROM ${this.table(side, projection.destination)} WHERE ${condition}`
  }

  /** Deletes rows by their key, wherever they are owned. */
  deleteKeys(projection: Projection, keys: readonly Scope[]): Sql {
    return sql`DELETE FROM ${this.table(destinationSide(projection), projection.destination)} WHERE ${this.#hasKey(projection, keys)}`
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

  /** False where owned rows of a range of scopes are no range: such a projection is copied and verified in one piece. */
  isRangeable(projection: Projection): boolean {
    return projection.deletes === 'owned' && projection.owned.every(([, scope]) => !holdsUuidUnkey(scope))
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
    const context = this.#armContext(projection, arm, { [alias]: { relation: raw(dialect.quote('changed')), table } })
    const on = pairs.map(([left, right]) => dialect.expression({ op: 'compare', operator: '=', left, right }, context))
    const scope = this.#scopeSql(projection, arm)
    const ordered = scope.map(({ ordered: column }) => column)
    const conditions = [...on, ...(after ? [dialect.after(ordered, this.#scopeValues(projection, arm, after))] : [])]
    // The changed rows drive: they are few, and the owner's side of the pair is what an index serves.
    return sql`SELECT DISTINCT ${join(scope.map(({ plain }) => plain))} FROM (${rows}) ${raw(dialect.quote('changed'))} CROSS JOIN ${this.table(projection.origin, arm.driving)} d${this.#joins(projection, arm, earlier)} WHERE ${join(conditions, ' AND ')} ORDER BY ${join(scope.map((_, index) => raw(String(index + 1))))} LIMIT ${raw(String(limit))}`
  }

  /** COUNT of destination rows that none of the projections into that table accounts for. Of one destination, without lookups. */
  countStrays(projections: readonly Projection[]): Sql {
    const first = projections[0]!
    const side = destinationSide(first)
    const conditions = projections.map((projection) => {
      const filter = projection.member?.filter
      return filter
        ? this.dialect(side).expression({ op: 'not', input: filter }, this.#context(side, { t: raw('t') }, projection))
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
    const members = this.#plan.reverse
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
      const context = this.#relationContext('blue', relations)
      for (const lookup of member.lookups)
        joins.push(this.#joinOne('blue', lookup, relations[lookup.alias]!.relation, context))
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
    const members = membersOf(arm, (alias, column) => this.#armContext(projection, arm, {}).typeOf(alias, column))
    const context = this.#armContext(projection, arm, {}, members)
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
    const context = this.#armContext(projection, arm, {})
    return join(
      members.map(({ alias, column, paths, relation }) =>
        dialect.members(dialect.expression({ op: 'column', alias, column }, context), paths, relation),
      ),
      '',
    )
  }

  #joins(projection: Projection, arm: Arm, lookups: readonly Lookup[]): Sql {
    const context = this.#armContext(projection, arm, {})
    return join(
      lookups.map((lookup) =>
        this.#joinOne(projection.origin, lookup, raw(this.dialect(projection.origin).quote(lookup.alias)), context),
      ),
      '',
    )
  }

  #joinOne(side: Side, lookup: Lookup, alias: Sql, context: ExprContext): Sql {
    const dialect = this.dialect(side)
    const on = lookup.on.map(([left, right]) =>
      dialect.expression({ op: 'compare', operator: '=', left, right }, context),
    )
    return sql` LEFT JOIN ${this.table(side, lookup.table)} ${alias} ON ${join(on, ' AND ')}`
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

  #scopeSql(projection: Projection, arm: Arm): { plain: Sql; ordered: Sql }[] {
    const dialect = this.dialect(projection.origin)
    const table = this.schema(projection.origin)[arm.driving]!
    return arm.scope.map((name) => {
      const plain = raw(`d.${dialect.quote(name)}`)
      return { plain, ordered: dialect.orderBy(plain, table.columns[name]!.type) }
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
        ? sql` AND ${dialect.expression(projection.ownedWhen, this.#armContext(projection, arm, {}))}`
        : raw('')
      return sql`SELECT ${join(names)} FROM ${this.table(projection.origin, arm.driving)} d WHERE ${this.#inPart(projection, arm, part)}${own} ORDER BY ${order} ${limit}`
    })
    if (isAlone) return selects[0]!
    const types = this.scopeColumns(projection)
    const order = join(
      types.map(({ type }, index) => sql`${dialect.orderBy(raw(`u.s${index}`), type)} ${raw(direction)}`),
    )
    const union = join(
      selects.map((select, index) => sql`SELECT * FROM (${select}) ${raw(`a${index}`)}`),
      ' UNION ALL ',
    )
    return sql`SELECT ${join(types.map((_, index) => raw(`u.s${index}`)))} FROM (${union}) u ORDER BY ${order} LIMIT ${raw(String(take))} OFFSET ${raw(String(skip))}`
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
    const context = this.#context(side, { t: table }, projection)
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
    const context = this.#context(side, { t: alias }, projection)
    const columns = projection.owned.map(([destination]) =>
      dialect.orderBy(
        dialect.expression(destination, context),
        destination.op === 'column' ? (destination.type ?? 'text') : 'bigint',
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
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const columns = this.scopeColumns(projection)
    const relation = dialect.values(columns, [values])
    const context = this.#context(side, { d: raw(dialect.quote('d')) }, projection)
    return sql`(SELECT ${dialect.expression(expr, context)} FROM (${relation}) ${raw(dialect.quote('d'))})`
  }

  /** The member filter where it needs no lookup: bands that tell the projections of one table apart. */
  #plainMember(projection: Projection, alias: Sql): Sql {
    const member = projection.member
    if (!member?.filter || member.lookups.length > 0) return raw('1 = 1')
    const side = destinationSide(projection)
    return this.dialect(side).expression(member.filter, this.#context(side, { t: alias }, projection))
  }

  #destinationRows(projection: Projection, part: Part | { readonly owned: readonly Scope[] }): Sql {
    const side = destinationSide(projection)
    const dialect = this.dialect(side)
    const relations: Record<string, { relation: Sql; table: string }> = {
      t: { relation: raw('t'), table: projection.destination },
    }
    for (const lookup of projection.member?.lookups ?? [])
      relations[lookup.alias] = { relation: raw(dialect.quote(lookup.alias)), table: lookup.table }
    const context = this.#relationContext(side, relations)
    const joins = (projection.member?.lookups ?? []).map((lookup) =>
      this.#joinOne(side, lookup, relations[lookup.alias]!.relation, context),
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

  /** Aliases `d` (scope columns) and `t` of a projection's destination. */
  #context(side: Side, relations: Readonly<Record<string, Sql>>, projection: Projection): ExprContext {
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

  #armContext(
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
    const plain = this.#relationContext(projection.origin, { ...relations, ...replaced })
    if (members.length === 0) return plain
    const member: ExprContext['member'] = (alias, column, path) => {
      const taken = members.find((candidate) => candidate.alias === alias && candidate.column === column)
      const index = taken?.paths.findIndex((candidate) => isSamePath(candidate, path)) ?? -1
      return index < 0 ? undefined : `${dialect.quote(taken!.relation)}.m${index}`
    }
    return { ...plain, member }
  }

  #relationContext(side: Side, relations: Readonly<Record<string, { relation: Sql; table: string }>>): ExprContext {
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

function holdsUuidUnkey(expr: Expr): boolean {
  if (expr.op === 'unkey') return expr.key.type === 'uuid'
  if (expr.op === 'coalesce') return expr.args.some(holdsUuidUnkey)
  return expr.op === 'cast' && holdsUuidUnkey(expr.input)
}

/** Members of one JSON column that an arm names. */
interface TakenOut {
  readonly alias: string
  readonly column: string
  readonly paths: readonly (readonly string[])[]
  /** Alias of the relation that has them. */
  readonly relation: string
}

/** Fewer members are as fast where they stand. */
const MEMBERS_WORTH_A_JOIN = 3

function membersOf(arm: Arm, typeOf: (alias: string, column: string) => ColumnType): TakenOut[] {
  const found = new Map<string, { alias: string; column: string; paths: (readonly string[])[] }>()
  for (const expr of [...Object.values(arm.columns), ...(arm.filter ? [arm.filter] : [])])
    visit(expr, (node) => {
      if (node.op !== 'jsonGet' || node.input.op !== 'column') return
      const { alias, column } = node.input
      // The child of a fold is a relation of its own subselect.
      if (alias === 'c' || typeOf(alias, column) !== 'json') return
      const key = `${alias}.${column}`
      const entry = found.get(key) ?? { alias, column, paths: [] }
      if (!entry.paths.some((path) => isSamePath(path, node.path))) entry.paths.push(node.path)
      found.set(key, entry)
    })
  return [...found.values()]
    .filter(({ paths }) => paths.length >= MEMBERS_WORTH_A_JOIN)
    .map((entry, index) => ({ ...entry, relation: `j${index}` }))
}

const isSamePath = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((name, index) => name === right[index])

/** The folds among an arm's columns. */
export function foldsOf(arm: Arm): Extract<Expr, { op: 'fold' }>[] {
  return Object.values(arm.columns).filter((expr): expr is Extract<Expr, { op: 'fold' }> => expr.op === 'fold')
}
