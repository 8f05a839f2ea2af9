/** Collations of text columns: which are in byte order, and in which one a value is compared with a column. */
import { sql } from '../sql.js'
import type { MysqlSession } from './session.js'

/** Collations that compare text by code point to its last space: the others of each engine take `a` and `a ` for one text. */
export const BYTE_ORDER = { mariadb: 'utf8mb4_nopad_bin', mysql: 'utf8mb4_0900_bin' } as const

/** Collation of a text column; undefined for one that was not there when they were read. */
export type Collations = (table: string, column: string) => string | undefined

/** Order by code point; of latin1 the bytes are in another order than the code points. */
const IN_BYTE_ORDER = /^(?:ascii|utf8|utf8mb3|utf8mb4)_(?:nopad_|0900_)?bin$/

/** Whether a column sorts by code point. Tables that Crossfade makes have keys that do. */
export const isInByteOrder = (collation: string | undefined): boolean =>
  collation === undefined || IN_BYTE_ORDER.test(collation)

/** Of the tables that are there. */
export async function readCollations(session: MysqlSession, namespace: string): Promise<Collations> {
  const rows = await session.query(
    sql`SELECT table_name, column_name, collation_name FROM information_schema.columns
      WHERE table_schema = ${namespace} AND collation_name IS NOT NULL`,
  )
  const found = new Map(
    rows.map(([table, column, collation]) => [JSON.stringify([String(table), String(column)]), String(collation)]),
  )
  return (table, column) => found.get(JSON.stringify([table, column]))
}
