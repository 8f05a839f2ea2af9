/** The library entry `crossfade`: the plan language, and the machine for programs that run a migration themselves. */
export * from './plan/language.js'
export { loadPlan, type LoadedPlan } from './plan/load.js'
export type { Plan } from './plan/plan.js'
export { runMigration } from './machine/migration.js'
export type { RunOptions, RunResult } from './machine/run-options.js'
export { createMigrationMachine, TRANSITIONS } from './machine/machine.js'
export { CrossfadeError, ERRORS, type ErrorCode } from './engines/errors.js'
