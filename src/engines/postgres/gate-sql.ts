/** Names, statements and rows of the gate board on PostgreSQL. */
import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Side } from '../engine.js'
import {
  CLIENT_GONE_MS,
  CLIENT_RECONNECT_MS,
  type BoardState,
  type ClientInfo,
  type ClientState,
} from '../gate-board.js'
import { quotePostgres } from './pool-connect.js'

export function boardNames(meta: string) {
  // Channel names hold 63 bytes, and are shared by the whole database.
  const base = Buffer.byteLength(meta) <= 48 ? meta : createHash('sha256').update(meta).digest('hex').slice(0, 32)
  const channel = (kind: string) => `${base}_${kind}`
  return {
    schema: quotePostgres(meta),
    schemaText: meta.replaceAll("'", "''"),
    gate: `${quotePostgres(meta)}.gate`,
    clients: `${quotePostgres(meta)}.clients`,
    gateChannel: quotePostgres(channel('gate')),
    gateChannelText: channel('gate').replaceAll("'", "''"),
    clientsChannel: quotePostgres(channel('clients')),
    clientsChannelText: channel('clients').replaceAll("'", "''"),
  }
}

/** A row of the gate as it travels in answers and in pushes. */
export interface StateRow {
  readonly state: 'open' | 'held'
  readonly side: Side
  readonly epoch: number | string
  readonly next_side: Side | null
  readonly hold_id: string | null
  readonly lease_ms: number | string | null
  readonly version: number | string
}

export const STATE_COLUMNS = `state, side, epoch, next_side, hold_id, version,
  ceil(extract(epoch FROM held_until - clock_timestamp()) * 1000)::float8 AS lease_ms`

/** A lease that has run out opens the gate for everybody, by the server's clock. */
export function parseState(row: StateRow): BoardState {
  const leaseMs = row.lease_ms === null ? undefined : Number(row.lease_ms)
  const isHeld = row.state === 'held' && leaseMs !== undefined && leaseMs > 0
  return {
    state: isHeld ? 'held' : 'open',
    side: row.side,
    epoch: Number(row.epoch),
    next: row.next_side ?? undefined,
    holdId: isHeld ? (row.hold_id ?? undefined) : undefined,
    leaseMs: isHeld ? leaseMs : undefined,
    version: Number(row.version),
  }
}

/** What was notified, where it is a state at all. */
export function readPush(payload: string): BoardState | undefined {
  try {
    const row = JSON.parse(payload) as Partial<StateRow> | null
    const isKnown = row?.side === 'blue' || row?.side === 'green'
    if (!isKnown || !Number.isSafeInteger(row.version) || !Number.isSafeInteger(row.epoch)) return undefined
    return parseState(row as StateRow)
  } catch {
    return undefined
  }
}

export interface ClientRow {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly state: ClientState
  readonly hold_id: string | null
  readonly epoch: string
  readonly ready_for: Side | null
  readonly last_hold_ms: number | null
  readonly in_flight: number
  readonly oldest_ms: number | null
  readonly oldest_sql: string | null
  readonly seen_ms: number
  readonly has_session: boolean
}

export function parseClient(row: ClientRow): ClientInfo {
  return {
    id: row.id,
    name: row.name,
    host: row.host,
    pid: row.pid,
    state: row.state,
    holdId: row.hold_id ?? undefined,
    epoch: Number(row.epoch),
    readyFor: row.ready_for ?? undefined,
    lastHoldMs: row.last_hold_ms ?? undefined,
    inFlight: row.in_flight,
    oldestAgeMs: row.oldest_ms ?? undefined,
    oldestSql: row.oldest_sql ?? undefined,
    seenAgoMs: row.seen_ms,
    isLive: row.seen_ms < (row.has_session ? CLIENT_GONE_MS : CLIENT_RECONNECT_MS),
  }
}

/** Undefined schema or table: there is no board. */
export function isMissing(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '42P01' || error.code === '3F000')
}

export function isDenied(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '42501'
}
