/** The plan language: what a plan file imports as `crossfade`. */
export * from './build.js'
export { definePlan, interleave, keep, uuidOf } from './define.js'
export type * from './define.js'
export type * from './schema.js'
export type { Expr, KeyFunction } from './expression.js'
