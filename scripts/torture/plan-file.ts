/** The shop's plan with the limits of a round. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Draw } from './draw.js'

const SHOP = fileURLToPath(new URL('../../test/fixtures/plans/shop.ts', import.meta.url))

/** Short, so that a run after a crash need not wait long for it. */
export const LEASE_MS = 2000

/** @returns the path of the file. */
export function writePlan(folder: string, { holdBudgetMs, soakMs }: Draw): string {
  const limits = { leaseMs: LEASE_MS, soakMs, holdBudgetMs, switchPauseMs: 300, chunkTargetMs: 100 }
  const path = join(folder, 'plan.ts')
  writeFileSync(
    path,
    `import { definePlan } from 'crossfade'
import shop from ${JSON.stringify(SHOP)}
export default definePlan({ ...shop.input, limits: ${JSON.stringify(limits)} })
`,
  )
  return path
}
