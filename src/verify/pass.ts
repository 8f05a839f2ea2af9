/** A verification pass: every projection of one direction, and rows that no projection accounts for. */
import type { MigrationEvent } from '../journal/events.js'
import type { Plan } from '../plan/plan.js'
import { destinationSide, type Projection } from '../plan/projection.js'
import { scanProjection, settleScans, type Scan, type VerifyOptions } from './verifier.js'

export interface PassResult {
  readonly direction: 'forward' | 'reverse'
  readonly chunks: number
  readonly rows: number
  readonly differences: number
  readonly skipped: number
  readonly durationMs: number
  /** Names of projections with standing differences. */
  readonly differing: readonly string[]
}

/** True only for a pass that compared everything and found nothing. */
export const isClean = (pass: PassResult): boolean => pass.differences === 0 && pass.skipped === 0

export async function verifyPass(
  plan: Plan,
  direction: 'forward' | 'reverse',
  options: VerifyOptions & { readonly emit: (event: MigrationEvent) => Promise<void> },
): Promise<PassResult> {
  const startedAt = performance.now()
  const total = { chunks: 0, rows: 0, differences: 0, skipped: 0 }
  const scans: Scan[] = []
  for (const projection of direction === 'forward' ? plan.forward : plan.reverse)
    scans.push(await scanProjection(projection, options))
  const results = await settleScans(scans, options)
  const differing: string[] = []
  for (const [index, result] of results.entries()) {
    const projection = scans[index]!.projection.name
    total.chunks += result.chunks
    total.rows += result.rows
    total.differences += result.differenceCount
    total.skipped += result.skipped
    if (result.differenceCount > 0) differing.push(projection)
    for (const { key, kind, columns } of result.differences.slice(0, 10))
      await options.emit({ type: 'difference', projection, key, kind, columns })
    const { chunks, rows, differenceCount: differences, skipped } = result
    await options.emit({ type: 'verified', projection, chunks, rows, differences, skipped })
  }
  if (direction === 'forward') total.differences += await countStrays(plan.forward, options)
  const result = { direction, ...total, durationMs: Math.round(performance.now() - startedAt) }
  await options.emit({ type: 'pass-done', ...result })
  return { ...result, differing }
}

/** Green rows that belong to no projection: their keys lie in nobody's band. */
async function countStrays(
  projections: readonly Projection[],
  options: VerifyOptions & { readonly emit: (event: MigrationEvent) => Promise<void> },
): Promise<number> {
  let strays = 0
  for (const table of new Set(projections.map((projection) => projection.destination))) {
    const feeding = projections.filter((projection) => projection.destination === table)
    if (feeding.every((projection) => !projection.member?.filter)) continue
    const found = Number((await options.destination.query(options.compiler.countStrays(feeding)))[0]?.[0] ?? 0)
    if (found > 0)
      await options.emit({
        type: 'note',
        message: `${found} rows of ${destinationSide(feeding[0]!)} "${table}" belong to no blue table`,
      })
    strays += found
  }
  return strays
}
