/** {@link Replication} of PostgreSQL: recovery, LSNs and the time of the last replayed commit. */
import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Replication, WritePosition } from '../replication.js'

/** Before PostgreSQL 19 nothing waits for an LSN: looks, at first often, then less. */
const LOOK_MIN_MS = 1
const LOOK_MAX_MS = 20

/** A page header stands before the next record, and no replayed record ends behind it. */
const PAGE_HEADER_BYTES = 24n

export const postgresReplication: Replication = {
  async role(connection) {
    const { rows } = await connection.query(
      // The first part of the name of a WAL file is the timeline.
      `SELECT pg_is_in_recovery() AS replica, current_setting('transaction_read_only') = 'on' AS read_only,
         CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END AS timeline`,
      [],
    )
    const { replica, read_only: readOnly, timeline } = rows[0]!
    const role = { isReplica: replica === true, isWritable: readOnly === false }
    return typeof timeline === 'string' ? { ...role, term: Number.parseInt(timeline, 16) } : role
  },
  async position(connection) {
    try {
      // Not the flushed one: with synchronous_commit = off a commit is acknowledged before it is flushed.
      const { rows } = await connection.query(
        `SELECT pg_current_wal_insert_lsn()::text AS lsn, current_setting('wal_block_size') AS page,
           left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline`,
        [],
      )
      const { lsn, page, timeline } = rows[0]!
      const place = withoutPageHeader(String(lsn), BigInt(String(page)))
      return `${Number.parseInt(String(timeline), 16)}:${place}` as WritePosition
    } catch (error) {
      if (error instanceof pg.DatabaseError && CANNOT_TELL.has(error.code ?? '')) return undefined
      throw error
    }
  },
  async awaitReplay(connection, position, budgetMs, signal) {
    const until = performance.now() + budgetMs
    const [timeline, lsn] = position.split(':')
    for (let lookMs = LOOK_MIN_MS; ; lookMs = Math.min(lookMs * 2, LOOK_MAX_MS)) {
      const { rows } = await connection.query(IS_THERE, [lsn, Number(timeline)])
      const { there } = rows[0]!
      if (there === true) return true
      // NULL: no standby.
      const leftMs = until - performance.now()
      if (there === null || leftMs <= 0 || signal?.aborted === true) return false
      await sleep(Math.min(lookMs, leftMs), undefined, { signal }).catch(() => undefined)
    }
  },
  isRefusal: (error) => error instanceof pg.DatabaseError && REFUSALS.has(error.code ?? ''),
  async lagMs(connection) {
    // Replayed to the end of what is being received is no lag, however old it is.
    const { rows } = await connection.query(
      `SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'infinity'
         WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
         ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END::float8 AS ms`,
      [],
    )
    const { ms } = rows[0]!
    return ms === null ? undefined : Math.max(0, Number(ms))
  },
}

/**
 * Read-only, no such thing in a standby (unlogged tables), cancelled because replay needed the lock, and tables, columns and
 * functions that have not arrived yet.
 */
const REFUSALS = new Set(['25006', '0A000', '40001', '42P01', '42703', '42883', '3F000'])

/**
 * A replica that still follows a former primary may be further on its own timeline, and lacks what was written on the new one.
 * Without pg_read_all_stats a host tells its timeline late, from its control file: then the primary is read until it does.
 */
const IS_THERE = `SELECT CASE WHEN pg_last_wal_replay_lsn() IS NULL THEN NULL WHEN pg_last_wal_replay_lsn() < $1::pg_lsn THEN false
  ELSE $2::int = greatest((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()),
    (SELECT min_recovery_end_timeline FROM pg_control_recovery())) END AS there`

/** In recovery, and not permitted. */
const CANNOT_TELL = new Set(['55000', '42501'])

/**
 * At the start of a page the server reports the place behind the page's header, where the next record will be; a replica
 * that has replayed everything stands before it, and a wait would last until somebody writes again.
 */
export function withoutPageHeader(lsn: string, pageBytes: bigint): string {
  const [high, low] = lsn.split('/').map((part) => BigInt(`0x${part}`)) as [bigint, bigint]
  const place = (high << 32n) | low
  if (place % pageBytes !== PAGE_HEADER_BYTES) return lsn
  const start = place - PAGE_HEADER_BYTES
  return `${(start >> 32n).toString(16)}/${(start & 0xffffffffn).toString(16)}`.toUpperCase()
}
