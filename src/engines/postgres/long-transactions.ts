import { sql } from '../sql.js'
import type { PostgresSession } from './session.js'

/** Open transactions of others that wrote or are idle, and prepared ones, oldest first. Never their SQL: it holds values. */
export async function longTransactions(
  session: PostgresSession,
  olderThanMs: number,
): Promise<{ session: string; ageMs: number }[]> {
  const rows = await session.query(sql`SELECT who, ms FROM (
      SELECT 'pid ' || a.pid || coalesce(' (' || nullif(concat_ws(', ', nullif(a.application_name, ''), a.usename,
          host(a.client_addr)), '') || ')', '') || coalesce(' ' || a.state, '') AS who,
        extract(epoch FROM clock_timestamp() - a.xact_start) * 1000 AS ms
      FROM pg_stat_activity a
      WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
        AND a.application_name NOT LIKE 'crossfade/%' AND (a.backend_xid IS NOT NULL OR a.state LIKE 'idle in transaction%')
      UNION ALL
      SELECT 'prepared transaction ' || quote_literal(x.gid) || ' by ' || x.owner, extract(epoch FROM clock_timestamp() - x.prepared) * 1000
      FROM pg_prepared_xacts x WHERE x.database = current_database()
    ) t WHERE ms >= CAST(${olderThanMs} AS numeric) ORDER BY ms DESC`)
  return rows.map(([who, ms]) => ({ session: String(who), ageMs: Math.round(Number(ms)) }))
}
