/** Copies one projection in chunks of its scope order, each chunk one transaction that first clears what it is about to write. */
import type { Session } from '../engines/engine.js'
import type { Journal } from '../journal/journal.js'
import type { RangePart, Scope } from '../plan/compile.js'
import type { Projection } from '../plan/projection.js'
import { asText, type Writer } from './apply.js'
import { FIRST_CHUNK_ROWS, nextChunkRows } from './chunk-size.js'
import { retryContention } from './retry.js'
import type { TableLocks } from './table-locks.js'

/** Where a copy stands; in the journal as `copy:<projection>`. */
export interface CopyProgress {
  /** The last scope copied; undefined before the first chunk. */
  readonly after?: Scope | undefined
  /** The greatest scope when the copy began: what came later is sync's. Undefined for an empty table. */
  readonly upTo?: Scope | undefined
  readonly rows: number
  readonly estimatedRows: number
  readonly isDone: boolean
  readonly chunkRows: number
}

export interface BackfillOptions {
  readonly writer: Writer
  /** To the origin, beside the writer's: finds where the next chunk ends while one is copied. */
  readonly scout: Session
  readonly journal: Journal
  readonly locks: TableLocks
  readonly chunkTargetMs: number
  /** True where one statement reads the origin and writes the destination. */
  readonly isPushedDown: boolean
  /** Called between chunks; waits while the server is under load. */
  readonly throttle: (signal: AbortSignal) => Promise<void>
  readonly onChunk: (projection: Projection, progress: CopyProgress, rowsPerSecond: number) => void
  readonly signal: AbortSignal
}

/** Copies what is left of a projection. Progress is written after each chunk has committed; a chunk done twice is harmless. */
export async function backfill(projection: Projection, options: BackfillOptions): Promise<CopyProgress> {
  const { writer, journal, signal } = options
  const name = `copy:${projection.name}`
  let progress = ((await journal.readProgress(name)) as CopyProgress | undefined) ?? (await begin(projection, writer))
  await journal.writeProgress(writer.runEpoch, name, progress)
  let ahead: Ahead | undefined
  let formerRows = 0
  while (!progress.isDone) {
    signal.throwIfAborted()
    await options.throttle(signal)
    const startedAt = performance.now()
    const { rows, end }: Chunk = ahead ? await ahead : await nextChunk(projection, options, progress)
    const isLast = JSON.stringify(end) === JSON.stringify(progress.upTo)
    // While sizes still grow, the next one is known only when this one is done.
    const looksAhead = !isLast && rows < formerRows * 2
    formerRows = rows
    ahead = looksAhead ? lookAhead(projection, options, { ...progress, after: end }) : undefined
    const copied = await copyChunk(projection, { type: 'range', after: progress.after, upTo: end }, options)
    const tookMs = performance.now() - startedAt
    progress = {
      ...progress,
      after: end,
      rows: progress.rows + copied,
      isDone: isLast,
      chunkRows: nextChunkRows(rows, tookMs, options.chunkTargetMs),
    }
    await journal.writeProgress(writer.runEpoch, name, progress)
    options.onChunk(projection, progress, tookMs > 0 ? (copied * 1000) / tookMs : 0)
  }
  return progress
}

async function begin(projection: Projection, { origin, compiler }: Writer): Promise<CopyProgress> {
  const last = (await origin.query(compiler.lastScope(projection)))[0]
  const counts = await Promise.all(
    [...new Set(projection.arms.map((arm) => arm.driving))].map(async (table) =>
      Number((await origin.query(compiler.countAll(projection.origin, table)))[0]?.[0] ?? 0),
    ),
  )
  return {
    upTo: last?.map(asText),
    rows: 0,
    estimatedRows: counts.reduce((sum, count) => sum + count, 0),
    isDone: last === undefined,
    chunkRows: FIRST_CHUNK_ROWS,
  }
}

interface Chunk {
  readonly rows: number
  readonly end: Scope
}

async function nextChunk(
  projection: Projection,
  { scout, writer: { compiler } }: BackfillOptions,
  { after, upTo, chunkRows: rows }: CopyProgress,
): Promise<Chunk> {
  const [found] = await scout.query(compiler.scopeAfter(projection, after, upTo, rows))
  return { rows, end: found ? found.map(asText) : upTo! }
}

type Ahead = Promise<Chunk>

function lookAhead(projection: Projection, options: BackfillOptions, progress: CopyProgress): Ahead {
  const ahead = nextChunk(projection, options, progress)
  // Whoever awaits it learns of a failure; when the copy fails first, nobody does.
  ahead.catch(() => undefined)
  return ahead
}

/** Clears and writes one range. Tried again after deadlocks and the like; nothing of a failed try remains. */
export async function copyChunk(
  projection: Projection,
  part: RangePart,
  options: Pick<BackfillOptions, 'writer' | 'locks' | 'isPushedDown' | 'signal'>,
): Promise<number> {
  const { writer, locks, signal } = options
  const { origin, destination, tools, compiler } = writer
  const columns = compiler.columns(projection)
  const select = compiler.select(projection, part)
  const write = (): Promise<number> =>
    destination.transaction(async () => {
      await tools.lease.hold(destination, writer.runEpoch)
      await destination.execute(compiler.deleteRange(projection, part))
      const source = options.isPushedDown ? destination : origin
      return tools.bulk.pipe(source, select, destination, projection.destination, columns)
    })
  // A unique value that moved between two rows resolves itself once sync has applied the row that gave it away.
  return retryContention(() => locks.with([projection.destination], write), { signal, retries: 10 })
}
