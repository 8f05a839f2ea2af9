/** {@link Replication} of MySQL and MariaDB, whose GTIDs have nothing in common but the name. */
import type { DriverConnection } from '../pool-driver.js'
import type { Replication, WritePosition } from '../replication.js'
import { errnoOf } from './pool-connect.js'

interface Words {
  /** One row per source that the host follows. */
  readonly status: string
  readonly lagColumn: string
  readonly position: string
  /** Waits for the first value for as many seconds as the second says. */
  readonly wait: string
  /** What `wait` gives when it has come. */
  readonly come: number
  /** Of each domain and server the last one that the host has logged; undefined where `wait` compares whole sets. */
  readonly logged: string | undefined
}

const MARIADB: Words = {
  status: 'SHOW ALL SLAVES STATUS',
  lagColumn: 'Seconds_Behind_Master',
  // What this host has logged, and not gtid_current_pos, which leaves out what it wrote while it was a replica.
  position: 'SELECT @@GLOBAL.gtid_binlog_pos AS position',
  wait: 'SELECT MASTER_GTID_WAIT(?, ?) AS answer',
  come: 0,
  logged: `SELECT IF(@@GLOBAL.log_bin AND @@GLOBAL.log_slave_updates, @@GLOBAL.gtid_binlog_state, NULL) AS state`,
}

const MYSQL: Words = {
  status: 'SHOW REPLICA STATUS',
  lagColumn: 'Seconds_Behind_Source',
  position: `SELECT IF(@@GLOBAL.gtid_mode = 'ON' AND @@GLOBAL.log_bin, @@GLOBAL.gtid_executed, '') AS position`,
  wait: 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS answer',
  come: 0,
  logged: undefined,
}

/** MySQL takes 0 for no limit. */
const LEAST_WAIT_SECONDS = 0.001
/** ER_SPECIFIC_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR. */
const DENIED = new Set([1227, 1045, 1142])

/** Read-only (two spellings), and databases, tables and columns that have not arrived yet. */
const REFUSALS = new Set([1290, 1836, 1049, 1146, 1054])

export function createMysqlReplication(): Replication {
  let words: Words | undefined
  const speak = async (connection: DriverConnection): Promise<Words> => {
    words ??= /mariadb/i.test(String((await one(connection, 'SELECT VERSION() AS version'))['version']))
      ? MARIADB
      : MYSQL
    return words
  }
  /** Undefined when the user may not ask. */
  const sources = async (connection: DriverConnection) => {
    try {
      return (await connection.query((await speak(connection)).status, [])).rows
    } catch (error) {
      if (DENIED.has(errnoOf(error) ?? 0)) return undefined
      throw error
    }
  }
  return {
    async role(connection) {
      // innodb_read_only is what the readers of some cloud services have instead.
      const flags = await one(connection, 'SELECT @@GLOBAL.read_only AS a, @@GLOBAL.innodb_read_only AS b')
      const isWritable = Object.values(flags).every((flag) => ['0', 'OFF'].includes(String(flag).toUpperCase()))
      const rows = await sources(connection)
      return { isWritable, isReplica: rows === undefined ? !isWritable : rows.length > 0 }
    },
    async position(connection) {
      const { position } = await one(connection, (await speak(connection)).position)
      // An empty one would be reached everywhere.
      return position === null || position === '' ? undefined : (String(position).replaceAll('\n', '') as WritePosition)
    },
    async awaitReplay(connection, position, budgetMs, signal) {
      const { wait, come, logged } = await speak(connection)
      if (signal?.aborted === true) return false
      const { answer } = await one(connection, wait, [position, Math.max(budgetMs / 1000, LEAST_WAIT_SECONDS)])
      if (answer === null || Number(answer) !== come) return false
      if (logged === undefined) return true
      const { state } = await one(connection, logged)
      // A replica that keeps no log of what it applies cannot tell.
      return state === null || hasLogged(String(state), position)
    },
    isRefusal: (error) => REFUSALS.has(errnoOf(error) ?? 0),
    async lagMs(connection) {
      const { lagColumn } = await speak(connection)
      const rows = await sources(connection)
      if (rows === undefined) return undefined
      // NULL: a thread of the replica does not run.
      const lags = rows.map((row) => row[lagColumn] ?? Infinity)
      return lags.length === 0 ? Infinity : Math.max(...lags.map(Number)) * 1000
    },
  }
}

async function one(connection: DriverConnection, sql: string, params: readonly unknown[] = []) {
  return (await connection.query(sql, params)).rows[0]!
}

/**
 * MariaDB's wait compares numbers only: a replica that still follows a former primary may be further, by transactions of that one. Here
 * each GTID has to have come from the server that wrote it.
 */
export function hasLogged(state: string, position: string): boolean {
  const split = (list: string) => list.split(',').map((gtid) => gtid.trim().split('-'))
  const last = new Map(split(state).map(([domain, server, sequence]) => [`${domain}-${server}`, BigInt(sequence ?? 0)]))
  return split(position).every(
    ([domain, server, sequence]) => (last.get(`${domain}-${server}`) ?? -1n) >= BigInt(sequence!),
  )
}
