/** Names, statements and rows of the gate board on MySQL and MariaDB. */
import { createHash } from 'node:crypto'
import type { Side } from '../engine.js'
import {
  CLIENT_GONE_MS,
  CLIENT_RECONNECT_MS,
  type BoardState,
  type ClientInfo,
  type ClientState,
} from '../gate-board.js'
import { errnoOf, quoteMysql, type MysqlRow } from './pool-connect.js'

export function boardNames(meta: string) {
  const board = createHash('sha256').update(meta).digest('hex').slice(0, 12)
  return {
    database: quoteMysql(meta),
    gate: `${quoteMysql(meta)}.gate`,
    clients: `${quoteMysql(meta)}.clients`,
    signal: `${quoteMysql(meta)}.gate_signal`,
    /** User-level locks are shared by the whole server and hold 64 characters. */
    clientLockPrefix: `crossfade.${board}.`,
  }
}

export const STATE_COLUMNS = `state, side, epoch, next_side, hold_id, version,
  timestampdiff(MICROSECOND, utc_timestamp(6), held_until) / 1000 AS lease_ms`

/** A lease that has run out opens the gate for everybody, by the server's clock. */
export function parseState(row: MysqlRow): BoardState {
  const leaseMs = row['lease_ms'] === null ? undefined : Math.ceil(Number(row['lease_ms']))
  const isHeld = row['state'] === 'held' && leaseMs !== undefined && leaseMs > 0
  return {
    state: isHeld ? 'held' : 'open',
    side: row['side'] as Side,
    epoch: Number(row['epoch']),
    next: textOf(row['next_side']) as Side | undefined,
    holdId: isHeld ? textOf(row['hold_id']) : undefined,
    leaseMs: isHeld ? leaseMs : undefined,
    version: Number(row['version']),
  }
}

export function parseClient(row: MysqlRow): ClientInfo {
  const seenAgoMs = Number(row['seen_ms'])
  const state = row['state'] as ClientState
  // A client that is held has given its lock back; only its beats tell that it lives.
  const hasSession = state === 'held' || Number(row['has_session']) === 1
  return {
    id: String(row['id']),
    name: String(row['name']),
    host: String(row['host']),
    pid: Number(row['pid']),
    state,
    holdId: textOf(row['hold_id']),
    epoch: Number(row['epoch']),
    readyFor: textOf(row['ready_for']) as Side | undefined,
    lastHoldMs: row['last_hold_ms'] === null ? undefined : Number(row['last_hold_ms']),
    inFlight: Number(row['in_flight']),
    oldestAgeMs: row['oldest_ms'] === null ? undefined : Number(row['oldest_ms']),
    oldestSql: textOf(row['oldest_sql']),
    seenAgoMs,
    isLive: seenAgoMs < (hasSession ? CLIENT_GONE_MS : CLIENT_RECONNECT_MS),
  }
}

/** Unknown database or table. */
export function isMissing(error: unknown): boolean {
  const errno = errnoOf(error)
  return errno === 1146 || errno === 1049
}

/** The server says this instead of "unknown" to an account without rights there. */
export function isDenied(error: unknown): boolean {
  const errno = errnoOf(error)
  return errno === 1142 || errno === 1044 || errno === 1143
}

export function isLockTimeout(error: unknown): boolean {
  return errnoOf(error) === 1205
}

function textOf(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value)
}
