import { sql } from '../sql.js'
import type { MysqlSession } from './session.js'

/** Collations that compare text by code point to its last space: the others of each engine take `a` and `a ` for one text. */
export const BYTE_ORDER = { mariadb: 'utf8mb4_nopad_bin', mysql: 'utf8mb4_0900_bin' } as const

/** True for a text column whose own collation is not in byte order. */
export type OtherOrder = (table: string, column: string) => boolean

/** Order by code point; of latin1 the bytes are in another order than the code points. */
const IN_BYTE_ORDER = /^(?:ascii|utf8|utf8mb3|utf8mb4)_(?:nopad_|0900_)?bin$/

/** Of the tables that are there. Those that Crossfade makes have keys in byte order. */
export async function readOtherOrder(session: MysqlSession, namespace: string): Promise<OtherOrder> {
  const rows = await session.query(
    sql`SELECT table_name, column_name, collation_name FROM information_schema.columns
      WHERE table_schema = ${namespace} AND collation_name IS NOT NULL`,
  )
  const others = new Set(
    rows
      .filter(([, , collation]) => !IN_BYTE_ORDER.test(String(collation)))
      .map(([table, column]) => JSON.stringify([String(table), String(column)])),
  )
  return (table, column) => others.has(JSON.stringify([table, column]))
}
