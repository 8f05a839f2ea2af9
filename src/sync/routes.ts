/**
 * From a logged write to the scopes it touches: for every projection that reads the table, as driving table, lookup or folded
 * child, by old and by new values.
 */
import type { CaptureTable, Change, Session, Side } from '../engines/engine.js'
import { foldsOf, type Compiler, type Scope } from '../plan/compile.js'
import { columnsRead, type Expr } from '../plan/expression.js'
import type { Plan } from '../plan/plan.js'
import type { Arm, Lookup, Projection } from '../plan/projection.js'

/** The projections whose origin is this side. */
export function projectionsFrom(plan: Plan, side: Side): readonly Projection[] {
  return side === 'blue' ? plan.forward : plan.reverse
}

/** What capture must log on a side: primary keys, and the columns by which a change is routed. */
export function captureTables(plan: Plan, side: Side): CaptureTable[] {
  const schema = side === 'blue' ? plan.blue : plan.green
  const wanted = new Map<string, Set<string>>()
  const want = (table: string, columns: readonly string[]): void => {
    const set = wanted.get(table) ?? new Set(schema[table]!.primaryKey)
    for (const name of columns) set.add(name)
    wanted.set(table, set)
  }
  for (const projection of projectionsFrom(plan, side))
    for (const arm of projection.arms) {
      want(arm.driving, arm.scope)
      for (const lookup of arm.lookups) want(lookup.table, childColumns(lookup.on, lookup.alias))
      for (const { fold } of foldsOf(arm)) want(fold.from, childColumns(fold.by, 'c'))
    }
  return [...wanted].map(([table, columns]) => ({ table, columns: [...columns] }))
}

function childColumns(pairs: readonly (readonly [Expr, Expr])[], alias: string): string[] {
  return pairs.flatMap(([child]) => columnsRead(child).flatMap((ref) => (ref.alias === alias ? [ref.column] : [])))
}

/** One way by which writes to a table reach a projection. */
type Route =
  | { readonly type: 'driving'; readonly projection: Projection; readonly arm: Arm }
  | { readonly type: 'lookup'; readonly projection: Projection; readonly arm: Arm; readonly lookup: Lookup }
  | {
      readonly type: 'fold'
      readonly projection: Projection
      readonly arm: Arm
      readonly fold: Extract<Expr, { op: 'fold' }>
    }

/** Scopes to be written again, page by page. */
export interface RoutedScopes {
  readonly projection: Projection
  readonly scopes: readonly Scope[]
}

/** Scopes a routing query yields at a time: a renamed service touches every appointment that shows its name. */
const PAGE = 2000

export class Router {
  readonly #compiler: Compiler
  readonly #routes = new Map<string, Route[]>()
  readonly #columns: ReadonlyMap<string, readonly string[]>

  constructor(plan: Plan, side: Side, compiler: Compiler) {
    this.#compiler = compiler
    this.#columns = new Map(captureTables(plan, side).map(({ table, columns }) => [table, columns]))
    const add = (table: string, route: Route): void => {
      this.#routes.set(table, [...(this.#routes.get(table) ?? []), route])
    }
    for (const projection of projectionsFrom(plan, side))
      for (const arm of projection.arms) {
        // Several arms over one table with one scope (sources and born rows of a merge) need one route.
        const isKnown = (this.#routes.get(arm.driving) ?? []).some(
          (route) => route.type === 'driving' && route.projection === projection,
        )
        if (!isKnown) add(arm.driving, { type: 'driving', projection, arm })
        for (const lookup of arm.lookups) add(lookup.table, { type: 'lookup', projection, arm, lookup })
        for (const fold of foldsOf(arm)) add(fold.fold.from, { type: 'fold', projection, arm, fold })
      }
  }

  /** Projections that read a table, e.g. to write all of them again after a TRUNCATE. */
  readersOf(table: string): Projection[] {
    return [...new Set((this.#routes.get(table) ?? []).map((route) => route.projection))]
  }

  /**
   * Pages of scopes for a batch of changes. `origin` reads what the routing needs as it is now; each page may be applied
   * before the next is read.
   */
  async *route(changes: readonly Change[], origin: Session): AsyncGenerator<RoutedScopes> {
    const byTable = new Map<string, Change[]>()
    for (const change of changes) {
      const list = byTable.get(change.table)
      if (list) list.push(change)
      else byTable.set(change.table, [change])
    }
    const direct = new Map<Projection, Map<string, Scope>>()
    for (const [table, list] of byTable)
      for (const route of this.#routes.get(table) ?? [])
        if (route.type === 'driving') {
          const scopes = direct.get(route.projection) ?? new Map<string, Scope>()
          for (const scope of this.#imagesOf(table, list, route.arm.scope)) scopes.set(JSON.stringify(scope), scope)
          direct.set(route.projection, scopes)
        }
    for (const [projection, scopes] of direct) if (scopes.size > 0) yield { projection, scopes: [...scopes.values()] }
    for (const [table, list] of byTable)
      for (const route of this.#routes.get(table) ?? [])
        if (route.type !== 'driving') yield* this.#byJoin(table, list, route, origin)
  }

  async *#byJoin(
    table: string,
    changes: readonly Change[],
    route: Exclude<Route, { type: 'driving' }>,
    origin: Session,
  ): AsyncGenerator<RoutedScopes> {
    const { projection, arm } = route
    const via = route.type === 'lookup' ? { lookup: route.lookup } : { fold: route.fold }
    const names =
      route.type === 'lookup'
        ? childColumns(route.lookup.on, route.lookup.alias)
        : childColumns(route.fold.fold.by, 'c')
    const distinct = [...new Set(names)]
    const schema = this.#compiler.schema(projection.origin)[table]!
    const images = dedupe(this.#imagesOf(table, changes, distinct))
    const owners = route.type === 'fold' ? directOwners(route.fold.fold.by, arm, distinct) : undefined
    if (owners) {
      // The child names its owner's scope itself: no query is needed.
      const scopes = dedupe(images.map((image) => owners.map((index) => image[index]!)))
      if (scopes.length > 0) yield { projection, scopes }
      return
    }
    for (let start = 0; start < images.length; start += 500) {
      const rows = this.#compiler.dialect(projection.origin).values(
        distinct.map((name) => ({ name, type: schema.columns[name]!.type, place: { table, column: name } })),
        images.slice(start, start + 500),
      )
      let after: Scope | undefined
      for (;;) {
        const found = await origin.query(this.#compiler.routed(projection, arm, via, rows, PAGE, after))
        const scopes = found.map((row) => row.map((value) => (value === null ? null : String(value))))
        if (scopes.length > 0) yield { projection, scopes }
        if (scopes.length < PAGE) break
        after = scopes.at(-1)
      }
    }
  }

  /** The before and after values of some columns; images in which one of them is NULL match nothing. */
  #imagesOf(table: string, changes: readonly Change[], names: readonly string[]): Scope[] {
    const columns = this.#columns.get(table) ?? []
    const places = names.map((name) => columns.indexOf(name))
    return changes.flatMap((change) =>
      [change.before, change.after].flatMap((image) => {
        if (!image) return []
        const values = places.map((place) => image[place] ?? null)
        return values.includes(null) ? [] : [values]
      }),
    )
  }
}

function dedupe(scopes: readonly Scope[]): Scope[] {
  return [...new Map(scopes.map((scope) => [JSON.stringify(scope), scope])).values()]
}

/** For a fold whose pairs are plain child column = scope column: where in the child's values each scope column is. */
function directOwners(
  by: readonly (readonly [Expr, Expr])[],
  arm: Arm,
  names: readonly string[],
): number[] | undefined {
  const places = arm.scope.map((scope) => {
    const pair = by.find(([, owner]) => owner.op === 'column' && owner.alias === 'd' && owner.column === scope)
    return pair && pair[0].op === 'column' ? names.indexOf(pair[0].column) : -1
  })
  return places.length === by.length && places.every((place) => place >= 0) ? places : undefined
}
