/** The kinds of faults by their names. */
import type { FaultName } from '../draw.js'
import { contention, longTransaction, poolFull } from './application.js'
import { ddl } from './ddl.js'
import { diskFull } from './disk.js'
import type { Fault } from './fault.js'
import { blackHole, cut, slow, throttle } from './network.js'
import { clock, freeze, kill, signal } from './orchestrator.js'
import { serverKill, serverRestart } from './servers.js'

export const FAULT_WORK: Readonly<Record<FaultName, Fault>> = {
  kill,
  freeze,
  signal,
  'server-kill': serverKill,
  'server-restart': serverRestart,
  cut,
  delay: slow,
  throttle,
  'black-hole': blackHole,
  'pool-full': poolFull,
  'disk-full': diskFull,
  'long-transaction': longTransaction,
  ddl,
  clock,
  contention,
}
