/** The plan of a round: one that is there, with limits of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Draw, Subject } from './draw.js'

const PLANS: Readonly<Record<Subject, string>> = {
  shop: fileURLToPath(new URL('../../test/fixtures/plans/shop.ts', import.meta.url)),
  appointments: fileURLToPath(new URL('../../plans/appointments/plan.ts', import.meta.url)),
}

/** Short, so that a run after a crash need not wait long for it. */
export const LEASE_MS = 2000

/** @returns the path of the file. */
export function writePlan(folder: string, { subject, holdBudgetMs, soakMs }: Draw): string {
  const limits = { leaseMs: LEASE_MS, soakMs, holdBudgetMs, switchPauseMs: 300, chunkTargetMs: 100 }
  const path = join(folder, 'plan.ts')
  writeFileSync(
    path,
    `import { definePlan } from 'crossfade'
import plan from ${JSON.stringify(PLANS[subject])}
export default definePlan({ ...plan.input, limits: ${JSON.stringify(limits)} })
`,
  )
  return path
}
