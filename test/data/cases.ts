/** One kind of column: what the plan calls it, what the server calls it, and the values that hurt. */
import type fc from 'fast-check'
import type { ColumnType } from '../../src/plan/schema.js'

/** A value as SQL text of the engine, as an application would write it. */
export type Literal = string

export interface ColumnCase {
  /** Of its tables. */
  readonly name: string
  readonly type: ColumnType
  /** The column on blue, in the server's words. */
  readonly server: string
  readonly values: readonly Literal[]
  readonly generated?: fc.Arbitrary<Literal>
  /** Two values that are as near to each other as can be and yet not equal: verification must tell them apart. */
  readonly near: readonly (readonly [Literal, Literal])[]
  /** Two ways to write one value: verification must not tell them apart. */
  readonly alike?: readonly (readonly [Literal, Literal])[]
  /** The value as text of which two are equal only where they are the same to the last bit. `v` is the column. */
  readonly exact?: string
  /** The same of a value that was in JSON, where that has fewer ways to write it. Default `exact`. */
  readonly exactInJson?: string
  /** The table is keyed by the column too. Its values are then distinct. */
  readonly isKey?: boolean
  /** Keys where blue takes different texts for one key and green does not: these are different for both. Default `values`. */
  readonly keys?: { readonly values: readonly Literal[]; readonly generated: fc.Arbitrary<Literal> }
  /** It cannot be a member of JSON, or comes back from it as another value: the reason. */
  readonly notInJson?: string
}
