/** Drains one side's queue into the other: take, route, write, acknowledge. */
import type { Capture, Change } from '../engines/engine.js'
import { EVERYTHING } from '../plan/compile.js'
import { apply, type Work, type Writer } from './apply.js'
import { copyChunk } from './backfill.js'
import { retryContention } from './retry.js'
import type { RoutedScopes, Router } from './routes.js'
import type { TableLocks } from './table-locks.js'
import type { TouchedScopes } from './touched.js'

export interface ApplierOptions {
  readonly writer: Writer
  readonly capture: Capture
  readonly router: Router
  readonly locks: TableLocks
  readonly isPushedDown: boolean
  readonly signal: AbortSignal
  /** Told of every scope before it is written. */
  readonly touched: TouchedScopes
  /** Told how many changes a batch took. */
  readonly onApplied?: (changes: number) => void
}

/** Changes per batch: enough to be fast, few enough that a batch takes well under a second. */
const BATCH = 1000
/** Batches grow up to this when a unique value moved between rows of two batches. */
const LARGEST_BATCH = 64_000
/** Scopes written in one transaction. */
const FLUSH_SCOPES = 2000

/** One batch. @returns changes acknowledged; 0 when the queue was empty. */
export async function applyBatch(options: ApplierOptions): Promise<number> {
  const { writer, capture, signal } = options
  let limit = BATCH
  let taken = 0
  const work = async (): Promise<number> => {
    const changes = await capture.take(writer.origin, limit)
    taken = changes.length
    if (taken === 0) return 0
    await applyChanges(changes, options, limit > BATCH)
    await capture.acknowledge(
      writer.origin,
      changes.map((change) => change.id),
    )
    options.onApplied?.(taken)
    return taken
  }
  return retryContention(work, {
    signal,
    retries: 20,
    onRetry: (error) => {
      if (error.code !== 'UNIQUE_VIOLATION') return
      if (limit >= LARGEST_BATCH && taken < limit) throw error
      limit = Math.min(limit * 4, LARGEST_BATCH)
    },
  })
}

/** All of these changes in one transaction, without taking or acknowledging them. */
export async function applyChangesOnce(changes: readonly Change[], options: ApplierOptions): Promise<void> {
  if (changes.length > 0) await applyChanges(changes, options, true)
}

async function applyChanges(
  changes: readonly Change[],
  options: ApplierOptions,
  isOneTransaction: boolean,
): Promise<void> {
  const { writer, router } = options
  const emptied = new Set(
    changes.filter((change) => change.isTruncate).flatMap((change) => router.readersOf(change.table)),
  )
  if (emptied.size > 0) options.touched.markOverfull()
  for (const projection of emptied) await copyChunk(projection, EVERYTHING, options)
  let waiting: RoutedScopes[] = []
  let count = 0
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const work = mergeWork(waiting)
    waiting = []
    count = 0
    // Before and not after: a batch that fails half-way has written something all the same.
    for (const { projection, scopes } of work) options.touched.add(projection, scopes)
    await options.locks.with(
      work.map(({ projection }) => projection.destination),
      () => apply(writer, work),
    )
  }
  for await (const page of router.route(
    changes.filter((change) => !change.isTruncate),
    writer.origin,
  )) {
    waiting.push(page)
    count += page.scopes.length
    if (count >= FLUSH_SCOPES && !isOneTransaction) await flush()
  }
  await flush()
}

/** One entry per projection, each scope once. */
function mergeWork(pages: readonly RoutedScopes[]): Work[] {
  const merged = new Map<Work['projection'], Map<string, Work['scopes'][number]>>()
  for (const { projection, scopes } of pages) {
    const known = merged.get(projection) ?? new Map<string, Work['scopes'][number]>()
    for (const scope of scopes) known.set(JSON.stringify(scope), scope)
    merged.set(projection, known)
  }
  return [...merged].map(([projection, scopes]) => ({ projection, scopes: [...scopes.values()] }))
}

/** Applies until the queue is empty; used behind the fence, where nothing can be added. @returns changes applied. */
export async function drain(options: ApplierOptions): Promise<number> {
  let total = 0
  for (;;) {
    const applied = await applyBatch(options)
    if (applied === 0) return total
    total += applied
  }
}
