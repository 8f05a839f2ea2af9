/** What PostgreSQL's errors mean to the connection pool. */
import pg from 'pg'
import type { Fault, PoolDriver } from '../pool-driver.js'

/** The fence shares its SQLSTATE with every read-only transaction, so its own prefix has to tell them apart. */
const FENCE_PREFIX = 'crossfade: side'
/** Administrator, crash, dropped database. */
const SHUTDOWN = new Set(['57P01', '57P02', '57P04'])
const IDLE = '57P05'
/** Idle in a transaction, a transaction that took too long. */
const TIME_OUT = new Set(['25P03', '25P04'])
const LOST = new Set([...SHUTDOWN, ...TIME_OUT, IDLE, '08000', '08003', '08006', '08007', '08P01'])

/** Serialization failure and deadlock. */
const CONFLICTS = new Set(['40001', '40P01'])

export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && CONFLICTS.has(error.code ?? '')
}

export function farewell(error: unknown): ReturnType<PoolDriver['farewell']> {
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : ''
  if (SHUTDOWN.has(code)) return 'shutdown'
  if (code === IDLE) return 'idle'
  return TIME_OUT.has(code) ? 'time-out' : undefined
}

export function fault(error: unknown): Fault {
  if (!(error instanceof pg.DatabaseError)) {
    // What pg says of a client whose end it has seen.
    if (error instanceof Error && error.message.endsWith('is not queryable')) return 'lost'
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return typeof code === 'string' && /^E[A-Z]+$/.test(code) ? 'unreachable' : 'statement'
  }
  const code = error.code ?? ''
  if (code === '25006') return error.message.startsWith(FENCE_PREFIX) ? 'side-closed' : 'read-only'
  if (LOST.has(code)) return 'lost'
  if (code === '53300') return 'full'
  if (code === '57P03') return 'unreachable'
  if (code.startsWith('28') || code === '3D000') return 'denied'
  return 'statement'
}
