/** The work of each phase by its name. */
import type { Phase } from '../../journal/events.js'
import { backup } from './backup.js'
import { parallelSchema } from './parallel-schema.js'
import { dualWriteSync } from './dual-write-sync.js'
import { cutover } from './cutover.js'
import { validate } from './validate.js'
import { complete } from './complete.js'
import { rollback } from './rollback.js'
import { abort } from './abort.js'
import type { MigrationContext, PhaseResult } from '../context.js'

const WORK: Readonly<Record<Phase | 'aborting', (context: MigrationContext) => Promise<PhaseResult>>> = {
  backup,
  'parallel-schema': parallelSchema,
  'dual-write-sync': dualWriteSync,
  cutover,
  validate,
  complete,
  rollback,
  aborting: abort,
}

export function runPhaseWork(phase: Phase | 'aborting', context: MigrationContext): Promise<PhaseResult> {
  return WORK[phase](context)
}
