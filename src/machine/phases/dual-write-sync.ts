/** Capture on blue first, then the copy with sync beside it, then catch-up, indexes and a first verification; then steady until the switch is approved. */
import { backfill } from '../../sync/backfill.js'
import { captureTables } from '../../sync/routes.js'
import type { Writer } from '../../sync/apply.js'
import type { MigrationContext, PhaseResult } from '../context.js'
import { crashPoint } from '../crash-point.js'
import { makeThrottle } from '../throttling.js'
import { isClean, proveForward, proveRoundTrip, readProof } from '../proofs.js'
import { until } from '../waiting.js'

/** Between two passes in the steady state: the age stays well inside the limit of the switch. */
const REVERIFY_SHARE = 0.5

export async function dualWriteSync(context: MigrationContext): Promise<PhaseResult> {
  const { plan, blue, green, journal, runEpoch, signal } = context
  if (context.refusal && context.exitWhenWaiting)
    return { type: 'stopped', outcome: 'refused', reason: context.refusal }
  await blue.capture.install(captureTables(plan, 'blue'), {
    signal,
    onWait: (table, blockers) =>
      void context.emit({
        type: 'waiting',
        for: 'sessions',
        why: `table "${table}" is locked by ${blockers.join(', ')}`,
        next: 'end those sessions or wait',
      }),
  })
  const loop = context.loops.from('blue')
  loop.start()
  await copyAll(context)
  if (!(await journal.readProgress('indexes'))) {
    await createIndexes(context)
    await journal.writeProgress(runEpoch, 'indexes', { isDone: true })
  }
  // Behind the foreign keys, because capture must know every cascade; long before the switch, because the first write on green must
  // already be on its way back.
  await green.capture.install(captureTables(plan, 'green'), { signal })
  await loop.settle(signal)
  for (const [name, prove] of [
    ['verification', proveForward],
    ['the way back', proveRoundTrip],
  ] as const) {
    const pass = await prove(context)
    if (isClean(pass)) continue
    const found = `${pass.differences} differences, ${pass.skipped} chunks not compared`
    return { type: 'stopped', outcome: 'refused', reason: `${name}: ${found}; nothing was switched` }
  }
  return steady(context)
}

async function copyAll(context: MigrationContext): Promise<void> {
  const { plan, blue, green, compiler, journal, locks, runEpoch, signal } = context
  const origin = await blue.connect('copy')
  const destination = await green.connect('copy')
  const scout = await blue.connect('copy')
  try {
    const writer: Writer = { origin, destination, tools: green, compiler, runEpoch }
    await using throttle = await makeThrottle(context)
    for (const projection of plan.forward)
      await backfill(projection, {
        writer,
        scout,
        journal,
        locks,
        chunkTargetMs: plan.limits.chunkTargetMs,
        isPushedDown: context.isPushedDown,
        throttle: throttle.wait,
        signal,
        onChunk: (which, progress, rowsPerSecond) => {
          const event = {
            type: 'copied',
            projection: which.name,
            rows: progress.rows,
            estimatedRows: progress.estimatedRows,
            rowsPerSecond: Math.round(rowsPerSecond),
            isDone: progress.isDone,
          } as const
          if (progress.isDone) void context.emit(event)
          else context.show(event)
          crashPoint('copy')
        },
      })
  } finally {
    await Promise.allSettled([origin.close(), destination.close(), scout.close()])
  }
}

/** Sync waits for each statement: a foreign key locks two tables, and a batch that has one of them would deadlock with it. */
async function createIndexes({ plan, green, locks, signal }: MigrationContext): Promise<void> {
  await using session = await green.connect('schema')
  for (const statement of green.schema.createIndexes(plan.green)) {
    signal.throwIfAborted()
    await locks.with(Object.keys(plan.green), () => session.execute(statement))
  }
}

/** Sync and verification go on until somebody approves the switch. */
async function steady(context: MigrationContext): Promise<PhaseResult> {
  const { plan, journal, runEpoch, signal } = context
  if (context.approve) await journal.update(runEpoch, { isSwitchApproved: true })
  if (context.until === 'dual-write-sync')
    return { type: 'stopped', outcome: 'until-reached', reason: 'copied, verified and in sync' }
  let told: string | undefined
  for (;;) {
    signal.throwIfAborted()
    const state = await context.state()
    if (state.isSwitchApproved && !state.isPaused) return { type: 'done' }
    const why = state.isPaused
      ? 'paused by the operator'
      : context.refusal
        ? `the switch was refused: ${context.refusal}`
        : 'both sides are in sync and verified; the switch needs approval'
    const next = state.isPaused ? 'crossfade resume' : 'crossfade cutover'
    if (why !== told) await context.emit({ type: 'waiting', for: state.isPaused ? 'resume' : 'approval', why, next })
    told = why
    if (context.exitWhenWaiting) return { type: 'stopped', outcome: 'waiting', reason: why }
    const proof = await readProof(context)
    if (!proof || proof.ageMs > plan.limits.maxVerificationAgeMs * REVERIFY_SHARE) await proveForward(context)
    await until(
      async () => {
        const now = await context.state()
        return now.isSwitchApproved !== state.isSwitchApproved || now.isPaused !== state.isPaused
      },
      { signal, timeoutMs: 5000, everyMs: 200 },
    )
  }
}
