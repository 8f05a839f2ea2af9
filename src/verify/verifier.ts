/**
 * Compares one projection with its destination, chunk by chunk: digests first, rows where digests differ, and again after sync
 * has caught up, so that a row in flight never counts and a standing difference always does.
 */
import type { Session } from '../engines/engine.js'
import { EVERYTHING, type Compiler, type Part, type Scope } from '../plan/compile.js'
import type { Projection } from '../plan/projection.js'
import { asText } from '../sync/apply.js'
import { compareRows, type Difference } from './compare-rows.js'

export interface VerifyOptions {
  readonly compiler: Compiler
  readonly origin: Session
  readonly destination: Session
  /** Driving rows per chunk. Default 20000. */
  readonly chunkRows?: number
  /**
   * Waits until every change committed so far has reached the destination. Undefined behind a fence, where nothing is in flight and
   * a first look is final.
   */
  readonly settle?: (() => Promise<void>) | undefined
  readonly signal: AbortSignal
}

export interface VerifyResult {
  readonly chunks: number
  readonly rows: number
  /** Standing differences, at most {@link LISTED} of them. */
  readonly differences: readonly Difference[]
  readonly differenceCount: number
  /** Chunks in which rows kept changing during every look: not verified. */
  readonly skipped: number
}

const DEFAULT_CHUNK_ROWS = 20_000
/** Looks at a differing chunk before its moving rows count as skipped. */
const LOOKS = 8
const LISTED = 100

export async function verifyProjection(projection: Projection, options: VerifyOptions): Promise<VerifyResult> {
  const total = { chunks: 0, rows: 0, differenceCount: 0, skipped: 0 }
  const differences: Difference[] = []
  for await (const part of partsOf(projection, options)) {
    options.signal.throwIfAborted()
    const chunk = await verifyPart(projection, part, options)
    total.chunks += 1
    total.rows += chunk.rows
    total.differenceCount += chunk.differences.length
    total.skipped += chunk.isSkipped ? 1 : 0
    differences.push(...chunk.differences.slice(0, LISTED - differences.length))
  }
  return { ...total, differences }
}

/** The whole of a projection in ranges that meet: the first without a lower, the last without an upper bound. */
async function* partsOf(projection: Projection, options: VerifyOptions): AsyncGenerator<Part> {
  if (!options.compiler.isRangeable(projection)) {
    yield EVERYTHING
    return
  }
  const rows = options.chunkRows ?? DEFAULT_CHUNK_ROWS
  let after: Scope | undefined
  for (;;) {
    const found: Scope | undefined = (
      await options.origin.query(options.compiler.scopeAfter(projection, after, undefined, rows))
    )[0]?.map(asText)
    yield { type: 'range', after, upTo: found }
    if (!found) return
    after = found
  }
}

interface PartResult {
  readonly rows: number
  readonly differences: readonly Difference[]
  readonly isSkipped: boolean
}

async function verifyPart(projection: Projection, part: Part, options: VerifyOptions): Promise<PartResult> {
  const { compiler, origin, destination } = options
  const [left, right] = await Promise.all([
    origin.query(compiler.digestOrigin(projection, part)),
    destination.query(compiler.digestDestination(projection, part)),
  ])
  const rows = Number(left[0]?.[0] ?? 0)
  if (String(left[0]?.[0]) === String(right[0]?.[0]) && String(left[0]?.[1]) === String(right[0]?.[1]))
    return { rows, differences: [], isSkipped: false }
  let before: Map<string, Difference> | undefined
  for (let look = 1; look <= LOOKS; look += 1) {
    options.signal.throwIfAborted()
    await options.settle?.()
    const found = await lookAtRows(projection, part, compiler, origin, destination)
    if (found.length === 0 || !options.settle) return { rows, differences: found, isSkipped: false }
    const now = new Map(found.map((difference) => [JSON.stringify(difference.key), difference]))
    // Unchanged on both sides over a catch-up of sync: nothing in flight can explain it.
    const standing = before
      ? found.filter(
          (difference) => before!.get(JSON.stringify(difference.key))?.fingerprint === difference.fingerprint,
        )
      : []
    if (before && standing.length === found.length) return { rows, differences: standing, isSkipped: false }
    if (standing.length > 0 && look === LOOKS) return { rows, differences: standing, isSkipped: true }
    before = now
  }
  return { rows, differences: [], isSkipped: true }
}

async function lookAtRows(
  projection: Projection,
  part: Part,
  compiler: Compiler,
  origin: Session,
  destination: Session,
): Promise<Difference[]> {
  const [left, right] = await Promise.all([
    origin.query(compiler.canonicalOrigin(projection, part)),
    destination.query(compiler.canonicalDestination(projection, part)),
  ])
  return compareRows(left, right, compiler.canonicalColumns(projection), projection.key.length)
}
