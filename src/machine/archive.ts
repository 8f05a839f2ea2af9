/** The archive: rows that green does not hold, as compressed JSON lines with a manifest of counts and checksums. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { once } from 'node:events'
import { createGunzip, createGzip } from 'node:zlib'
import { pipeline } from 'node:stream/promises'
import type { Session } from '../engines/engine.js'
import { join, raw } from '../engines/sql.js'
import type { Compiler } from '../plan/compile.js'
import type { Plan } from '../plan/plan.js'

export interface ArchivedTable {
  readonly table: string
  /** `retired`, or `leftover`: rows that filters and missing owners leave out. */
  readonly why: 'retired' | 'leftover'
  readonly reason: string
  readonly columns: readonly string[]
  readonly rows: number
  /** Of the uncompressed lines. */
  readonly sha256: string
  readonly file: string
}

export interface Manifest {
  readonly version: 1
  readonly plan: string
  readonly writtenAt: string
  readonly tables: readonly ArchivedTable[]
}

const BATCH_ROWS = 1000

/** Writes retired tables and leftovers. A folder of an earlier try is replaced only when the new one is whole. */
export async function writeArchive(plan: Plan, compiler: Compiler, session: Session, directory: string, signal: AbortSignal): Promise<Manifest> {
  const partial = `${directory}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  const tables: ArchivedTable[] = []
  for (const coverage of plan.coverage) {
    signal.throwIfAborted()
    if (coverage.kind !== 'retire' && !coverage.hasLeftover) continue
    const columns = Object.keys(plan.blue[coverage.table]!.columns)
    const list = join(columns.map((name) => raw(`t.${session.dialect.quote(name)}`)))
    const file = `${coverage.table}.jsonl.gz`
    const written = await writeRows(session.stream(compiler.leftover(coverage.table, list), BATCH_ROWS), columns, joinPath(partial, file))
    if (coverage.kind !== 'retire' && written.rows === 0) await rm(joinPath(partial, file))
    else
      tables.push({
        table: coverage.table,
        why: coverage.kind === 'retire' ? 'retired' : 'leftover',
        reason: coverage.reasons['*'] ?? 'no map or fold takes these rows',
        columns,
        ...written,
        file,
      })
  }
  const manifest: Manifest = { version: 1, plan: plan.name, writtenAt: new Date().toISOString(), tables }
  await writeFile(joinPath(partial, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true })
  await verifyArchive(partial)
  await rm(directory, { recursive: true, force: true })
  await rename(partial, directory)
  return manifest
}

async function writeRows(batches: AsyncIterable<readonly (string | Buffer | null)[][]>, columns: readonly string[], file: string): Promise<{ rows: number; sha256: string }> {
  const hash = createHash('sha256')
  const gzip = createGzip()
  const done = pipeline(gzip, createWriteStream(file, { flush: true }))
  let rows = 0
  try {
    for await (const batch of batches)
      for (const row of batch) {
        const line = `${JSON.stringify(Object.fromEntries(row.map((value, index) => [columns[index]!, Buffer.isBuffer(value) ? { hex: value.toString('hex') } : value])))}\n`
        hash.update(line)
        rows += 1
        if (!gzip.write(line)) await once(gzip, 'drain')
      }
  } finally {
    gzip.end()
  }
  await done
  return { rows, sha256: hash.digest('hex') }
}

/** Reads an archive again. @throws {Error} naming the first file whose count or checksum is not the manifest's. */
export async function verifyArchive(directory: string): Promise<Manifest> {
  const manifest = JSON.parse(await readFile(joinPath(directory, 'manifest.json'), 'utf8')) as Manifest
  for (const table of manifest.tables) {
    const hash = createHash('sha256')
    let rows = 0
    for await (const chunk of createReadStream(joinPath(directory, table.file)).pipe(createGunzip()) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      for (const byte of chunk) if (byte === 10) rows += 1
    }
    const sha256 = hash.digest('hex')
    if (rows !== table.rows || sha256 !== table.sha256) throw new Error(`the archive of "${table.table}" holds ${rows} rows with checksum ${sha256}, not ${table.rows} with ${table.sha256}`)
  }
  return manifest
}
