/** Verification as the phases use it: with the age of the last clean pass in the journal, and the gates that rest on it. */
import type { VerifyOptions } from '../verify/verifier.js'
import { verifyProjection } from '../verify/verifier.js'
import { isClean, verifyPass, type PassResult } from '../verify/pass.js'
import { checkInvariants } from '../verify/invariants.js'
import { withConsistentCut } from '../sync/consistent-cut.js'
import { CrossfadeError } from '../engines/errors.js'
import type { Side } from '../engines/engine.js'
import { otherSide, sideOf, type MigrationContext } from './context.js'

interface StoredProof {
  /** Wall clock of the orchestrator, ms. */
  readonly at: number
  readonly rows: number
  readonly chunks: number
  readonly differences: number
  readonly skipped: number
}

async function withSessions<T>(
  context: MigrationContext,
  origin: Side,
  work: (options: VerifyOptions) => Promise<T>,
): Promise<T> {
  const [left, right] = await Promise.all([
    sideOf(context, origin).connect('verify'),
    sideOf(context, otherSide(origin)).connect('verify'),
  ])
  try {
    return await work({ compiler: context.compiler, origin: left, destination: right, signal: context.signal })
  } finally {
    await Promise.allSettled([left.close(), right.close()])
  }
}

/** A forward pass beside live traffic. Only a clean one renews the proof; a failed one blocks the switch until a clean pass. */
export async function proveForward(context: MigrationContext): Promise<PassResult> {
  const loop = context.loops.from('blue')
  const at = Date.now()
  const result = await withSessions(context, 'blue', (options) =>
    verifyPass(context.plan, 'forward', { ...options, settle: () => loop.settle(context.signal), emit: context.emit }),
  )
  await store(context, 'proof:forward', at, result)
  return result
}

/** reverse(forward(blue)) equals blue in every covered column: green is read back through the reverse maps and compared with blue. */
export async function proveRoundTrip(context: MigrationContext): Promise<PassResult> {
  const loop = context.loops.from('blue')
  const at = Date.now()
  const result = await withSessions(context, 'green', (options) =>
    verifyPass(context.plan, 'reverse', { ...options, settle: () => loop.settle(context.signal), emit: context.emit }),
  )
  await store(context, 'proof:round-trip', at, result)
  return result
}

async function store(context: MigrationContext, name: string, at: number, result: PassResult): Promise<void> {
  await context.journal.writeProgress(context.runEpoch, name, {
    at,
    rows: result.rows,
    chunks: result.chunks,
    differences: result.differences,
    skipped: result.skipped,
  } satisfies StoredProof)
}

/** The last forward pass, if it was clean. */
export async function readProof(
  context: MigrationContext,
  name: 'proof:forward' | 'proof:round-trip' = 'proof:forward',
): Promise<{ ageMs: number } | undefined> {
  const stored = (await context.journal.readProgress(name)) as StoredProof | undefined
  if (!stored || stored.differences > 0 || stored.skipped > 0) return undefined
  return { ageMs: Date.now() - stored.at }
}

/** Invariants over one exact moment of both sides while the application writes on `authority`. */
export async function proveInvariants(context: MigrationContext, authority: Side): Promise<{ failed: string[] }> {
  const { plan, signal } = context
  if (plan.invariants.length === 0) return { failed: [] }
  const results = await withConsistentCut(
    context.loops.from(authority),
    sideOf(context, authority),
    sideOf(context, otherSide(authority)),
    signal,
    (snapshot, other) =>
      authority === 'blue'
        ? checkInvariants(plan.invariants, snapshot, other)
        : checkInvariants(plan.invariants, other, snapshot),
  )
  for (const result of results) await context.emit(result)
  return {
    failed: results
      .filter((result) => !result.isEqual)
      .map((result) => `${result.name} (${result.detail ?? 'differs'})`),
  }
}

/**
 * Behind the fence: row counts of both sides of every projection, as far as the budget goes; small projections first. What was not
 * counted rests on the last pass and on sync.
 * @throws {CrossfadeError} VERIFICATION_FAILED
 */
export async function proveFenced(
  context: MigrationContext,
  origin: Side,
  budgetMs: number,
  signal: AbortSignal,
): Promise<{ compared: number; left: number }> {
  const startedAt = performance.now()
  const projections = origin === 'blue' ? context.plan.forward : context.plan.reverse
  return withSessions(context, origin, async (options) => {
    let compared = 0
    for (const projection of projections) {
      if (performance.now() - startedAt > budgetMs / 2) break
      const [left, right] = await Promise.all([
        options.origin.query(options.compiler.countOrigin(projection)),
        options.destination.query(options.compiler.countDestination(projection)),
      ])
      compared += 1
      if (String(left[0]?.[0]) === String(right[0]?.[0])) continue
      const exact = await verifyProjection(projection, { ...options, signal })
      throw new CrossfadeError(
        'VERIFICATION_FAILED',
        `behind the fence "${projection.name}" has ${String(left[0]?.[0])} rows on ${origin} and ${String(right[0]?.[0])} on the other side (${exact.differenceCount} differences)`,
      )
    }
    return { compared, left: projections.length - compared }
  })
}

export { isClean }
