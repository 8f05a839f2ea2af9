/** What one host of one side has done so far. */
import type { Side } from '../engines/engine.js'
import type { Fault } from '../engines/pool-driver.js'
import { Histogram, type HistogramStats } from './histogram.js'
import type { BreakerState } from './breaker.js'
import type { HostSetting, Lane, Target } from './lane.js'
import type { Evidence } from './monitor.js'

/** What the pool knows of one host now. */
export interface HostStats {
  readonly side: Side
  readonly role: Target
  /** Engine, host, port and namespace. */
  readonly host: string
  /** The operator's word. */
  readonly setting: HostSetting
  /** Not `closed`: kept from reads until a connection to it came about. */
  readonly breaker: BreakerState
  /** What it said last when it was asked; undefined before that, and where the pool knows one host only. */
  readonly evidence: Evidence | undefined
  /** Open connections and those being opened. */
  readonly total: number
  readonly idle: number
  /** Lent, or being cleaned after a lease. */
  readonly inUse: number
  readonly connecting: number
  /** Who waits for a connection to this host; those who wait for one of several replicas are counted at each. */
  readonly waiting: number
  /** From asking for a connection to getting it, the time at a closed gate with it. */
  readonly wait: HistogramStats
  /** From getting a connection to giving it back. */
  readonly use: HistogramStats
  /** What opening a connection took, of those that came about. */
  readonly create: HistogramStats
  /** Errors by what they mean. Those of a statement pass through to the application and are counted here too. */
  readonly errors: Readonly<Record<Fault, number>>
}

export class HostMeasures {
  readonly wait = new Histogram()
  readonly use = new Histogram()
  readonly create = new Histogram()
  readonly errors: Record<Fault, number> = {
    unreachable: 0,
    denied: 0,
    full: 0,
    lost: 0,
    'side-closed': 0,
    'read-only': 0,
    'rolled-back': 0,
    statement: 0,
  }
}

export function hostStatsOf(lane: Lane, { waiting }: { waiting: number }): HostStats {
  const { wait, use, create, errors } = lane.measures
  return {
    side: lane.side,
    role: lane.role,
    host: lane.driver.where,
    setting: lane.setting,
    breaker: lane.breaker.state,
    evidence: lane.evidence,
    total: lane.total,
    idle: lane.idle,
    inUse: lane.inUse,
    connecting: lane.connecting,
    waiting,
    wait: wait.stats(),
    use: use.stats(),
    create: create.stats(),
    errors: { ...errors },
  }
}
