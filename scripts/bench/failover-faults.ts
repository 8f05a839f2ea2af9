/** What befalls a primary under its clients. */
import { setTimeout as delay } from 'node:timers/promises'
import { signalAll } from '../servers/signal-all.js'
import { commitAlone, promoteWithAll, setReadOnly } from '../servers/synchronous.js'
import type { FailoverStage } from './failover-stage.js'
import { watchWritable } from './writable.js'

export const FAULTS = ['roles flap', 'demoted', 'cut off', 'frozen', 'killed'] as const
export type FaultName = (typeof FAULTS)[number]

/** On the clock that all processes share. */
export const now = (): number => performance.timeOrigin + performance.now()

interface Fault {
  readonly strike: (stage: FailoverStage) => Promise<void>
  /** The old primary is there again, takes writes and believes that it is primary. */
  readonly comeBack: (stage: FailoverStage) => Promise<void>
  /** Nothing is lost that was under way: no client may see an error. */
  readonly isGentle: boolean
}

/** Those after which the replica is promoted. */
const LOSSES: Readonly<Record<Exclude<FaultName, 'roles flap'>, Fault>> = {
  demoted: {
    strike: ({ primary }) => setReadOnly(primary, true),
    comeBack: ({ primary }) => setReadOnly(primary, false),
    isGentle: true,
  },
  'cut off': {
    strike: async ({ proxy }) => proxy.setTrouble({ type: 'black-hole' }),
    comeBack: async ({ proxy }) => proxy.setTrouble(undefined),
    isGentle: false,
  },
  frozen: {
    strike: ({ primary }) => signalAll(primary, 'SIGSTOP'),
    comeBack: ({ primary }) => signalAll(primary, 'SIGCONT'),
    isGentle: false,
  },
  killed: {
    strike: ({ primary }) => primary.kill('SIGKILL'),
    comeBack: ({ primary }) => primary.restart(),
    isGentle: false,
  },
}

/** Five times, each read-only for longer than before. */
const FLAPS_MS = [50, 100, 200, 400, 800]

export const isGentle = (fault: FaultName): boolean => fault === 'roles flap' || LOSSES[fault].isGentle

export interface Strike {
  readonly struckAt: number
  /** When a host began to take writes again, each time. */
  readonly writableAt: readonly number[]
}

/** Lets it befall the primary. */
export async function strike(fault: FaultName, stage: FailoverStage): Promise<Strike> {
  if (fault === 'roles flap') return flap(stage)
  await using watch = await watchWritable(stage.replica)
  const struckAt = now()
  await LOSSES[fault].strike(stage)
  await promoteWithAll(stage.replica)
  return { struckAt, writableAt: [await watch.writableAt] }
}

async function flap({ primary }: FailoverStage): Promise<Strike> {
  const struckAt = now()
  const writableAt: number[] = []
  for (const ms of FLAPS_MS) {
    await setReadOnly(primary, true)
    await delay(ms)
    writableAt.push(now())
    await setReadOnly(primary, false)
    await delay(ms)
  }
  return { struckAt, writableAt }
}

/** @returns whether there is a host that lost its role and is back. */
export async function comeBack(fault: FaultName, stage: FailoverStage): Promise<boolean> {
  if (fault === 'roles flap') return false
  await LOSSES[fault].comeBack(stage)
  // Its replica is gone: what a client sent there would wait, and would not be acknowledged by mistake.
  await commitAlone(stage.primary)
  return true
}
