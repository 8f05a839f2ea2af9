/**
 * Compares one projection with its destination, chunk by chunk: digests first, rows where digests differ, and again after sync
 * has caught up, so that a row in flight never counts and a standing difference always does.
 */
import type { Session } from '../engines/engine.js'
import { EVERYTHING, type Compiler, type Part, type RowSelection, type Scope } from '../plan/compile.js'
import type { RawRow } from '../engines/sql.js'
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
  /** Chunks in which a row kept changing during every look: not verified. */
  readonly skipped: number
}

const DEFAULT_CHUNK_ROWS = 20_000
/** Looks at the rows that differed before those that still move leave their chunk unverified. */
const LOOKS = 20
const ROWS_PER_BUCKET = 200
const KEYS_PER_LOOK = 200
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
  const { compiler, origin, destination, signal } = options
  const [left, right] = await Promise.all([
    origin.query(compiler.digestOrigin(projection, part)),
    destination.query(compiler.digestDestination(projection, part)),
  ])
  const rows = Number(left[0]?.[0] ?? 0)
  if (isSame(left[0], right[0])) return { rows, differences: [], isSkipped: false }
  let found = await drillDown(projection, part, Math.max(rows, Number(right[0]?.[0] ?? 0)), options)
  if (!options.settle) return { rows, differences: found, isSkipped: false }
  // Every other row was seen equal; only these are looked at again, so that rows written all the time cannot keep the chunk open.
  for (let look = 1; look <= LOOKS && found.length > 0; look += 1) {
    signal.throwIfAborted()
    await options.settle()
    const before = new Map(found.map((difference) => [JSON.stringify(difference.key), difference.fingerprint]))
    found = await lookAtKeys(projection, part, found, options)
    // Unchanged on both sides over a catch-up of sync: nothing in flight can explain it.
    const standing = found.filter(({ key, fingerprint }) => before.get(JSON.stringify(key)) === fingerprint)
    if (standing.length > 0 && standing.length === found.length)
      return { rows, differences: standing, isSkipped: false }
    if (look === LOOKS && found.length > 0) return { rows, differences: standing, isSkipped: true }
  }
  return { rows, differences: [], isSkipped: false }
}

const isSame = (left: RawRow | undefined, right: RawRow | undefined): boolean =>
  String(left?.[0]) === String(right?.[0]) && String(left?.[1]) === String(right?.[1])

/** From a chunk that differs to its rows: by buckets of the key, so that few rows leave the servers. */
async function drillDown(
  projection: Projection,
  part: Part,
  rows: number,
  { compiler, origin, destination }: VerifyOptions,
): Promise<Difference[]> {
  const of = Math.ceil(rows / ROWS_PER_BUCKET)
  let selection: RowSelection | undefined
  if (of > 1) {
    const [left, right] = await Promise.all([
      origin.query(compiler.bucketsOrigin(projection, part, of)),
      destination.query(compiler.bucketsDestination(projection, part, of)),
    ])
    const arrived = new Map(right.map(([bucket, ...digest]) => [String(bucket), digest]))
    const known = new Set(left.map(([bucket]) => String(bucket)))
    const differing = [
      ...left.filter(([bucket, ...digest]) => !isSame(digest, arrived.get(String(bucket)))),
      ...right.filter(([bucket]) => !known.has(String(bucket))),
    ]
    if (differing.length === 0) return []
    selection = { type: 'buckets', of, buckets: differing.map(([bucket]) => Number(bucket)) }
  }
  const [left, right] = await Promise.all([
    origin.query(compiler.canonicalOrigin(projection, part, selection)),
    destination.query(compiler.canonicalDestination(projection, part, selection)),
  ])
  return compareRows(left, right, compiler.canonicalColumns(projection), projection.key.length)
}

async function lookAtKeys(
  projection: Projection,
  part: Part,
  found: readonly Difference[],
  { compiler, origin, destination }: VerifyOptions,
): Promise<Difference[]> {
  const wanted = new Set(found.map(({ key }) => JSON.stringify(key)))
  const still: Difference[] = []
  for (let start = 0; start < found.length; start += KEYS_PER_LOOK) {
    const selection = { type: 'keys', keys: found.slice(start, start + KEYS_PER_LOOK).map(({ key }) => key) } as const
    const [left, right] = await Promise.all([
      origin.query(compiler.canonicalOrigin(projection, part, selection)),
      destination.query(compiler.canonicalDestination(projection, part, selection)),
    ])
    still.push(...compareRows(left, right, compiler.canonicalColumns(projection), projection.key.length))
  }
  // A collation may find more keys than were asked for.
  return still.filter(({ key }) => wanted.has(JSON.stringify(key)))
}
