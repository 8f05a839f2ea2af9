/** {@link Flavor} of MySQL. */
import { raw, sql } from '../sql.js'
import { errnoOf } from './classify-error.js'
import type { Flavor } from './flavor.js'
import { INNODB_TRANSACTIONS } from './innodb-transactions.js'
import type { MysqlSession } from './session.js'
import { FACT_NAMES, MYSQL_SETTINGS } from './settings.js'

/** SHOW MASTER STATUS is gone since 8.4. */
const STATUS_STATEMENTS = ['SHOW BINARY LOG STATUS', 'SHOW MASTER STATUS']

export const mysql: Flavor = {
  engine: 'mysql',
  // CREATE FUNCTION IF NOT EXISTS.
  oldestVersion: '8.0.29',
  sessionSettings: MYSQL_SETTINGS,
  factNames: FACT_NAMES,
  serverIdentity: '@@server_uuid',
  /** No timeout here goes below a second: the statement is killed from outside. */
  async attempt(session, statement, limitMs, killer) {
    let killing: Promise<unknown> | undefined
    const timer = setTimeout(() => {
      killing = killer.killQuery(session.id).catch(() => undefined)
    }, limitMs)
    try {
      await session.execute(statement)
      return true
    } catch (error) {
      if (isTimeout(error)) return false
      throw error
    } finally {
      clearTimeout(timer)
      if (killing) {
        await killing
        // Takes a KILL that came too late, so that it does not hit the next statement.
        await session.execute(raw('DO 0')).catch(() => undefined)
      }
    }
  },
  ddlAttemptsMs: (boundMs) => [boundMs],
  hasCreateOrReplaceTrigger: false,
  rowLockBlockers: (waiting) =>
    sql`SELECT DISTINCT b.processlist_id FROM performance_schema.data_lock_waits w
      JOIN performance_schema.threads r ON r.thread_id = w.requesting_thread_id
      JOIN performance_schema.threads b ON b.thread_id = w.blocking_thread_id
      WHERE r.processlist_id = ${waiting} AND b.processlist_id IS NOT NULL`,
  async metadataLockHolders(session, namespace, table) {
    const [enabled] = await session.query(
      raw(`SELECT enabled FROM performance_schema.setup_instruments WHERE name = 'wait/lock/metadata/sql/mdl'`),
    )
    if (enabled?.[0] !== 'YES') return undefined
    const rows = await session.query(
      sql`SELECT DISTINCT t.processlist_id FROM performance_schema.metadata_locks l
        JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id
        WHERE l.object_schema = ${namespace} AND l.object_name = ${table} AND l.lock_status = 'GRANTED' AND t.processlist_id IS NOT NULL`,
    )
    return rows.map(([id]) => Number(id))
  },
  async position(session) {
    const row = await binaryLogStatus(session)
    return row ? `${String(row[0])}:${String(row[1])} gtid ${String(row[4] ?? '')}` : undefined
  },
  replicaStatus: 'SHOW REPLICA STATUS',
  replicaLagColumns: ['Seconds_Behind_Source', 'Seconds_Behind_Master'],
  dumpPrograms: ['mysqldump'],
  clientPrograms: ['mysql'],
  // Without these the dump needs rights on the whole server, or changes the GTID set where it is restored.
  dumpOptions: ['--no-tablespaces', '--set-gtid-purged=OFF', '--column-statistics=0'],
  // Not information_schema.processlist, which nobody can read while one session runs a statement with an emoji in it.
  sessions: `(SELECT processlist_id AS id, processlist_user AS user, processlist_host AS host, processlist_db AS db,
    processlist_command AS command FROM performance_schema.threads WHERE processlist_id IS NOT NULL)`,
  transactions: [
    INNODB_TRANSACTIONS,
    // Does not know which of them have written.
    `(SELECT t.processlist_id AS id, 1 AS modified, e.timer_wait DIV 1000000000 AS age_ms
      FROM performance_schema.events_transactions_current e JOIN performance_schema.threads t ON t.thread_id = e.thread_id
      WHERE e.state = 'ACTIVE' AND t.processlist_id IS NOT NULL)`,
  ],
  systemPrivileges: [{ database: 'performance_schema', privileges: ['SELECT'] }],
  serverPrivileges: ['PROCESS', 'XA_RECOVER_ADMIN'],
  typesSince: {},
  jsonColumn: 'JSON',
  jsonCheck: () => '',
  jsonChecks: () => undefined,
}

async function binaryLogStatus(session: MysqlSession) {
  for (const statement of STATUS_STATEMENTS) {
    try {
      return (await session.query(raw(statement)))[0]
    } catch (error) {
      // ER_PARSE_ERROR: the other spelling.
      if (errnoOf(error) !== 1064) throw error
    }
  }
  return undefined
}

function isTimeout(error: unknown): boolean {
  const errno = errnoOf(error)
  // ER_LOCK_WAIT_TIMEOUT, ER_QUERY_INTERRUPTED, ER_LOCK_DEADLOCK
  return errno === 1205 || errno === 1317 || errno === 1213
}
