/** All that is on a shop's server, as text: equal before and after a command that must change nothing. */
import { runSql } from './servers.js'
import { blue } from '../fixtures/plans/shop.js'
import type { Shop } from './shop.js'

const POSTGRES = `
  SELECT 'schema ' || nspname AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
  UNION ALL SELECT c.relkind::text || ' ' || c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  UNION ALL SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 'function ' || p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  ORDER BY 1`

const mysqlObjects = (databases: readonly string[]): string => {
  const list = databases.map((name) => `'${name}'`).join(', ')
  return `
    SELECT CONCAT('database ', schema_name) AS name FROM information_schema.schemata WHERE schema_name IN (${list})
    UNION ALL SELECT CONCAT('table ', table_schema, '.', table_name) FROM information_schema.tables WHERE table_schema IN (${list})
    UNION ALL SELECT CONCAT('trigger ', trigger_schema, '.', trigger_name) FROM information_schema.triggers WHERE trigger_schema IN (${list})
    UNION ALL SELECT CONCAT('routine ', routine_schema, '.', routine_name) FROM information_schema.routines WHERE routine_schema IN (${list})
    ORDER BY 1`
}

const databaseOf = (url: string): string => new URL(url).pathname.slice(1)

/** Names of schemas, tables, indexes, triggers and routines. */
export async function listObjects(shop: Shop): Promise<string[]> {
  const { engine, blueUrl, greenUrl, meta } = shop
  const rows =
    engine === 'postgres'
      ? await runSql(engine, blueUrl, POSTGRES)
      : await runSql(engine, blueUrl, mysqlObjects([databaseOf(blueUrl), databaseOf(greenUrl), meta]))
  return rows.map(({ name }) => String(name))
}

/** The rows of each blue table. */
export async function blueRows(shop: Shop): Promise<Record<string, unknown>> {
  const rows: Record<string, unknown> = {}
  for (const table of Object.keys(blue)) rows[table] = await shop.sql('blue', `SELECT * FROM ${table} ORDER BY 1`)
  return rows
}

export async function footprint(shop: Shop): Promise<unknown> {
  return { objects: await listObjects(shop), rows: await blueRows(shop) }
}
