/** Crossfade's own objects on a server: a database of their own, named after the side where they belong to one. */
import type { Side } from '../engine.js'
import { raw, sql } from '../sql.js'
import { boundedName, qualify, quoteIdentifier } from './quote.js'
import type { MysqlSession } from './session.js'

export type TriggerPurpose = 'capture' | 'cascade' | 'gate'

export interface MetaNames {
  readonly database: string
  readonly changes: string
  readonly authority: string
  readonly run: string
  /** Bare names, for the information schema. */
  readonly tables: { readonly changes: string; readonly authority: string; readonly run: string }
}

export function metaNames(side: Side, database: string): MetaNames {
  const tables = { changes: `${side}_changes`, authority: `${side}_authority`, run: `${side}_run` }
  return {
    database,
    changes: qualify(database, tables.changes),
    authority: qualify(database, tables.authority),
    run: qualify(database, tables.run),
    tables,
  }
}

/** Triggers live in the side's own database; the name says whose they are. */
export function triggerName(side: Side, purpose: TriggerPurpose, event: string, table: string): string {
  return boundedName(`crossfade_${side}_${purpose}_${event.toLowerCase()}_${table}`)
}

export async function ensureMetaDatabase(session: MysqlSession, database: string): Promise<void> {
  // Asked first: CREATE .. IF NOT EXISTS needs the right to create also where it creates nothing.
  const [found] = await session.query(sql`SELECT 1 FROM information_schema.schemata WHERE schema_name = ${database}`)
  if (found) return
  await session.execute(
    raw(`CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(database)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`),
  )
}

/** Names of the tables of the meta database; empty when there is none. */
export async function listMetaTables(session: MysqlSession, database: string): Promise<readonly string[]> {
  const rows = await session.query(
    sql`SELECT table_name FROM information_schema.tables WHERE table_schema = ${database} ORDER BY table_name`,
  )
  return rows.map(([name]) => String(name))
}
