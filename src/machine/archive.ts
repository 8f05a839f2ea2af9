/**
 * The archive: rows and columns of blue that do not reach green, as compressed JSON lines that need no database to be read.
 * Values are the server's own text, bytes in hex, NULL as null.
 */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { Session, SideTools } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import { join, raw, sql, type RawRow, type RawValue } from '../engines/sql.js'
import { Compiler } from '../plan/compile.js'
import type { Plan, TableCoverage } from '../plan/plan.js'
import type { ColumnType } from '../plan/schema.js'
import { readSummary, writeJson, writeLines, type LinesSummary } from './archive-file.js'

export interface ArchiveEntry extends LinesSummary {
  readonly table: string
  /** `retired`: the whole table; `leftover`: rows that no map or fold takes; `columns`: columns that stay behind, with the key. */
  readonly kind: 'retired' | 'leftover' | 'columns'
  readonly reason: string
  /** Name of the file beside the manifest; undefined where there was no row. */
  readonly file?: string
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[]
}

export interface ArchiveManifest {
  readonly format: 'crossfade-archive-1'
  readonly plan: string
  readonly engine: string
  /** ISO time of the machine that wrote it. All rows are of one moment shortly after. */
  readonly at: string
  readonly entries: readonly ArchiveEntry[]
}

export interface ArchiveOptions {
  readonly plan: Plan
  readonly blue: Pick<SideTools, 'connect' | 'dialect' | 'location'>
  readonly directory: string
  readonly signal: AbortSignal
  /** Told after each file. */
  readonly onEntry?: (entry: ArchiveEntry) => Promise<void>
}

const MANIFEST = 'manifest.json'
const ROWS_PER_BATCH = 1_000

type Part = Pick<ArchiveEntry, 'table' | 'kind' | 'reason' | 'columns'>

/**
 * Writes all parts of the archive from one snapshot, the manifest last: without a manifest there is no archive. An older archive
 * in the directory is replaced. Memory does not grow with the tables.
 */
export async function writeArchive({
  plan,
  blue,
  directory,
  signal,
  onEntry,
}: ArchiveOptions): Promise<ArchiveManifest> {
  const side = { dialect: blue.dialect, namespace: blue.location.namespace }
  const compiler = new Compiler(plan, { blue: side, green: side })
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await rm(joinPath(directory, MANIFEST), { force: true })
  const at = new Date().toISOString()
  const session = await blue.connect('archive')
  // A statement cannot be taken back otherwise.
  const close = (): void => void session.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    const entries = await session.transaction(
      async () => {
        const written: ArchiveEntry[] = []
        for (const part of partsOf(plan)) {
          signal.throwIfAborted()
          const entry = await writePart({ part, session, compiler, directory, signal })
          written.push(entry)
          await onEntry?.(entry)
        }
        return written
      },
      { snapshot: true },
    )
    const manifest: ArchiveManifest = {
      format: 'crossfade-archive-1',
      plan: plan.name,
      engine: blue.dialect.engine,
      at,
      entries,
    }
    await writeJson(joinPath(directory, MANIFEST), manifest)
    return manifest
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', close)
    await session.close()
  }
}

/**
 * Reads the whole archive again and compares it with its manifest.
 * @throws {CrossfadeError} BACKUP_UNPROVEN naming every file that is missing, cut off or altered.
 */
export async function verifyArchive(directory: string): Promise<ArchiveManifest> {
  const manifest = await readManifest(directory)
  const problems: string[] = []
  for (const { file, rows, sha256, bytes } of manifest.entries) {
    if (file === undefined) continue
    try {
      const found = await readSummary(joinPath(directory, file))
      if (found.rows !== rows) problems.push(`${file} has ${found.rows} rows, the manifest says ${rows}`)
      else if (found.sha256 !== sha256) problems.push(`${file} was altered`)
      else if (found.bytes !== bytes) problems.push(`${file} has ${found.bytes} bytes, the manifest says ${bytes}`)
    } catch (error) {
      problems.push(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (problems.length > 0)
    throw new CrossfadeError('BACKUP_UNPROVEN', `the archive in ${directory} is damaged: ${problems.join('; ')}`)
  return manifest
}

/** What goes to the archive. Pure. */
export function partsOf(plan: Plan): Part[] {
  return plan.coverage.flatMap((coverage): Part[] => {
    const { table, kind, hasLeftover } = coverage
    const columns = Object.entries(plan.blue[table]!.columns).map(([name, { type }]) => ({ name, type }))
    if (kind === 'retire') return [{ table, kind: 'retired', reason: coverage.reasons['*'] ?? 'retired', columns }]
    const behind = columnsBehind(plan, coverage)
    return [
      ...(hasLeftover
        ? [{ table, kind: 'leftover', reason: 'no map and no fold takes these rows', columns } as const]
        : []),
      ...(behind.names.length > 0
        ? [
            {
              table,
              kind: 'columns',
              reason: behind.reason,
              columns: columns.filter(({ name }) => behind.names.includes(name)),
            } as const,
          ]
        : []),
    ]
  })
}

/** The key and the columns that stay behind; none when no column does. */
function columnsBehind(plan: Plan, { table, columns, reasons }: TableCoverage): { names: string[]; reason: string } {
  const dropped = Object.keys(columns).filter((name) => columns[name] === 'dropped')
  if (dropped.length === 0) return { names: [], reason: '' }
  const key = plan.blue[table]!.primaryKey.filter((name) => !dropped.includes(name))
  return {
    names: [...key, ...dropped],
    reason: dropped.map((name) => `${name}: ${reasons[name] ?? 'dropped'}`).join('; '),
  }
}

interface PartOptions extends Pick<ArchiveOptions, 'directory' | 'signal'> {
  readonly part: Part
  readonly session: Session
  readonly compiler: Compiler
}

async function writePart({ part, session, compiler, directory, signal }: PartOptions): Promise<ArchiveEntry> {
  const { table, kind, columns } = part
  const list = join(columns.map(({ name }) => raw(`t.${session.dialect.quote(name)}`)))
  const select =
    kind === 'columns' ? sql`SELECT ${list} FROM ${compiler.table('blue', table)} t` : compiler.leftover(table, list)
  const file = `${encodeURIComponent(table)}${kind === 'columns' ? '.columns' : ''}.jsonl.gz`
  const path = joinPath(directory, file)
  const summary = await writeLines(path, lines(session.stream(select, ROWS_PER_BATCH), columns), signal)
  const [count] = await session.query(sql`SELECT COUNT(*) FROM (${select}) ${raw(session.dialect.quote('counted'))}`)
  if (String(count![0]) !== String(summary.rows)) {
    throw new CrossfadeError('BACKUP_UNPROVEN', `${file} got ${summary.rows} rows of ${String(count![0])}`)
  }
  if (summary.rows > 0 || kind === 'retired') return { ...part, file, ...summary }
  await rm(path)
  return { ...part, ...summary, bytes: 0 }
}

async function* lines(
  batches: AsyncIterable<RawRow[]>,
  columns: ArchiveEntry['columns'],
): AsyncGenerator<Record<string, string | null>[]> {
  for await (const batch of batches) {
    yield batch.map((row) =>
      Object.fromEntries(columns.map(({ name, type }, index) => [name, archived(row[index] ?? null, type)])),
    )
  }
}

/** Bytes come as bytes from one engine and as `\x…` from the other. */
function archived(value: RawValue, type: ColumnType): string | null {
  if (Buffer.isBuffer(value)) return value.toString('hex')
  return type === 'blob' && value?.startsWith('\\x') ? value.slice(2) : value
}

async function readManifest(directory: string): Promise<ArchiveManifest> {
  try {
    const manifest = JSON.parse(await readFile(joinPath(directory, MANIFEST), 'utf8')) as ArchiveManifest
    if (manifest.format === 'crossfade-archive-1') return manifest
  } catch (cause) {
    throw new CrossfadeError('BACKUP_UNPROVEN', `there is no whole archive in ${directory}`, { cause })
  }
  throw new CrossfadeError('BACKUP_UNPROVEN', `${joinPath(directory, MANIFEST)} is of another format`)
}
