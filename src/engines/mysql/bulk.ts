/** Writes many rows: multi-row INSERT, or LOAD DATA LOCAL where the server allows it. */
import { Readable } from 'node:stream'
import { parseType } from '../../plan/schema.js'
import type { BulkWriter } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { join, raw, sql, type RawRow, type Sql } from '../sql.js'
import type { SideContext } from './context.js'
import { lineReader, valueReader, type LoadColumn } from './load-text.js'
import { qualify, quoteIdentifier, quoteText } from './quote.js'
import { MysqlSession } from './session.js'
import { familyOf } from './types.js'

/** Larger statements are not faster, but hold more memory on both ends. */
const INSERT_BYTES = 1_000_000
const STREAM_ROWS = 1_000
/** Some room for the start of the statement and for escapes. */
const PACKET_SHARE = 0.4

type Columns = readonly LoadColumn[]

export function createBulkWriter(context: Pick<SideContext, 'location' | 'facts'>): BulkWriter {
  const target = (table: string) => qualify(context.location.namespace, table)
  const maxPacket = Number(context.facts.settings['max_allowed_packet'] ?? 4_194_304)
  const limitBytes = Math.min(INSERT_BYTES, maxPacket * PACKET_SHARE)
  const insert: BulkWriter['insert'] = async (session, table, columns, rows) => {
    for (const statement of insertStatements(target(table), columns, rows, limitBytes)) await session.execute(statement)
  }
  return {
    insert,
    async pipe(from, select, to, table, columns) {
      const names = raw(columns.map(({ name }) => quoteIdentifier(name)).join(', '))
      // A connection cannot read and write at once; the server can do both by itself.
      if (from === to) return to.execute(sql`INSERT INTO ${raw(target(table))} (${names}) ${select}`)
      if (from instanceof MysqlSession && to instanceof MysqlSession && isOn(context.facts.settings['local_infile'])) {
        return load(from, select, to, target(table), columns)
      }
      let written = 0
      for await (const rows of from.stream(select, STREAM_ROWS)) {
        await insert(to, table, columns, rows)
        written += rows.length
      }
      return written
    },
  }
}

function isOn(value: string | undefined): boolean {
  return value === 'ON' || value === '1'
}

function* insertStatements(
  table: string,
  columns: Columns,
  rows: readonly RawRow[],
  limitBytes: number,
): Generator<Sql> {
  const readers = columns.map(({ type }) => valueReader(type))
  const isBlob = columns.map(({ type }) => familyOf(type) === 'blob')
  const isBits = columns.map(({ type }) => parseType(type).kind === 'bit')
  const start = `INSERT INTO ${table} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')}) VALUES `
  let tuples: string[] = []
  let bytes = 0
  for (const row of rows) {
    const tuple = `(${readers.map((read, index) => (isBits[index] ? (read(row[index] ?? null) ?? 'NULL') : literal(read(row[index] ?? null), isBlob[index]!))).join(',')})`
    // Four bytes at most for a character.
    const size = tuple.length * (tuple.length > limitBytes / 4 ? 4 : 2)
    if (tuples.length > 0 && bytes + size > limitBytes) {
      yield raw(start + tuples.join(','))
      tuples = []
      bytes = 0
    }
    tuples.push(tuple)
    bytes += size
  }
  if (tuples.length > 0) yield raw(start + tuples.join(','))
}

function literal(value: string | null, isBlob: boolean): string {
  if (value === null) return 'NULL'
  if (!isBlob) return quoteText(value)
  return value === '' ? `''` : `X'${value}'`
}

/** The file is the stream of rows: the server reads it as fast as it writes, and so does the other side. */
async function load(
  from: MysqlSession,
  select: Sql,
  to: MysqlSession,
  table: string,
  columns: Columns,
): Promise<number> {
  let sent = 0
  let source: Readable | undefined
  const open = () => {
    source = Readable.from(
      lines(from, select, columns, (rows) => (sent += rows)),
      { highWaterMark: 2 },
    )
    return source
  }
  try {
    const { affected, warnings } = await to.run(loadStatement(table, columns), open)
    if (warnings > 0) throw await warningError(to, table)
    if (affected !== sent) throw new CrossfadeError('STATEMENT_FAILED', `${table} took ${affected} of ${sent} rows`)
    return affected
  } finally {
    source?.destroy()
  }
}

async function* lines(
  from: MysqlSession,
  select: Sql,
  columns: Columns,
  count: (rows: number) => void,
): AsyncGenerator<Buffer> {
  const reader = lineReader(columns)
  for await (const rows of from.streamAs(select, STREAM_ROWS, () => reader)) {
    count(rows.length)
    const bytes = Buffer.from(rows.join(''), 'latin1')
    // Each piece becomes a packet, which must stay below 16 MB.
    for (let start = 0; start < bytes.length; start += INSERT_BYTES) yield bytes.subarray(start, start + INSERT_BYTES)
  }
}

function loadStatement(table: string, columns: Columns): Sql {
  const isBlob = ({ type }: LoadColumn) => familyOf(type) === 'blob'
  // As text it would be taken for the bytes.
  const isBits = ({ type }: LoadColumn) => parseType(type).kind === 'bit'
  const targets = columns.map((column, index) =>
    isBlob(column) || isBits(column) ? `@crossfade_${index}` : quoteIdentifier(column.name),
  )
  const sets = columns.flatMap((column, index) => {
    const set = (value: string) => [raw(`${quoteIdentifier(column.name)} = ${value}`)]
    if (isBlob(column)) return set(`UNHEX(@crossfade_${index})`)
    return isBits(column) ? set(`CAST(@crossfade_${index} AS UNSIGNED)`) : []
  })
  const set = sets.length === 0 ? raw('') : sql` SET ${join(sets)}`
  const format = `FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'`
  return sql`LOAD DATA LOCAL INFILE 'crossfade' INTO TABLE ${raw(table)} CHARACTER SET utf8mb4 ${raw(format)} (${raw(targets.join(', '))})${set}`
}

/** LOCAL turns errors into warnings and leaves rows out: any of them is an error here. */
async function warningError(session: MysqlSession, table: string): Promise<CrossfadeError> {
  const rows = await session.query(raw('SHOW WARNINGS'))
  const codes = [...new Set(rows.map(([, code]) => String(code)))]
  const isDuplicate = codes.includes('1062')
  return new CrossfadeError(
    isDuplicate ? 'UNIQUE_VIOLATION' : 'STATEMENT_FAILED',
    `${table} did not take all rows as they are: server warnings ${codes.join(', ')}`,
  )
}
