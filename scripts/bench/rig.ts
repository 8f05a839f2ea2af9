/** Crossfade's own parts put together as a run puts them together, so that a benchmark can call one of them. */
import { openGateBoard } from '../../src/engines/gate-board.js'
import { openSide } from '../../src/engines/open-side.js'
import type { MigrationEvent } from '../../src/journal/events.js'
import { openJournal } from '../../src/journal/open-journal.js'
import { Loops, otherSide, sideOf, type MigrationContext } from '../../src/machine/context.js'
import { Compiler } from '../../src/plan/compile.js'
import type { PlanDefinition } from '../../src/plan/define.js'
import { hashOf } from '../../src/plan/load.js'
import { parsePlan } from '../../src/plan/parse.js'
import { SyncLoop } from '../../src/sync/sync-loop.js'
import { TableLocks } from '../../src/sync/table-locks.js'
import type { Place } from './place.js'

export interface Rig extends AsyncDisposable {
  readonly context: MigrationContext
}

/** Nobody renews it: a measurement is over long before. */
const LEASE_MS = 6 * 3600 * 1000

export interface RigOptions {
  readonly place: Place
  readonly plan: PlanDefinition
  readonly onEvent?: (event: MigrationEvent) => void
}

/** A migration that has begun and done nothing yet. */
export async function openRig({ place, plan: definition, onEvent }: RigOptions): Promise<Rig> {
  const plan = parsePlan(definition)
  const { metaNamespace } = place
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer()
  }
  try {
    const journal = await openJournal({ url: place.blue.url, metaNamespace, plan: plan.name })
    closers.push(() => journal.close())
    const blue = await openSide(place.blue.url, 'blue', metaNamespace)
    closers.push(async () => await blue[Symbol.asyncDispose]())
    const green = await openSide(place.green.url, 'green', metaNamespace)
    closers.push(async () => await green[Symbol.asyncDispose]())
    const board = await openGateBoard(place.blue.url, { meta: metaNamespace })
    closers.push(() => board.close())
    await journal.prepare()
    const runEpoch = await journal.acquireLease('bench', LEASE_MS)
    const { authority, epoch } = await journal.begin(hashOf(plan))
    for (const side of [blue, green]) await side.lease.take(runEpoch, 5000)
    await board.prepare({ side: authority, epoch })
    const compiler = new Compiler(plan, {
      blue: { dialect: blue.dialect, namespace: blue.location.namespace },
      green: { dialect: green.dialect, namespace: green.location.namespace },
    })
    const locks = new TableLocks()
    const isPushedDown = blue.facts.reach === green.facts.reach
    const stop = new AbortController()
    const fail = (error: unknown): void => stop.abort(error)
    const loops = new Loops(
      (origin) =>
        new SyncLoop({
          plan,
          compiler,
          origin: sideOf({ blue, green }, origin),
          destination: sideOf({ blue, green }, otherSide(origin)),
          runEpoch,
          locks,
          isPushedDown,
          onLag: () => undefined,
          onFailure: fail,
        }),
    )
    closers.push(() => loops.close())
    const context: MigrationContext = {
      plan,
      compiler,
      blue,
      green,
      journal,
      board,
      runEpoch,
      isPushedDown,
      locks,
      backupDirectory: '',
      until: 'dual-write-sync',
      approve: false,
      refusal: undefined,
      exitWhenWaiting: true,
      emit: async (event) => {
        onEvent?.(event)
        await journal.append('bench', event)
      },
      show: (event) => onEvent?.(event),
      signal: stop.signal,
      interrupt: fail,
      state: async () => (await journal.read())!,
      loops,
      dropMeta: async () => undefined,
    }
    return { context, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}
