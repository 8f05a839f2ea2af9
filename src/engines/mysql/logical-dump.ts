/** The built-in dump: JSON lines, for machines without the server's own tool. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DumpWitness } from '../engine.js'
import { raw, sql, type RawRow, type RawValue } from '../sql.js'
import { qualify, quoteIdentifier, quoteText } from './quote.js'
import type { MysqlSession } from './session.js'

const HEADER = { crossfade: 'logical-dump', version: 1 }
const BATCH_ROWS = 500
/** Below the smallest packet that servers take by default. */
const STATEMENT_CHARACTERS = 500_000

type Line =
  | { readonly table: string; readonly ddl: string; readonly columns: readonly string[] }
  | { readonly rows: readonly (readonly (string | null | { readonly hex: string })[])[] }

/** One moment of all tables, which the witness sees as well; order does not matter, as foreign keys are not checked on the way back. */
export async function dumpLogically(
  session: MysqlSession,
  namespace: string,
  file: string,
  signal: AbortSignal,
  witness?: DumpWitness,
): Promise<void> {
  await session.transaction(
    async () => {
      await pipeline(Readable.from(dumpLines(session, namespace)), createWriteStream(file, { mode: 0o600 }), { signal })
      await witness?.(session, session)
    },
    { snapshot: true },
  )
}

export async function isLogicalDump(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const expected = JSON.stringify(HEADER)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(expected.length), 0, expected.length, 0)
    return buffer.subarray(0, bytesRead).toString('utf8') === expected
  } finally {
    await handle.close()
  }
}

export async function restoreLogically(
  session: MysqlSession,
  namespace: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  let start = ''
  // DDL of a dump names tables without their database.
  await session.execute(raw(`USE ${quoteIdentifier(namespace)}`))
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    signal.throwIfAborted()
    const line = JSON.parse(text) as Line | typeof HEADER
    if ('crossfade' in line) continue
    if ('ddl' in line) {
      await session.execute(raw(line.ddl))
      start = `INSERT INTO ${qualify(namespace, line.table)} (${line.columns.map(quoteIdentifier).join(', ')}) VALUES `
    } else {
      for (const values of chunk(line.rows.map(tuple))) await session.execute(raw(start + values.join(',')))
    }
  }
}

async function* dumpLines(session: MysqlSession, namespace: string): AsyncGenerator<string> {
  yield `${JSON.stringify(HEADER)}\n`
  const tables = await session.query(
    sql`SELECT table_name FROM information_schema.tables WHERE table_schema = ${namespace} AND table_type = 'BASE TABLE' ORDER BY table_name`,
  )
  for (const [name] of tables) {
    const table = String(name)
    const stored = await storedColumns(session, namespace, table)
    const columns = stored.map(({ name }) => name)
    const [created] = await session.query(raw(`SHOW CREATE TABLE ${qualify(namespace, table)}`))
    yield `${JSON.stringify({ table, ddl: String(created![1]), columns } satisfies Line)}\n`
    const select = raw(`SELECT ${stored.map(readable).join(', ')} FROM ${qualify(namespace, table)}`)
    for await (const rows of session.stream(select, BATCH_ROWS)) {
      yield `${JSON.stringify({ rows: rows.map((row: RawRow) => row.map(dumped)) } satisfies Line)}\n`
    }
  }
}

interface StoredColumn {
  readonly name: string
  readonly isFloat: boolean
}

/** Generated columns cannot be written. */
async function storedColumns(session: MysqlSession, namespace: string, table: string): Promise<StoredColumn[]> {
  const rows = await session.query(
    sql`SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = ${namespace} AND table_name = ${table}
      AND extra NOT LIKE '%VIRTUAL%' AND extra NOT LIKE '%STORED%' AND extra NOT LIKE '%PERSISTENT%' ORDER BY ordinal_position`,
  )
  return rows.map(([name, type]) => ({ name: String(name), isFloat: type === 'float' }))
}

/** The server writes six digits of a FLOAT, and all of a double. */
const readable = ({ name, isFloat }: StoredColumn): string => `${quoteIdentifier(name)}${isFloat ? ' + 0e0' : ''}`

function dumped(value: RawValue): string | null | { hex: string } {
  return Buffer.isBuffer(value) ? { hex: value.toString('hex') } : value
}

function tuple(row: readonly (string | null | { readonly hex: string })[]): string {
  const values = row.map((value) => {
    if (value === null) return 'NULL'
    if (typeof value === 'string') return quoteText(value)
    return value.hex === '' ? `''` : `X'${value.hex}'`
  })
  return `(${values.join(',')})`
}

function* chunk(tuples: readonly string[]): Generator<string[]> {
  let part: string[] = []
  let length = 0
  for (const text of tuples) {
    if (part.length > 0 && length + text.length > STATEMENT_CHARACTERS) {
      yield part
      part = []
      length = 0
    }
    part.push(text)
    length += text.length
  }
  if (part.length > 0) yield part
}
