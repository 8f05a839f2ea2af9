/**
 * What the switch verifies: before the hold most of what was written since the last pass, behind the fence the little that is left,
 * exactly, and row counts as far as time goes.
 */
import { CrossfadeError } from '../engines/errors.js'
import type { Side } from '../engines/engine.js'
import { verifyScopes, type ScopeResult, type SessionPair } from '../verify/verify-scopes.js'
import { otherSide, sideOf, type MigrationContext } from './context.js'
import { compareCounts, proveCounts, usualCountMs } from './proofs.js'

/** Comparisons at once: behind the fence every millisecond is one in which clients wait. */
const PAIRS = 2
/** So few are compared behind the fence in a few round trips. */
const FEW_SCOPES = 100
/** Looks before the hold. What is written all the time is left to the fence. */
const ROUNDS = 5
/** A difference that looks the same this often, with sync caught up in between, is none in flight. */
const STANDING_LOOKS = 3
/** Share of the budget for counts. All were equal at an exact moment shortly before; those that are quick are taken again. */
const COUNT_SHARE = 0.02

export interface FenceProof extends AsyncDisposable {
  /** @throws {CrossfadeError} VERIFICATION_FAILED when something stands different. */
  before(signal: AbortSignal): Promise<void>
  /** Nothing is in flight: the first difference is final. @throws {CrossfadeError} VERIFICATION_FAILED */
  behind(budgetMs: number, signal: AbortSignal): Promise<void>
}

/** Opens its sessions at once, so that none is opened behind the fence. */
export async function openFenceProof(context: MigrationContext, origin: Side): Promise<FenceProof> {
  const { plan, compiler } = context
  const loop = context.loops.from(origin)
  const { touched } = loop
  const projections = origin === 'blue' ? plan.forward : plan.reverse
  const pairs: SessionPair[] = []
  for (let index = 0; index < PAIRS; index += 1)
    pairs.push({
      origin: await sideOf(context, origin).connect('verify'),
      destination: await sideOf(context, otherSide(origin)).connect('verify'),
    })
  const look = async (signal: AbortSignal): Promise<ScopeResult[]> => {
    const { differing } = await verifyScopes(compiler, touched.take(), pairs, signal)
    for (const { projection, scopes } of differing) touched.add(projection, scopes)
    return differing
  }
  return {
    async before(signal) {
      // What nobody has counted in this run, e.g. in a way back that another process begins.
      const uncounted = projections.filter((projection) => usualCountMs(projection) === undefined)
      const counted = uncounted.length > 0 ? await proveCounts(context, origin, uncounted) : []
      if (counted.length > 0) throw new CrossfadeError('VERIFICATION_FAILED', counted.join('; '))
      const looks = new Map<string, number>()
      for (let round = 1; round <= ROUNDS && touched.size > (round === 1 ? 0 : FEW_SCOPES); round += 1) {
        await loop.settle(signal)
        for (const result of await look(signal))
          for (const { key, fingerprint } of result.differences) {
            const id = JSON.stringify([result.projection.name, key, fingerprint])
            looks.set(id, (looks.get(id) ?? 0) + 1)
            if (looks.get(id) === STANDING_LOOKS) throw differs([result])
          }
      }
    },
    async behind(budgetMs, signal) {
      const differing = await look(signal)
      if (differing.length > 0) throw differs(differing)
      let leftMs = budgetMs * COUNT_SHARE
      for (const projection of projections) {
        const usualMs = usualCountMs(projection)
        if (usualMs === undefined || usualMs > leftMs) continue
        leftMs -= usualMs
        const [counted] = await compareCounts(compiler, projection, origin, pairs[0]!)
        if (counted) throw new CrossfadeError('VERIFICATION_FAILED', `behind the fence ${counted}`)
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(pairs.flatMap((pair) => [pair.origin.close(), pair.destination.close()]))
    },
  }
}

function differs(results: readonly ScopeResult[]): CrossfadeError {
  const places = results.flatMap(({ projection, differences }) =>
    differences.slice(0, 3).map(({ key, kind, columns }) => {
      const where = columns.length > 0 ? ` in ${columns.join(', ')}` : ''
      return `"${projection.name}" key (${key.map((part) => part ?? 'NULL').join(', ')}) is ${kind}${where}`
    }),
  )
  return new CrossfadeError('VERIFICATION_FAILED', `both sides differ: ${places.slice(0, 5).join('; ')}`)
}
