/** Bulk writing: arrays for prepared rows, COPY for streams. */
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { ColumnType } from '../../plan/schema.js'
import type { BulkWriter, Session } from '../engine.js'
import { raw, sql, type RawRow, type Sql } from '../sql.js'
import { classifyError } from './classify-error.js'
import { copyText } from './copy-text.js'
import { boundArrays, boundColumns } from './dialect.js'
import { qualify, quoteIdentifier } from './literals.js'
import { PostgresSession } from './session.js'
import { isNativeEnum, writtenType } from './types.js'

type Columns = readonly { readonly name: string; readonly type: ColumnType }[]

/** Rows of a foreign stream that are turned into COPY text at once. */
const ROWS_PER_BATCH = 2_000

export function createBulkWriter(namespace: string): BulkWriter {
  return {
    insert: async (session, table, columns, rows) => {
      if (rows.length === 0) return
      const names = raw(columns.map(({ name }) => quoteIdentifier(name)).join(', '))
      // OVERRIDING: keys are written as they are, also into GENERATED ALWAYS columns.
      await session.execute(
        sql`INSERT INTO ${target(namespace, table, columns)} OVERRIDING SYSTEM VALUE SELECT ${boundColumns(columns, writtenType)} FROM ${boundArrays(columns, rows)} AS bound(${names})`,
      )
    },
    pipe: async (from, select, to, table, columns) => {
      // A connection cannot read and write at once; the server can do both by itself.
      if (from === to)
        return to.execute(sql`INSERT INTO ${target(namespace, table, columns)} ${written(select, columns)}`)
      const sink = postgres(to).copyIn(target(namespace, table, columns).texts.join(''))
      if (!(from instanceof PostgresSession))
        return pour(fromRows(from.stream(select, ROWS_PER_BATCH)), sink, async () => {})
      const source = from.copyOut(select)
      return pour(fromCopy(source), sink, () => stop(from, source))
    },
  }
}

function written(select: Sql, columns: Columns): Sql {
  if (!columns.some(({ type }) => isNativeEnum(type))) return select
  return sql`SELECT ${boundColumns(columns, writtenType)} FROM (${select}) AS bound`
}

function target(namespace: string, table: string, columns: Columns): Sql {
  return raw(`${qualify(namespace, table)} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})`)
}

function postgres(session: Session): PostgresSession {
  if (session instanceof PostgresSession) return session
  throw new TypeError('this session is not one of PostgreSQL')
}

async function* fromRows(batches: AsyncIterable<RawRow[]>): AsyncGenerator<Buffer | string, void, void> {
  for await (const rows of batches) yield copyText(rows)
}

/** Not `for await`: leaving it early destroys the stream, and with it the connection's place in the protocol. */
async function* fromCopy(source: Readable): AsyncGenerator<Buffer, void, void> {
  yield* source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
}

/** Writes all chunks and waits until the server has them. Either both ends are free again afterwards, or it throws. */
async function pour(
  chunks: AsyncIterable<Buffer | string>,
  sink: Writable & { rowCount: number },
  stopSource: () => Promise<void>,
): Promise<number> {
  let failure: Error | undefined
  const failed = new Promise<void>((resolve) => {
    sink.on('error', (error) => {
      failure = error
      resolve()
    })
  })
  try {
    for await (const chunk of chunks) {
      if (failure) throw failure
      if (!sink.write(chunk)) await Promise.race([once(sink, 'drain').catch(() => undefined), failed])
    }
    if (failure) throw failure
    sink.end()
    await Promise.race([once(sink, 'finish').catch(() => undefined), failed])
    if (failure) throw failure
    return sink.rowCount
  } catch (error) {
    await stopSource()
    if (!failure) {
      // COPY has to be told to fail; its own error then is only the echo of this one.
      sink.destroy(error instanceof Error ? error : new Error(String(error)))
      await failed
    }
    throw classifyError(error)
  }
}

/** Ends a COPY that nobody reads any more: the server stops, and what is on its way is thrown away. */
async function stop(session: PostgresSession, source: Readable): Promise<void> {
  if (source.readableEnded || source.destroyed || source.errored) return
  const ended = new Promise<void>((resolve) => {
    source.once('end', resolve)
    source.once('error', () => resolve())
    source.once('close', resolve)
  })
  source.resume()
  await session.cancel().catch(() => undefined)
  await ended
}
