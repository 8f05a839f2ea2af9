/**
 * The backup: a dump of blue that was restored and compared, a position for point-in-time recovery, and the archive. Blue is
 * written all the while, so the restored dump is compared with what blue held at the dump's own moment.
 */
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { SideTools } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import { openSide } from '../engines/open-side.js'
import type { MigrationEvent } from '../journal/events.js'
import type { Journal } from '../journal/journal.js'
import type { Plan } from '../plan/plan.js'
import { hashFile, putInPlace, writeJson } from './archive-file.js'
import { verifyArchive, writeArchive } from './archive.js'
import { digestBetween, digestWithout, type Expected, type TableView } from './table-digest.js'

export interface BackupOptions {
  readonly plan: Plan
  readonly blue: SideTools
  readonly journal: Pick<Journal, 'read' | 'readProgress' | 'writeProgress'>
  readonly runEpoch: number
  /** Each migration gets a directory of its own below it. */
  readonly directory: string
  readonly signal: AbortSignal
  readonly emit: (event: MigrationEvent) => Promise<void>
}

/** What the journal knows of a backup that counts, under {@link BACKUP_PROGRESS}. */
export interface StoredBackup {
  /** Directory with `blue.dump`, `archive/` and `backup.json`. */
  readonly path: string
  readonly tool: string
  readonly note: string
  readonly bytes: number
  readonly sha256: string
  readonly marker: string
  readonly archivedRows: number
  readonly isProven: boolean
}

export const BACKUP_PROGRESS = 'backup'

/**
 * A row that was changed and changed back while the dump began makes it look different. A second dump tells that from a dump
 * that is wrong.
 */
const ATTEMPTS = 2

/**
 * Makes and proves the backup, or finds it proven. Safe to repeat: files get their names when they are whole, and the journal is
 * told last.
 * @throws {CrossfadeError} BACKUP_UNPROVEN when the restored dump or the archive is not what blue was.
 */
export async function runBackup(options: BackupOptions): Promise<StoredBackup> {
  const { journal, runEpoch, emit } = options
  const stored = (await journal.readProgress(BACKUP_PROGRESS)) as StoredBackup | undefined
  if (stored?.isProven && (await isThere(stored))) {
    await emit({ type: 'note', message: `the backup in ${stored.path} is proven already` })
    return stored
  }
  const path = join(options.directory, await directoryName(options))
  await mkdir(path, { recursive: true, mode: 0o700 })
  const backup = await makeBackup(options, path)
  await writeJson(join(path, 'backup.json'), backup)
  await journal.writeProgress(runEpoch, BACKUP_PROGRESS, backup)
  const { tool, note, bytes, marker, isProven, archivedRows } = backup
  await emit({ type: 'backup', tool, note, bytes, marker, isProven, archivedRows })
  return backup
}

async function makeBackup(options: BackupOptions, path: string): Promise<StoredBackup> {
  const { blue, plan, signal, emit } = options
  // Before the dump: recovery starts from the dump and goes on from here or earlier.
  const marker = await withSession(blue, (session) => blue.backup.recoveryMarker(session, `crossfade ${plan.name}`))
  const dump = await proveDump(options, path)
  if (!dump.isProven) {
    await emit({ type: 'backup', ...dump.about, marker, isProven: false, archivedRows: 0 })
    throw new CrossfadeError(
      'BACKUP_UNPROVEN',
      `the restored dump of ${dump.about.tool} is not what blue was: ${dump.problems.join('; ')}`,
    )
  }
  const archive = join(path, 'archive')
  await writeArchive({
    plan,
    blue,
    directory: archive,
    signal,
    onEntry: async ({ table, rows }) => (rows > 0 ? emit({ type: 'archived', table, rows }) : undefined),
  })
  const { entries } = await verifyArchive(archive)
  const archivedRows = entries.reduce((sum, { rows }) => sum + rows, 0)
  return { path, ...dump.about, sha256: await hashFile(join(path, 'blue.dump')), marker, archivedRows, isProven: true }
}

interface DumpResult {
  readonly isProven: boolean
  readonly about: { readonly tool: string; readonly note: string; readonly bytes: number }
  readonly problems: readonly string[]
}

async function proveDump(options: BackupOptions, path: string): Promise<DumpResult> {
  const { emit, signal } = options
  const partial = join(path, 'blue.dump.partial')
  for (let attempt = 1; ; attempt += 1) {
    const result = await dumpAndCompare(options, partial)
    signal.throwIfAborted()
    if (result.isProven) await putInPlace(partial, join(path, 'blue.dump'))
    else await rm(partial, { force: true })
    if (result.isProven || attempt >= ATTEMPTS) return result
    await emit({
      type: 'note',
      message: `the restored dump differs (${result.problems.join('; ')}); it is dumped again`,
    })
  }
}

async function dumpAndCompare(options: BackupOptions, file: string): Promise<DumpResult> {
  const { plan, blue, signal } = options
  const expected = new Map<string, Expected>()
  const problems: string[] = []
  const { namespace } = blue.location
  const dumped = await blue.backup.dump(file, signal, async (earliest, latest) => {
    for (const [table, spec] of Object.entries(plan.blue)) {
      signal.throwIfAborted()
      const digest = await digestBetween(
        { session: earliest, namespace, table, spec },
        { session: latest, namespace, table, spec },
      )
      if (digest) expected.set(table, digest)
      else problems.push(`too many rows of ${table} changed while the dump began`)
    }
  })
  if (problems.length === 0) problems.push(...(await compareRestored(options, file, expected)))
  const inFlight = [...expected.values()].reduce((sum, digest) => sum + digest.inFlight.length, 0)
  const note =
    inFlight === 0 ? dumped.note : `${dumped.note}; ${inFlight} rows changed while it began and were not compared`
  return { isProven: problems.length === 0, about: { ...dumped, note }, problems }
}

/** Restores the dump beside blue and compares every table of the plan. The scratch database is gone afterwards. */
async function compareRestored(
  { plan, blue, signal }: BackupOptions,
  file: string,
  expected: ReadonlyMap<string, Expected>,
): Promise<string[]> {
  try {
    const location = await blue.backup.restore(file, signal)
    await using restored = await openSide(location.url, 'blue', location.metaNamespace)
    return await withSession(restored, async (session) => {
      const problems: string[] = []
      for (const [table, { rows, hash, inFlight }] of expected) {
        signal.throwIfAborted()
        const view: TableView = { session, namespace: location.namespace, table, spec: plan.blue[table]! }
        const found = await digestWithout(view, inFlight)
        if (found.rows !== rows) problems.push(`${table} has ${found.rows} rows, blue had ${rows}`)
        else if (found.hash !== hash) problems.push(`the values of ${table} differ`)
      }
      return problems
    })
  } finally {
    await blue.backup.dropScratch()
  }
}

/** By the start of the migration: a later one does not write over the backup of this one. */
async function directoryName({ plan, journal }: BackupOptions): Promise<string> {
  const startedAt = (await journal.read())?.startedAt ?? new Date().toISOString()
  return `${encodeURIComponent(plan.name)}-${startedAt.replaceAll(/[-:]|\.\d+/g, '')}`
}

async function isThere({ path, bytes }: StoredBackup): Promise<boolean> {
  const found = await stat(join(path, 'blue.dump')).catch(() => undefined)
  return found?.size === bytes
}

async function withSession<T>(
  side: SideTools,
  work: (session: Awaited<ReturnType<SideTools['connect']>>) => Promise<T>,
): Promise<T> {
  const session = await side.connect('backup')
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}
