/** The library entry `crossfade`: the plan language. */
export * from './plan/build.js'
export { definePlan, interleave, keep, uuidOf } from './plan/define.js'
export type * from './plan/define.js'
export type * from './plan/schema.js'
export type { Expr, KeyFunction } from './plan/expression.js'
export { CrossfadeError } from './engines/errors.js'
