/** Who stands in the way: sessions and prepared transactions that hold a lock, by name and age, never by their SQL. */
import { raw, sql, type Sql } from '../sql.js'
import type { LockKey } from './meta.js'
import type { PostgresSession } from './session.js'

/** `l` is pg_locks. A prepared transaction has no pid. */
const DESCRIBE = raw(`CASE WHEN l.pid IS NULL
    THEN 'prepared transaction ' || coalesce(quote_literal(x.gid), '?') || coalesce(' by ' || x.owner, '') ||
      coalesce(' for ' || extract(epoch FROM clock_timestamp() - x.prepared)::int || ' s', '')
    ELSE 'pid ' || l.pid || coalesce(' (' || nullif(concat_ws(', ', nullif(a.application_name, ''), a.usename,
      host(a.client_addr)), '') || ')', '') || coalesce(' ' || a.state, '') ||
      coalesce(' for ' || extract(epoch FROM clock_timestamp() - a.xact_start)::int || ' s', '')
    END`)

/**
 * A prepared transaction shows under the virtual number of the session that prepared it, or under one made of its own number
 * (older minor versions, and after a restart). Either way its lock on its own number is listed under the same one.
 */
const FROM_LOCKS = raw(`FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_prepared_xacts x ON l.pid IS NULL AND x.transaction IN (SELECT t.transactionid FROM pg_locks t
    WHERE t.locktype = 'transactionid' AND t.granted AND t.pid IS NULL AND t.virtualtransaction = l.virtualtransaction)
  WHERE l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`)

/** @param isExclusive also those who only read: DROP TRIGGER waits for them too. */
export async function tableBlockers(session: PostgresSession, table: string, isExclusive: boolean): Promise<string[]> {
  const conflicting = raw(
    isExclusive
      ? ''
      : `AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`,
  )
  return list(session, sql`l.locktype = 'relation' AND l.relation = to_regclass(${table}) ${conflicting}`)
}

/** Holders of an advisory lock. */
export async function lockBlockers(session: PostgresSession, key: LockKey): Promise<string[]> {
  return list(session, advisory(key))
}

/** Numbers of Crossfade's own sessions that hold an advisory lock. */
export async function ownHolders(session: PostgresSession, key: LockKey): Promise<string[]> {
  const rows = await session.query(
    sql`SELECT DISTINCT l.pid ${FROM_LOCKS} AND ${advisory(key)} AND a.application_name LIKE 'crossfade/%'`,
  )
  return rows.map(([pid]) => String(pid))
}

/** Two-number advisory locks show as classid and objid, which are unsigned. */
function advisory({ high, low }: LockKey): Sql {
  const [classId, objectId] = [String(high >>> 0), String(low >>> 0)]
  return sql`l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = ${classId}::oid AND l.objid = ${objectId}::oid`
}

async function list(session: PostgresSession, condition: Sql): Promise<string[]> {
  const rows = await session.query(sql`SELECT DISTINCT ${DESCRIBE} AS who ${FROM_LOCKS} AND ${condition} ORDER BY who`)
  return rows.map(([who]) => String(who))
}
