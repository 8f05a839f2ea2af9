/**
 * Compares one projection with its destination, chunk by chunk: digests first, rows where digests differ, and again after sync
 * has caught up, so that a row in flight never counts and a standing difference always does.
 */
import { EVERYTHING, type Compiler, type Part, type RowSelection, type Scope } from '../plan/compile.js'
import type { RawRow } from '../engines/sql.js'
import type { Projection } from '../plan/projection.js'
import { asText } from '../sync/apply.js'
import { compareRows, type Difference } from './compare-rows.js'
import type { SessionPair } from './verify-scopes.js'

export interface VerifyOptions extends SessionPair {
  readonly compiler: Compiler
  /** Driving rows per chunk. Default 20000. */
  readonly chunkRows?: number
  /**
   * Waits until every change committed so far has reached the destination. Undefined behind a fence, where nothing is in flight and
   * a first look is final.
   */
  readonly settle?: (() => Promise<void>) | undefined
  /**
   * Runs a comparison over one moment of both sides, where a first look is final: for rows that are written all the time. Undefined
   * where nobody can stop sync; such rows then leave their chunk unverified.
   */
  readonly atOneMoment?: AtOneMoment | undefined
  readonly signal: AbortSignal
}

/** Gives both sides as they were at one moment. The sessions are valid until `work` ends. */
export type AtOneMoment = (work: (sessions: SessionPair) => Promise<void>) => Promise<void>

export interface VerifyResult {
  readonly chunks: number
  readonly rows: number
  /** Standing differences, at most {@link LISTED} of them. */
  readonly differences: readonly Difference[]
  readonly differenceCount: number
  /** Chunks in which a row kept changing during every look, with no exact moment to be had: not verified. */
  readonly skipped: number
}

const DEFAULT_CHUNK_ROWS = 20_000
/** Looks at the rows that differed, before those that still move are compared at one moment or leave their chunk unverified. */
const LOOKS = { withMoment: 5, without: 20 } as const
const ROWS_PER_BUCKET = 200
const KEYS_PER_LOOK = 200
const LISTED = 100

/** Rows of one chunk that differed at the first look: in flight, or wrong. */
interface Suspects {
  readonly part: Part
  readonly rows: readonly Suspect[]
}

interface Suspect {
  readonly difference: Difference
  /** Looks in a row at which nothing about it changed, with a catch-up of sync before each. */
  readonly unchangedLooks: number
}

/** What one look at every chunk of a projection found. */
export interface Scan {
  readonly projection: Projection
  readonly chunks: number
  readonly rows: number
  readonly suspects: readonly Suspects[]
}

/** One look at every chunk. What differs may be in flight: {@link settleScans} tells. */
export async function scanProjection(projection: Projection, options: VerifyOptions): Promise<Scan> {
  let chunks = 0
  let rows = 0
  const suspects: Suspects[] = []
  for await (const part of partsOf(projection, options)) {
    options.signal.throwIfAborted()
    const chunk = await scanPart(projection, part, options)
    chunks += 1
    rows += chunk.rows
    if (chunk.found.length > 0)
      suspects.push({ part, rows: chunk.found.map((difference) => ({ difference, unchangedLooks: 0 })) })
  }
  return { projection, chunks, rows, suspects }
}

/**
 * Looks at the suspects of all scans again after sync has caught up, until each is equal or stands. Every other row was seen equal,
 * so rows that are written all the time cannot keep a chunk open.
 */
export async function settleScans(scans: readonly Scan[], options: VerifyOptions): Promise<VerifyResult[]> {
  const states = scans.map((scan): ScanState => ({ scan, open: scan.suspects, standing: [] }))
  if (!options.settle) for (const state of states) close(state)
  const looks = options.atOneMoment ? LOOKS.withMoment : LOOKS.without
  for (let look = 1; look <= looks && isOpen(states); look += 1) {
    options.signal.throwIfAborted()
    await options.settle?.()
    await lookAtAll(states, options)
  }
  if (isOpen(states))
    await options.atOneMoment?.(async (sessions) => {
      await lookAtAll(states, { ...options, ...sessions })
      states.forEach(close)
    })
  return states.map(({ scan, open, standing }) => ({
    chunks: scan.chunks,
    rows: scan.rows,
    differences: standing.slice(0, LISTED),
    differenceCount: standing.length,
    skipped: open.length,
  }))
}

/** Toggled values may look the same at two looks by chance. */
const stands = (row: Suspect): boolean => row.unchangedLooks >= 2

interface ScanState {
  readonly scan: Scan
  open: readonly Suspects[]
  readonly standing: Difference[]
}

const isOpen = (states: readonly ScanState[]): boolean => states.some(({ open }) => open.length > 0)

async function lookAtAll(states: readonly ScanState[], options: VerifyOptions): Promise<void> {
  for (const state of states) {
    const open: Suspects[] = []
    for (const { part, rows } of state.open) {
      const still = await lookAgain(state.scan.projection, part, rows, options)
      state.standing.push(...still.filter(stands).map(({ difference }) => difference))
      const moving = still.filter((row) => !stands(row))
      if (moving.length > 0) open.push({ part, rows: moving })
    }
    state.open = open
  }
}

/** What is open differs: nothing was in flight at the last look. */
function close(state: ScanState): void {
  state.standing.push(...state.open.flatMap(({ rows }) => rows.map(({ difference }) => difference)))
  state.open = []
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

async function scanPart(
  projection: Projection,
  part: Part,
  options: VerifyOptions,
): Promise<{ rows: number; found: Difference[] }> {
  const { compiler, origin, destination } = options
  const [left, right] = await Promise.all([
    origin.query(compiler.digestOrigin(projection, part)),
    destination.query(compiler.digestDestination(projection, part)),
  ])
  const rows = Number(left[0]?.[0] ?? 0)
  if (isSame(left[0], right[0])) return { rows, found: [] }
  return { rows, found: await drillDown(projection, part, Math.max(rows, Number(right[0]?.[0] ?? 0)), options) }
}

/** Those that still differ, each with its count of unchanged looks. */
async function lookAgain(
  projection: Projection,
  part: Part,
  rows: readonly Suspect[],
  options: VerifyOptions,
): Promise<Suspect[]> {
  const before = new Map(rows.map((row) => [JSON.stringify(row.difference.key), row]))
  const found = await lookAtKeys(
    projection,
    part,
    rows.map(({ difference }) => difference),
    options,
  )
  return found.map((difference) => {
    const earlier = before.get(JSON.stringify(difference.key))!
    const isUnchanged = earlier.difference.fingerprint === difference.fingerprint
    return { difference, unchangedLooks: isUnchanged ? earlier.unchangedLooks + 1 : 0 }
  })
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
