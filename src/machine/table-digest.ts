/**
 * Digests of whole tables at one moment, or of what stayed the same between two moments: the sum of row hashes is additive, so
 * rows in flight are taken out of it by their keys.
 */
import type { Dialect, Session } from '../engines/engine.js'
import { join, raw, sql, type RawRow, type Sql, type SqlValue } from '../engines/sql.js'
import type { ColumnType, TableSpec } from '../plan/schema.js'

/** A table as one session sees it. */
export interface TableView {
  readonly session: Session
  readonly namespace: string
  readonly table: string
  readonly spec: TableSpec
}

export interface Digest {
  readonly rows: bigint
  /** Sum of the row hashes. */
  readonly hash: bigint
}

/** Values of key columns; of a table without a key, the hash of the row. */
export type RowKey = readonly SqlValue[]

/** What a dump must hold of a table: the digest of all rows but those with these keys, which changed while it began. */
export interface Expected extends Digest {
  readonly inFlight: readonly RowKey[]
}

/** Rows of two moments that are compared one by one at a time: a few megabytes. */
const CHUNK_ROWS = 5_000
const KEYS_PER_STATEMENT = 500
/** Keys in flight are kept in memory. The time between the two moments is short, so there are few. */
const MAX_IN_FLIGHT = 200_000

export async function digestTable(view: TableView): Promise<Digest> {
  return readDigest(await view.session.query(sql`SELECT COUNT(*), ${hashSum(view)} FROM ${from(view)}`))
}

/** The digest without the rows in flight. */
export async function digestWithout(view: TableView, inFlight: readonly RowKey[]): Promise<Digest> {
  let { rows, hash } = await digestTable(view)
  for (let start = 0; start < inFlight.length; start += KEYS_PER_STATEMENT) {
    const keys = inFlight.slice(start, start + KEYS_PER_STATEMENT)
    const some = readDigest(
      await view.session.query(sql`SELECT COUNT(*), ${hashSum(view)} FROM ${from(view)} WHERE ${isOneOf(view, keys)}`),
    )
    rows -= some.rows
    hash -= some.hash
  }
  return { rows, hash }
}

/**
 * What was the same in both moments, and the keys of what was not.
 * @returns undefined when too much was in flight.
 */
export async function digestBetween(earliest: TableView, latest: TableView): Promise<Expected | undefined> {
  const before = await digestTable(earliest)
  if (earliest.session === latest.session) return { ...before, inFlight: [] }
  const after = await digestTable(latest)
  if (before.rows === after.rows && before.hash === after.hash) return { ...before, inFlight: [] }
  const inFlight: RowKey[] = []
  for await (const [left, right] of chunks(earliest, latest)) {
    for (const [id, row] of left) if (right.get(id)?.hash !== row.hash) inFlight.push(row.key)
    for (const [id, row] of right) if (!left.has(id)) inFlight.push(row.key)
    if (inFlight.length > MAX_IN_FLIGHT) return undefined
  }
  return { ...(await digestWithout(earliest, inFlight)), inFlight }
}

type Rows = Map<string, { readonly key: RowKey; readonly hash: string }>

/** The same part of a table in both moments, part by part: ranges of the key, or of a table without one buckets of row hashes. */
async function* chunks(earliest: TableView, latest: TableView): AsyncGenerator<[Rows, Rows]> {
  if (earliest.spec.primaryKey.length === 0) {
    const { rows } = await digestTable(earliest)
    const buckets = Number(rows / BigInt(CHUNK_ROWS)) + 1
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const part = (view: TableView): Promise<Rows> =>
        readHashes(view, sql`MOD(${rowHash(view)}, ${raw(String(buckets))}) = ${raw(String(bucket))}`)
      yield [await part(earliest), await part(latest)]
    }
    return
  }
  let after: RowKey | undefined
  for (;;) {
    const upTo = await boundAfter(earliest, after)
    const part = (view: TableView): Promise<Rows> => readRows(view, after, upTo)
    yield [await part(earliest), await part(latest)]
    if (upTo === undefined) return
    after = upTo
  }
}

/** The key CHUNK_ROWS rows on; undefined when fewer are left. */
async function boundAfter(view: TableView, after: RowKey | undefined): Promise<RowKey | undefined> {
  const [row] = await view.session.query(
    sql`SELECT ${join(keyColumns(view))} FROM ${from(view)} WHERE ${inRange(view, after, undefined)} ORDER BY ${join(orderedKey(view))} LIMIT 1 OFFSET ${raw(String(CHUNK_ROWS - 1))}`,
  )
  return row
}

async function readRows(view: TableView, after: RowKey | undefined, upTo: RowKey | undefined): Promise<Rows> {
  const rows = await view.session.query(
    sql`SELECT ${rowHash(view)}, ${join(keyColumns(view))} FROM ${from(view)} WHERE ${inRange(view, after, upTo)}`,
  )
  return new Map(rows.map(([hash, ...key]) => [idOf(key), { key, hash: String(hash) }]))
}

/** Equal rows of a table without a key are one entry; how many there are belongs to what must not change. */
async function readHashes(view: TableView, condition: Sql): Promise<Rows> {
  const rows = await view.session.query(
    sql`SELECT ${rowHash(view)}, COUNT(*) FROM ${from(view)} WHERE ${condition} GROUP BY 1`,
  )
  return new Map(rows.map(([hash, count]) => [String(hash), { key: [String(hash)], hash: String(count) }]))
}

function isOneOf(view: TableView, keys: readonly RowKey[]): Sql {
  if (view.spec.primaryKey.length === 0) {
    const hashes = keys.map(([hash]) => raw(digits(String(hash))))
    return sql`${rowHash(view)} IN (${join(hashes)})`
  }
  return dialectOf(view).within(
    keyColumns(view),
    keys.map((key) => bound(view, key)),
  )
}

function inRange(view: TableView, after: RowKey | undefined, upTo: RowKey | undefined): Sql {
  const dialect = dialectOf(view)
  const conditions = [
    ...(after ? [dialect.after(orderedKey(view), bound(view, after))] : []),
    ...(upTo ? [dialect.upTo(orderedKey(view), bound(view, upTo))] : []),
  ]
  return conditions.length > 0 ? join(conditions, ' AND ') : raw('1 = 1')
}

/** Hash of a row `t` over all columns of the plan. */
function rowHash(view: TableView): Sql {
  const dialect = dialectOf(view)
  return dialect.rowHash(
    Object.entries(view.spec.columns).map(([name, { type }]) =>
      dialect.canonical(raw(`t.${dialect.quote(name)}`), type),
    ),
  )
}

function hashSum(view: TableView): Sql {
  return dialectOf(view).sumHash(rowHash(view))
}

function from(view: TableView): Sql {
  return sql`${raw(dialectOf(view).qualify(view.namespace, view.table))} t`
}

function keyColumns(view: TableView): Sql[] {
  return view.spec.primaryKey.map((name) => raw(`t.${dialectOf(view).quote(name)}`))
}

function orderedKey(view: TableView): Sql[] {
  const columns = keyColumns(view)
  return view.spec.primaryKey.map((name, index) => dialectOf(view).orderBy(columns[index]!, typeOf(view, name)))
}

function bound(view: TableView, key: RowKey): Sql[] {
  return view.spec.primaryKey.map((name, index) => dialectOf(view).castTo(sql`${key[index]!}`, typeOf(view, name)))
}

function typeOf(view: TableView, column: string): ColumnType {
  return view.spec.columns[column]!.type
}

function dialectOf(view: TableView): Dialect {
  return view.session.dialect
}

function readDigest([row]: readonly RawRow[]): Digest {
  return { rows: BigInt(String(row![0])), hash: BigInt(String(row![1])) }
}

function idOf(key: RowKey): string {
  return JSON.stringify(key.map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value)))
}

/** A hash is put into the statement as a number, so that both engines compare numbers. */
function digits(text: string): string {
  if (!/^\d+$/.test(text)) throw new TypeError('a row hash is a number')
  return text
}
