/** Files that are there whole or not at all, and rows as compressed JSON lines. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'

/** What a file of lines holds: enough to tell later that nothing is missing and nothing was altered. */
export interface LinesSummary {
  readonly rows: number
  /** SHA-256 of the lines as they are read back: `zcat file | sha256sum`. */
  readonly sha256: string
  /** Size of the compressed file. */
  readonly bytes: number
}

/** Old backups hold personal data: only the owner reads them. */
const MODE = 0o600

/** Writes one JSON line per row, batch by batch, then puts the whole file in place. */
export async function writeLines(
  file: string,
  batches: AsyncIterable<readonly unknown[]>,
  signal: AbortSignal,
): Promise<LinesSummary> {
  const hash = createHash('sha256')
  let rows = 0
  async function* lines(): AsyncGenerator<Buffer> {
    for await (const batch of batches) {
      if (batch.length === 0) continue
      const text = Buffer.from(batch.map((row) => `${JSON.stringify(row)}\n`).join(''))
      rows += batch.length
      hash.update(text)
      yield text
    }
  }
  const partial = `${file}.partial`
  try {
    await pipeline(Readable.from(lines()), createGzip(), createWriteStream(partial, { mode: MODE }), { signal })
    const { size } = await stat(partial)
    await putInPlace(partial, file)
    return { rows, sha256: hash.digest('hex'), bytes: size }
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/** Reads a file of lines to its end. Throws when it is cut off or not gzip. */
export async function readSummary(file: string): Promise<LinesSummary> {
  const hash = createHash('sha256')
  let rows = 0
  await pipeline(createReadStream(file), createGunzip(), async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      hash.update(chunk)
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) rows += 1
    }
  })
  return { rows, sha256: hash.digest('hex'), bytes: (await stat(file)).size }
}

/** SHA-256 of a file as it is. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  const partial = `${file}.partial`
  await writeFile(partial, `${JSON.stringify(value, undefined, 2)}\n`, { mode: MODE })
  await putInPlace(partial, file)
}

/** Flushes a file, then gives it its name; both survive a loss of power. */
export async function putInPlace(partial: string, file: string): Promise<void> {
  await flush(partial)
  await rename(partial, file)
  // Some file systems cannot flush a directory; they keep the order of renames by themselves.
  await flush(dirname(file)).catch(() => undefined)
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
