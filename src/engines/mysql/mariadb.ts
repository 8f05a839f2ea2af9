/** {@link Flavor} of MariaDB. */
import { raw, sql } from '../sql.js'
import { errnoOf } from './classify-error.js'
import type { Flavor } from './flavor.js'
import { INNODB_TRANSACTIONS } from './innodb-transactions.js'
import { FACT_NAMES, MARIADB_SETTINGS } from './settings.js'

const ER_UNKNOWN_TABLE = 1109
/** Polls that never make anybody wait; then bounded attempts, which queue and so get in under steady load. */
const POLLS = 25

export const mariadb: Flavor = {
  engine: 'mariadb',
  oldestVersion: '10.6.0',
  sessionSettings: MARIADB_SETTINGS,
  factNames: [...FACT_NAMES, 'innodb_snapshot_isolation'],
  // server_uid is younger than the oldest supported version.
  serverIdentity: `CONCAT_WS(':', @@hostname, @@port, @@datadir, @@server_id)`,
  async attempt(session, statement, limitMs) {
    const [bound, unbound] =
      limitMs === 0
        ? ['lock_wait_timeout = 0', 'lock_wait_timeout = 50']
        : [`max_statement_time = ${limitMs / 1000}`, 'max_statement_time = 0']
    await session.execute(raw(`SET SESSION ${bound}`))
    try {
      await session.execute(statement)
      return true
    } catch (error) {
      if (isTimeout(error)) return false
      throw error
    } finally {
      await session.execute(raw(`SET SESSION ${unbound}`)).catch(() => undefined)
    }
  },
  ddlAttemptsMs: (boundMs) => [...new Array<number>(POLLS).fill(0), boundMs],
  hasCreateOrReplaceTrigger: true,
  rowLockBlockers: (waiting) =>
    sql`SELECT DISTINCT b.trx_mysql_thread_id FROM information_schema.innodb_lock_waits w
      JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id
      JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id
      WHERE r.trx_mysql_thread_id = ${waiting} AND b.trx_mysql_thread_id > 0`,
  async metadataLockHolders(session, namespace, table) {
    try {
      const rows = await session.query(
        sql`SELECT DISTINCT thread_id FROM information_schema.metadata_lock_info WHERE table_schema = ${namespace} AND table_name = ${table}`,
      )
      return rows.map(([id]) => Number(id))
    } catch (error) {
      if (errnoOf(error) === ER_UNKNOWN_TABLE) return undefined
      throw error
    }
  },
  async position(session) {
    const [row] = await session.query(raw('SHOW MASTER STATUS'))
    if (!row) return undefined
    const [gtid] = await session.query(raw('SELECT @@gtid_current_pos'))
    return `${String(row[0])}:${String(row[1])} gtid ${String(gtid?.[0] ?? '')}`
  },
  replicaStatus: 'SHOW ALL SLAVES STATUS',
  replicaLagColumns: ['Seconds_Behind_Master'],
  dumpPrograms: ['mariadb-dump', 'mysqldump'],
  clientPrograms: ['mariadb', 'mysql'],
  dumpOptions: [],
  sessions: 'information_schema.processlist',
  transactions: [INNODB_TRANSACTIONS],
  systemPrivileges: [],
  serverPrivileges: ['PROCESS'],
  typesSince: { uuid: '10.7.0', inet4: '10.10.0', inet6: '10.5.0' },
  jsonColumn: 'LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  jsonCheck: (column) => ` CHECK (json_valid(${column}))`,
  jsonChecks: (namespace) =>
    sql`SELECT table_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema = ${namespace}`,
}

function isTimeout(error: unknown): boolean {
  const errno = errnoOf(error)
  // ER_LOCK_WAIT_TIMEOUT, ER_STATEMENT_TIMEOUT, ER_LOCK_DEADLOCK
  return errno === 1205 || errno === 1969 || errno === 1213
}
