/** Verification as the phases use it: with the age of the last clean pass in the journal, and the gates that rest on it. */
import { isClean, verifyPass, type PassResult } from '../verify/pass.js'
import type { SessionPair } from '../verify/verify-scopes.js'
import { checkInvariants, runProbes } from '../verify/invariants.js'
import { withConsistentCut } from '../sync/consistent-cut.js'
import { CrossfadeError } from '../engines/errors.js'
import { findingText } from '../plan/live-check.js'
import { checkQuestions } from '../plan/questions.js'
import type { Side } from '../engines/engine.js'
import type { Compiler } from '../plan/compile.js'
import type { Projection } from '../plan/projection.js'
import { otherSide, sideOf, type MigrationContext } from './context.js'

interface StoredProof {
  /** Wall clock of the orchestrator, ms. */
  readonly at: number
  readonly rows: number
  readonly chunks: number
  readonly differences: number
  readonly skipped: number
}

/** Both sides as they were at one moment, while the application writes on `authority`, which is the origin of the pair. */
const atOneMoment = <T>(
  context: MigrationContext,
  authority: Side,
  work: (sessions: SessionPair) => Promise<T>,
): Promise<T> =>
  withConsistentCut(
    context.loops.from(authority),
    sideOf(context, authority),
    sideOf(context, otherSide(authority)),
    context.signal,
    (origin, destination) => work({ origin, destination }),
  )

/** A pass of one direction beside live traffic on `authority`. */
async function pass(context: MigrationContext, direction: 'forward' | 'reverse', authority: Side): Promise<PassResult> {
  const { compiler, plan, signal, emit } = context
  const from = direction === 'forward' ? 'blue' : 'green'
  const [origin, destination] = await Promise.all([
    sideOf(context, from).connect('verify'),
    sideOf(context, otherSide(from)).connect('verify'),
  ])
  try {
    return await verifyPass(plan, direction, {
      compiler,
      origin,
      destination,
      settle: () => context.loops.from(authority).settle(signal),
      atOneMoment: (work) =>
        atOneMoment(context, authority, (pair) =>
          // The round trip reads green while blue has the authority.
          work(from === authority ? pair : { origin: pair.destination, destination: pair.origin }),
        ),
      signal,
      emit,
    })
  } finally {
    await Promise.allSettled([origin.close(), destination.close()])
  }
}

/** A forward pass beside live traffic. Only a clean one renews the proof; a failed one blocks the switch until a clean pass. */
export async function proveForward(context: MigrationContext): Promise<PassResult> {
  const loop = context.loops.from('blue')
  // What the copy has left queued would read as differences, each to be looked at again.
  await loop.settle(context.signal)
  const at = Date.now()
  // What is written from here on is either seen by the pass or looked at afterwards.
  loop.touched.clear()
  const result = await pass(context, 'forward', 'blue')
  await store(context, 'proof:forward', at, result)
  return result
}

/** A pass of the way back beside live traffic on green. */
export async function proveReverse(context: MigrationContext): Promise<PassResult> {
  context.loops.from('green').touched.clear()
  return pass(context, 'reverse', 'green')
}

/** reverse(forward(blue)) equals blue in every covered column: green is read back through the reverse maps and compared with blue. */
export async function proveRoundTrip(context: MigrationContext): Promise<PassResult> {
  const at = Date.now()
  const result = await pass(context, 'reverse', 'blue')
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

/** A proof of a moment that is still to come says nothing about its age: the clock was put back. */
export const ageOf = (atMs: number, nowMs: number): number => (atMs > nowMs ? Number.POSITIVE_INFINITY : nowMs - atMs)

/** The last forward pass, if it was clean. */
export async function readProof(
  context: MigrationContext,
  name: 'proof:forward' | 'proof:round-trip' = 'proof:forward',
): Promise<{ ageMs: number } | undefined> {
  const stored = (await context.journal.readProgress(name)) as StoredProof | undefined
  if (!stored || stored.differences > 0 || stored.skipped > 0) return undefined
  return { ageMs: ageOf(stored.at, Date.now()) }
}

/** @throws {CrossfadeError} REFUSED with every invariant and probe that a side cannot be asked: behind the switch it would fail the validation. */
export async function requirePossibleQuestions(context: MigrationContext, side: Side): Promise<void> {
  await using session = await sideOf(context, side).connect('check')
  const impossible = await checkQuestions(context.plan, side, session)
  if (impossible.length > 0) throw new CrossfadeError('REFUSED', impossible.map(findingText).join('\n'))
}

export interface MomentOptions {
  /** Probes as well: their answers must be equal, their times are told. Default false. */
  readonly hasProbes?: boolean
}

/**
 * Invariants and row counts over one exact moment of both sides while the application writes on `authority`. The counts notice what
 * capture did not: a change that nobody logged touches no scope.
 */
export async function proveMoment(
  context: MigrationContext,
  authority: Side,
  { hasProbes = false }: MomentOptions = {},
): Promise<{ failed: string[] }> {
  const { plan, compiler, emit } = context
  return atOneMoment(context, authority, async (sessions) => {
    const { origin, destination } = sessions
    const [blue, green] = authority === 'blue' ? [origin, destination] : [destination, origin]
    const failed: string[] = []
    for (const result of await checkInvariants(plan.invariants, blue, green)) {
      await emit(result)
      if (!result.isEqual) failed.push(`${result.name} (${result.detail ?? 'differs'})`)
    }
    for (const projection of authority === 'blue' ? plan.forward : plan.reverse)
      failed.push(...(await compareCounts(compiler, projection, authority, sessions)))
    if (hasProbes)
      for (const probe of await runProbes(plan.probes, blue, green)) {
        await emit(probe)
        if (probe.isEqual === false) failed.push(`the answers of probe "${probe.name}" differ`)
      }
    return { failed }
  })
}

/** Row counts of some projections over one exact moment. @returns what differs. */
export async function proveCounts(
  context: MigrationContext,
  authority: Side,
  projections: readonly Projection[],
): Promise<string[]> {
  return atOneMoment(context, authority, async (sessions) => {
    const failed: string[] = []
    for (const projection of projections)
      failed.push(...(await compareCounts(context.compiler, projection, authority, sessions)))
    return failed
  })
}

const countTimes = new WeakMap<Projection, number>()

/** How long the last count of it took, when there was one in this run. */
export const usualCountMs = (projection: Projection): number | undefined => countTimes.get(projection)

/** Rows that a projection gives, and those that are there. @returns nothing, or in what they differ. */
export async function compareCounts(
  compiler: Compiler,
  projection: Projection,
  authority: Side,
  { origin, destination }: SessionPair,
): Promise<string[]> {
  const startedAt = performance.now()
  const [left, right] = await Promise.all([
    origin.query(compiler.countOrigin(projection)),
    destination.query(compiler.countDestination(projection)),
  ])
  countTimes.set(projection, performance.now() - startedAt)
  const [there, here] = [String(left[0]?.[0]), String(right[0]?.[0])]
  return there === here ? [] : [`"${projection.name}" has ${there} rows on ${authority} and ${here} on the other side`]
}

export { isClean }
