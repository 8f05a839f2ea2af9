/** What the pool tells while it works. */
import type { Side } from '../engines/engine.js'
import type { EventEmitter } from 'node:events'
import type { SideClosedError } from './errors.js'
import type { GateState } from './gate.js'
import type { Leak } from './leaks.js'
import type { CloseReason } from './stats.js'
import type { FailoverEvent, FinishedQueryEvent } from './telemetry.js'

/** Names as in `pg` and `mysql2` where they have one. `error` is emitted only when someone listens. `id` is the server's number of the connection. */
export interface PoolEvents {
  /** A connection was opened, by the name of `pg`. */
  connect: [{ id: number; side: Side }]
  /** The same, by the name of `mysql2`. */
  connection: [{ id: number; side: Side }]
  /** A connection was lent. */
  acquire: [{ id: number; side: Side }]
  /** A connection came back. */
  release: [{ id: number; side: Side }]
  /** A connection was closed, or is lost. */
  remove: [{ id: number; side: Side; reason: CloseReason }]
  /** Somebody has to wait. */
  enqueue: []
  /** A borrower has had a connection for longer than `leakAfterMs`. Without a listener it is a warning of the process. */
  leak: [Leak]
  /** An idle connection died, a connection could not be opened, or the gate board is out of reach. Nobody has to act. */
  error: [Error]
  gate: [GateState]
  /** The writes of a side go to another host, because that one says that it takes them. */
  failover: [FailoverEvent]
  /** Besides `primary`, these hosts say that they take writes. They get nothing. */
  conflict: [{ side: Side; primary: string; rivals: readonly string[] }]
  switch: [{ side: Side; epoch: number }]
  refused: [SideClosedError]
  /** A statement took longer than `slowQueryMs`, and the pool has no `logger`. */
  slowQuery: [FinishedQueryEvent]
}

/** An `error` event that nobody listens to would end the process. */
export function tellError(events: EventEmitter<PoolEvents>, cause: unknown): void {
  if (events.listenerCount('error') > 0) events.emit('error', cause instanceof Error ? cause : new Error(String(cause)))
}

export function tellLeak(events: EventEmitter<PoolEvents>, leak: Leak): void {
  if (events.listenerCount('leak') > 0) {
    events.emit('leak', leak)
    return
  }
  const { ageMs, sql, side, stack } = leak
  const message = `a connection to ${side} has been lent for ${Math.round(ageMs)} ms; last statement: ${sql ?? 'none yet'}`
  process.emitWarning(message, { type: 'PoolLeakWarning', code: 'CROSSFADE_POOL_LEAK', detail: stack })
}
