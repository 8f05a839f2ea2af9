/**
 * Column expressions of a plan: plain data, rendered to SQL by each engine's dialect. Nothing here knows an engine.
 */
import type { ColumnType } from './schema.js'

/** How a key of one table becomes a key of another. All are monotone and invertible within their band. */
export type KeyFunction =
  /** The key stays as it is. */
  | { readonly type: 'keep' }
  /** `base + key * slots + slot`, below the birth line; keys from the birth line on stay as they are. */
  | {
      readonly type: 'interleave'
      readonly base: string
      readonly birthLine: string
      readonly slots: number
      readonly slot: number
    }
  /** A UUID that holds the integer key in its last 12 hexadecimal digits, `space` (8 hex digits) in front. */
  | { readonly type: 'uuid'; readonly space: string; readonly birthLine: string }

/** SQL of one engine with `{name}` where an input goes. `mysql` serves MariaDB too unless `mariadb` is given. */
export interface RawSql {
  readonly postgres: string
  readonly mysql: string
  readonly mariadb?: string
}

export type Expr =
  /** A column of the relation `alias`. The driving row has the alias `d`, the element of an unnested array `e`. */
  | { readonly op: 'column'; readonly alias: string; readonly column: string; readonly type?: ColumnType }
  | { readonly op: 'literal'; readonly value: string | number | boolean | null }
  /** The first that is not NULL. */
  | { readonly op: 'coalesce'; readonly args: readonly Expr[] }
  | {
      readonly op: 'case'
      readonly branches: readonly { readonly when: Expr; readonly then: Expr }[]
      readonly otherwise: Expr
    }
  /** Value table on text: each key becomes its value; what is not listed stays (`keep`) or becomes `otherwise`. */
  | {
      readonly op: 'valueTable'
      readonly input: Expr
      readonly table: Readonly<Record<string, string>>
      readonly otherwise: 'keep' | { readonly value: string | null }
    }
  /** Texts joined; NULL counts as the empty text. */
  | { readonly op: 'concat'; readonly args: readonly Expr[] }
  /** To another type, or NULL where that would not be exact (text `12x` as bigint). NULL stays NULL. */
  | { readonly op: 'cast'; readonly input: Expr; readonly to: ColumnType }
  /** A JSON object. `types` says how each member is written and read back; JSON columns are embedded as they are. */
  | {
      readonly op: 'jsonObject'
      readonly members: Readonly<Record<string, { readonly value: Expr; readonly type: ColumnType }>>
    }
  /** Text as JSON: itself where it is valid JSON, else a JSON string of it. NULL stays NULL. */
  | { readonly op: 'jsonFromText'; readonly input: Expr }
  /** The way back of `jsonFromText`: objects and arrays as their JSON text, strings without quotes. NULL stays NULL. */
  | { readonly op: 'jsonToText'; readonly input: Expr }
  /** The member at `path` of a JSON value, as `type`; NULL where it is missing or JSON null. */
  | { readonly op: 'jsonGet'; readonly input: Expr; readonly path: readonly string[]; readonly type: ColumnType }
  | {
      readonly op: 'arithmetic'
      readonly operator: '+' | '-' | '*' | '/'
      readonly left: Expr
      readonly right: Expr
      readonly type: ColumnType
    }
  | { readonly op: 'key'; readonly key: KeyFunction; readonly input: Expr }
  /** The key before the key function: the way back. */
  | { readonly op: 'unkey'; readonly key: KeyFunction; readonly input: Expr }
  | {
      readonly op: 'compare'
      readonly operator: '=' | '<>' | '<' | '<=' | '>' | '>='
      readonly left: Expr
      readonly right: Expr
    }
  /** NULL-safe equality: true or false, never NULL. */
  | { readonly op: 'same'; readonly left: Expr; readonly right: Expr }
  | { readonly op: 'isNull'; readonly input: Expr }
  | { readonly op: 'and' | 'or'; readonly args: readonly Expr[] }
  /** NOT with two-valued logic: true where `input` is false or NULL. */
  | { readonly op: 'not'; readonly input: Expr }
  /** Rows of a child table folded into one JSON value. Only in columns of a projection. */
  | { readonly op: 'fold'; readonly fold: FoldExpr }
  | {
      readonly op: 'raw'
      readonly sql: RawSql
      readonly inputs: Readonly<Record<string, Expr>>
      readonly type: ColumnType
    }

/** Child rows `c` whose `by` pairs hold, as one JSON value. */
export interface FoldExpr {
  readonly from: string
  /** Pairs [expression over the child `c`, expression over the driving row and its lookups], all equal. */
  readonly by: readonly (readonly [child: Expr, owner: Expr])[]
  /** Further condition over the child. */
  readonly where?: Expr
  /** `object`: the latest row as one JSON object, by `orderBy` last; `array`: all; `map`: by the text of `mapKey`. */
  readonly shape: 'object' | 'array' | 'map'
  readonly orderBy: readonly Expr[]
  readonly mapKey?: Expr
  /** Members of each element, over the child `c`. */
  readonly element: Extract<Expr, { op: 'jsonObject' }>
}

/** All columns an expression reads, as `alias.column`. */
export function columnsRead(expr: Expr): { alias: string; column: string }[] {
  const found: { alias: string; column: string }[] = []
  visit(expr, (node) => {
    if (node.op === 'column') found.push({ alias: node.alias, column: node.column })
  })
  return found
}

/** Calls `see` for the expression and everything below it, also inside folds. */
export function visit(expr: Expr, see: (node: Expr) => void): void {
  see(expr)
  for (const child of childrenOf(expr)) visit(child, see)
}

/** The direct parts of an expression. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.op) {
    case 'column':
    case 'literal':
      return []
    case 'coalesce':
    case 'concat':
    case 'and':
    case 'or':
      return expr.args
    case 'case':
      return [...expr.branches.flatMap((branch) => [branch.when, branch.then]), expr.otherwise]
    case 'valueTable':
    case 'cast':
    case 'jsonFromText':
    case 'jsonToText':
    case 'jsonGet':
    case 'key':
    case 'unkey':
    case 'isNull':
    case 'not':
      return [expr.input]
    case 'jsonObject':
      return Object.values(expr.members).map((member) => member.value)
    case 'arithmetic':
    case 'compare':
    case 'same':
      return [expr.left, expr.right]
    case 'fold':
      return [
        ...expr.fold.by.flatMap(([child, owner]) => [child, owner]),
        ...(expr.fold.where ? [expr.fold.where] : []),
        ...expr.fold.orderBy,
        ...(expr.fold.mapKey ? [expr.fold.mapKey] : []),
        expr.fold.element,
      ]
    case 'raw':
      return Object.values(expr.inputs)
  }
}
