/** The backup: dumped, restored into a scratch place, compared by checksum; then the archive. It counts only when all of that holds. */
import { mkdir } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { openSide } from '../engines/open-side.js'
import { CrossfadeError } from '../engines/errors.js'
import type { Session } from '../engines/engine.js'
import { raw, sql } from '../engines/sql.js'
import type { SchemaSpec } from '../plan/schema.js'
import { writeArchive } from './archive.js'
import type { MigrationContext } from './context.js'

interface Digest {
  readonly rows: string
  readonly hash: string
}

/** Dumps in a row that may differ from a table which the application keeps writing to. */
const TRIES = 3

export async function runBackup(context: Pick<MigrationContext, 'plan' | 'compiler' | 'blue' | 'journal' | 'runEpoch' | 'backupDirectory' | 'signal' | 'emit'>): Promise<void> {
  const { plan, compiler, blue, journal, runEpoch, backupDirectory, signal } = context
  if (await journal.readProgress('backup')) return
  await mkdir(backupDirectory, { recursive: true, mode: 0o700 })
  await using session = await blue.connect('backup')
  const marker = await blue.backup.recoveryMarker(session, `crossfade_${plan.name}`)
  const file = joinPath(backupDirectory, 'blue.dump')
  const scratch = plan.name.replaceAll('-', '_')
  let dumped = await blue.backup.dump(file, signal)
  let moving: string[] = []
  for (let attempt = 1; ; attempt += 1) {
    const before = await digests(session, plan.blue, blue.location.namespace)
    if (attempt > 1) dumped = await blue.backup.dump(file, signal)
    const restored = await blue.backup.restore(file, scratch, signal)
    try {
      await using side = await openSide(restored.url, 'blue', blue.location.metaNamespace)
      await using reading = await side.connect('backup')
      const found = await digests(reading, plan.blue, restored.namespace)
      const after = await digests(session, plan.blue, blue.location.namespace)
      const wrong = Object.keys(plan.blue).filter((table) => !isSame(found[table]!, before[table]!) && !isSame(found[table]!, after[table]!))
      const still = wrong.filter((table) => isSame(before[table]!, after[table]!))
      // A table that nobody wrote to and that is different in the dump is a broken dump; one that moved may just have moved.
      if (still.length > 0 && attempt >= TRIES) throw new CrossfadeError('BACKUP_UNPROVEN', `the restored dump differs from blue in ${still.join(', ')}`)
      moving = wrong
      if (wrong.length === 0 || (still.length === 0 && attempt >= TRIES)) break
    } finally {
      await blue.backup.dropScratch(scratch)
    }
  }
  const manifest = await session.transaction(() => writeArchive(plan, compiler, session, joinPath(backupDirectory, 'archive'), signal), { snapshot: true })
  const archivedRows = manifest.tables.reduce((sum, table) => sum + table.rows, 0)
  for (const table of manifest.tables) if (table.rows > 0) await context.emit({ type: 'archived', table: table.table, rows: table.rows })
  const note = moving.length > 0 ? `${dumped.note}; written to throughout, so compared by presence only: ${moving.join(', ')}` : dumped.note
  await context.emit({ type: 'backup', tool: dumped.tool, note, bytes: dumped.bytes, marker, isProven: true, archivedRows })
  await journal.writeProgress(runEpoch, 'backup', { file, marker, archivedRows, at: new Date().toISOString() })
}

const isSame = (left: Digest, right: Digest): boolean => left.rows === right.rows && left.hash === right.hash

/** COUNT and digest of every table, all columns. */
async function digests(session: Session, schema: SchemaSpec, namespace: string): Promise<Record<string, Digest>> {
  const { dialect } = session
  const found: Record<string, Digest> = {}
  for (const [table, spec] of Object.entries(schema)) {
    const columns = Object.entries(spec.columns).map(([name, { type }]) => dialect.canonical(raw(`t.${dialect.quote(name)}`), type))
    const [row] = await session.query(sql`SELECT COUNT(*), ${dialect.sumHash(dialect.rowHash(columns))} FROM ${raw(dialect.qualify(namespace, table))} t`)
    found[table] = { rows: String(row?.[0]), hash: String(row?.[1]) }
  }
  return found
}
