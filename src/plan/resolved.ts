/** What a plan says of each table, with its callbacks called. */
import type { FoldSpec, MapSpec } from './define.js'
import type { KeyFunction } from './expression.js'
import type { Lookup } from './projection.js'
import type { SchemaSpec } from './schema.js'

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
