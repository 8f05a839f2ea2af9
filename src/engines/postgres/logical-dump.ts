/**
 * The built-in dump, for machines without pg_dump: gzipped JSON lines. First a header, then for each table a line with its DDL,
 * then its rows as arrays of text. All of one snapshot.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { DumpWitness } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql, type RawRow } from '../sql.js'
import { copyText } from './copy-text.js'
import { qualify, quoteIdentifier, quoteLiteral } from './literals.js'
import type { PostgresSession } from './session.js'

const FORMAT = 'crossfade-postgres-1'
/** Rows may be wide, and a batch is in memory three times: as rows, as text and packed. */
const ROWS_PER_BATCH = 500
const CHARACTERS_PER_COPY = 100_000
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

interface TableLine {
  readonly table: string
  /** Columns that can be written, with the server's names of their types. */
  readonly columns: readonly {
    readonly name: string
    readonly type: string
    readonly default: string | null
    readonly notNull: boolean
  }[]
  readonly primaryKey: string | null
  /** Everything that comes after the rows, for a restore by hand. */
  readonly constraints: readonly string[]
  readonly indexes: readonly string[]
}

/** Types of the schema itself: its tables cannot be made without them. */
interface EnumLine {
  readonly enum: string
  readonly labels: readonly string[]
}

export async function isLogicalDump(file: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return buffer.equals(GZIP_MAGIC)
  } finally {
    await handle.close()
  }
}

/** The witness reads in the transaction of the dump. */
export async function dumpLogically(
  session: PostgresSession,
  namespace: string,
  file: string,
  signal: AbortSignal,
  witness?: DumpWitness,
): Promise<void> {
  await session.transaction(
    async () => {
      const text = Readable.from(lines(session, namespace), { highWaterMark: 1 })
      await pipeline(text, createGzip(), createWriteStream(file), { signal })
      await witness?.(session, session)
    },
    { snapshot: true },
  )
}

async function* lines(session: PostgresSession, namespace: string): AsyncGenerator<string, void, void> {
  yield `${JSON.stringify({ format: FORMAT, namespace })}\n`
  for (const type of await readEnums(session, namespace)) yield `${JSON.stringify(type)}\n`
  for (const table of await readTables(session, namespace)) {
    yield `${JSON.stringify(table)}\n`
    const columns = table.columns.map(({ name }) => quoteIdentifier(name)).join(', ')
    if (columns === '') continue
    const select = raw(`SELECT ${columns} FROM ${qualify(namespace, table.table)}`)
    for await (const rows of session.stream(select, ROWS_PER_BATCH))
      yield rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  }
}

async function readEnums(session: PostgresSession, namespace: string): Promise<EnumLine[]> {
  const rows = await session.query(
    sql`SELECT json_build_object('enum', t.typname, 'labels', (SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]') FROM pg_enum e WHERE e.enumtypid = t.oid))
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ${namespace} AND t.typtype = 'e' ORDER BY t.typname`,
  )
  return rows.map(([json]) => JSON.parse(String(json)) as EnumLine)
}

async function readTables(session: PostgresSession, namespace: string): Promise<TableLine[]> {
  const constraints = (condition: string) => raw(`FROM pg_constraint k WHERE k.conrelid = c.oid AND ${condition}`)
  const rows = await session.query(sql`SELECT json_build_object('table', c.relname,
      'columns', (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
          'default', pg_get_expr(d.adbin, d.adrelid), 'notNull', a.attnotnull) ORDER BY a.attnum), '[]')
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
      'primaryKey', (SELECT pg_get_constraintdef(k.oid) ${constraints(`k.contype = 'p'`)}),
      'constraints', (SELECT coalesce(json_agg(format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.oid::regclass, k.conname, pg_get_constraintdef(k.oid))), '[]')
        ${constraints(`k.contype IN ('u', 'c', 'f')`)}),
      'indexes', (SELECT coalesce(json_agg(pg_get_indexdef(i.indexrelid)), '[]') FROM pg_index i WHERE i.indrelid = c.oid
        AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${namespace} AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname`)
  return rows.map(([json]) => JSON.parse(String(json)) as TableLine)
}

/** Tables with their primary keys and rows, into a schema made for it. */
export async function restoreLogically(
  session: PostgresSession,
  namespace: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  await session.execute(raw(`CREATE SCHEMA ${quoteIdentifier(namespace)}`))
  let table: TableLine | undefined
  let isHeaderRead = false
  let text = ''
  const flush = async () => {
    if (table && text !== '') await copyRows(session, namespace, table, text)
    text = ''
  }
  await session.transaction(async () => {
    // Types of the dump are found in the schema that is made of it.
    await session.execute(raw(`SET LOCAL search_path = ${quoteIdentifier(namespace)}, public`))
    // Made right before the loop: lines that come while nobody iterates are lost.
    const unpacked = createReadStream(file, { signal }).pipe(createGunzip())
    for await (const line of createInterface({ input: unpacked, crlfDelay: Infinity })) {
      signal.throwIfAborted()
      const value = JSON.parse(line) as RawRow | TableLine | EnumLine | { format: string }
      if (Array.isArray(value)) {
        text += copyText([value])
        if (text.length >= CHARACTERS_PER_COPY) await flush()
        continue
      }
      if (!isHeaderRead) {
        if (!('format' in value) || value.format !== FORMAT)
          throw new CrossfadeError('BACKUP_UNPROVEN', `${file} is no dump of ${FORMAT}`)
        isHeaderRead = true
        continue
      }
      if ('enum' in value) {
        await session.execute(raw(enumDdl(namespace, value)))
        continue
      }
      await flush()
      table = value as TableLine
      await session.execute(raw(tableDdl(namespace, table)))
    }
    await flush()
  })
}

const enumDdl = (namespace: string, { enum: name, labels }: EnumLine): string =>
  `CREATE TYPE ${qualify(namespace, name)} AS ENUM (${labels.map(quoteLiteral).join(', ')})`

function tableDdl(namespace: string, { table, columns, primaryKey }: TableLine): string {
  const parts = columns.map(
    ({ name, type, notNull }) => `${quoteIdentifier(name)} ${type}${notNull ? ' NOT NULL' : ''}`,
  )
  return `CREATE TABLE ${qualify(namespace, table)} (${[...parts, ...(primaryKey === null ? [] : [primaryKey])].join(', ')})`
}

async function copyRows(
  session: PostgresSession,
  namespace: string,
  { table, columns }: TableLine,
  text: string,
): Promise<void> {
  const target = `${qualify(namespace, table)} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})`
  await pipeline(Readable.from([text]), session.copyIn(target))
}
