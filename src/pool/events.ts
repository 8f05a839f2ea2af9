/** What the pool tells while it works. */
import type { Side } from '../engines/engine.js'
import type { SideClosedError } from './errors.js'
import type { GateState } from './gate.js'
import type { CloseReason } from './stats.js'
import type { FinishedQueryEvent } from './telemetry.js'

/** Names as in `pg` and `mysql2` where they have one. `error` is emitted only when someone listens. */
export interface PoolEvents {
  connect: [{ id: number; side: Side }]
  acquire: [{ id: number; side: Side }]
  release: [{ id: number; side: Side }]
  remove: [{ id: number; side: Side; reason: CloseReason }]
  /** Somebody has to wait. */
  enqueue: []
  /** An idle connection died, a connection could not be opened, or the gate board is out of reach. Nobody has to act. */
  error: [Error]
  gate: [GateState]
  switch: [{ side: Side; epoch: number }]
  refused: [SideClosedError]
  /** A statement took longer than `slowQueryMs`, and the pool has no `logger`. */
  slowQuery: [FinishedQueryEvent]
}
