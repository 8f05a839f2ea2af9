/** What a round does: a pure function of engine, seed and number, so that a round repeats by its number. */
import type { Phase } from '../../src/journal/events.js'
import type { Side } from '../../src/engines/engine.js'
import { Random, saltOf } from '../appointments/generator/random.js'
import type { ServerEngine } from '../servers/server.js'

export const FAULTS = [
  'kill',
  'freeze',
  'signal',
  'server-kill',
  'server-restart',
  'cut',
  'delay',
  'throttle',
  'black-hole',
  'pool-full',
  'disk-full',
  'long-transaction',
  'ddl',
  'clock',
  'contention',
] as const
export type FaultName = (typeof FAULTS)[number]

export type Target = Side | 'journal'
export type Scope = 'crossfade' | 'application' | 'both'
export type Leg = 'forward' | 'back'
/** What is migrated: the small shop of the tests, or the appointments system with its 85 tables. */
export type Subject = 'shop' | 'appointments'

/** When the fault strikes: so long after the orchestrator has told something. */
export interface Moment {
  /** `start`: when it told anything at all. */
  readonly at: 'start' | `phase ${Phase}` | 'step arm' | 'step preconditions' | 'copied' | 'switched'
  readonly afterMs: number
}

export interface Draw {
  readonly engine: ServerEngine
  readonly seed: number
  readonly round: number
  /** Where blue, green and the journal are. */
  readonly placement: 'one-server' | 'two-servers' | 'own-journal'
  /** Rows of blue beside those of the seed. */
  readonly rows: number
  readonly pooled: number
  readonly plain: number
  readonly pauseMs: number
  readonly holdBudgetMs: number
  readonly soakMs: number
  /** After the switch the authority comes back; otherwise the migration is completed. */
  readonly isBack: boolean
  readonly fault: FaultName
  readonly leg: Leg
  readonly moment: Moment
  readonly target: Target
  readonly scope: Scope
  /** How long the fault lasts. */
  readonly durationMs: number
  /** From 0 to 1, for what only one kind of fault asks. */
  readonly variant: number
  readonly subject: Subject
}

/** A round with 85 tables takes several times as long. */
const APPOINTMENTS = 0.06
/** Faults that are at the shop's own tables. */
const OF_THE_SHOP: ReadonlySet<FaultName> = new Set(['ddl', 'long-transaction', 'contention'])

type Span = readonly [at: Moment['at'], leastMs: number, mostMs: number]

/** The seconds around the switch get the most. */
const FORWARD: readonly Span[] = [
  ['start', 0, 1500],
  ['phase backup', 0, 800],
  ['phase parallel-schema', 0, 200],
  ['phase dual-write-sync', 0, 1200],
  ['copied', 0, 500],
  ['phase cutover', 0, 500],
  ['step arm', 0, 40],
  ['step preconditions', 0, 25],
  ['step preconditions', 0, 80],
  ['switched', 0, 60],
  ['phase validate', 0, 1000],
]
const BACK: readonly Span[] = [
  ['start', 0, 800],
  ['phase rollback', 0, 400],
  ['step arm', 0, 40],
  ['step preconditions', 0, 25],
  ['step preconditions', 0, 80],
  ['switched', 0, 100],
]

/** Each kind comes once in as many rounds as there are kinds, in an order of the seed. */
export function faultOf(seed: number, round: number): FaultName {
  const block = Math.floor((round - 1) / FAULTS.length)
  const random = new Random(saltOf(`faults ${seed}`)).reseed(block, 1)
  const order = [...FAULTS]
  for (let index = order.length - 1; index > 0; index -= 1) {
    const other = random.int(index + 1)
    ;[order[index], order[other]] = [order[other]!, order[index]!]
  }
  return order[(round - 1) % FAULTS.length]!
}

export function drawRound(engine: ServerEngine, seed: number, round: number, forced?: FaultName): Draw {
  const random = new Random(saltOf(`torture ${engine} ${seed}`)).reseed(round, 1)
  const fault = forced ?? faultOf(seed, round)
  const placement = random.pick(['one-server', 'two-servers', 'two-servers', 'own-journal'] as const)
  const rows = Math.round(10 ** (1 + 2.6 * random.float()))
  const isBack = random.chance(0.5)
  const leg = isBack && random.chance(0.6) && fault !== 'disk-full' ? 'back' : 'forward'
  const [at, least, most] = random.pick(leg === 'back' ? BACK : FORWARD)
  return {
    engine,
    seed,
    round,
    placement,
    rows,
    pooled: random.between(2, 6),
    plain: random.between(0, 3),
    pauseMs: random.between(60, 250),
    holdBudgetMs: random.pick([500, 1000, 2000]),
    soakMs: random.between(300, 1000),
    isBack,
    fault,
    leg,
    moment: { at, afterMs: random.between(least, most) },
    target: random.pick(['blue', 'green', 'journal'] as const),
    scope: random.pick(['crossfade', 'application', 'both', 'both'] as const),
    durationMs: random.between(300, 5000),
    variant: random.float(),
    subject: random.chance(APPOINTMENTS) && !OF_THE_SHOP.has(fault) ? 'appointments' : 'shop',
  }
}
