/** `crossfade verify`: compares both sides now, beside a running orchestrator or without one. Changes nothing. */
import type { Session, SideTools } from '../engines/engine.js'
import { openSide, requireOneEngine } from '../engines/open-side.js'
import { CrossfadeError } from '../engines/errors.js'
import type { Journal } from '../journal/journal.js'
import { openJournal } from '../journal/open-journal.js'
import { Compiler } from '../plan/compile.js'
import { loadPlan } from '../plan/load.js'
import { isClean, verifyPass } from '../verify/pass.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { requireUrls, type CommonFlags } from './settings.js'

/** @returns 0 when everything was compared and is equal, else 3. */
export async function verify(planPath: string, flags: CommonFlags, output: Output): Promise<number> {
  const { plan } = await loadPlan(planPath)
  const { blueUrl, greenUrl, journalUrl, metaNamespace } = requireUrls(flags, process.env)
  const journal = await openJournal({ url: journalUrl, metaNamespace, plan: plan.name })
  const direction = await directionOf(plan.name, plan.forward.length, journal).finally(() => journal.close())
  await using blue = await openSide(blueUrl, 'blue', metaNamespace)
  await using green = await openSide(greenUrl, 'green', metaNamespace)
  requireOneEngine(blue, green)
  const [from, to] = direction === 'forward' ? [blue, green] : [green, blue]
  await using origin = await from.connect('verify')
  await using destination = await to.connect('verify')
  await using monitor = await from.connect('monitor')
  const result = await verifyPass(plan, direction, {
    compiler: new Compiler(plan, {
      blue: { dialect: blue.dialect, namespace: blue.location.namespace },
      green: { dialect: green.dialect, namespace: green.location.namespace },
    }),
    origin,
    destination,
    settle: makeSettle(from, monitor, output),
    signal: new AbortController().signal,
    emit: (event) => Promise.resolve(output.event(event)),
  })
  output.end()
  return isClean(result) ? EXIT.done : EXIT.difference
}

/** @throws {CrossfadeError} WRONG_PHASE when both sides are not meant to be equal. */
async function directionOf(plan: string, projections: number, journal: Journal): Promise<'forward' | 'reverse'> {
  const state = await journal.read()
  if (!state) throw new CrossfadeError('NO_MIGRATION', `there is no migration of plan "${plan}" in this journal`)
  if (state.phase === 'ended')
    throw new CrossfadeError(
      'WRONG_PHASE',
      `the migration has ended (${state.outcome}); the sides no longer follow each other`,
    )
  if (state.authority === 'green') return 'reverse'
  const copies = await journal.listProgress('copy:')
  const done = copies.filter(({ value }) => (value as { isDone?: boolean } | null)?.isDone === true).length
  if (done < projections)
    throw new CrossfadeError(
      'WRONG_PHASE',
      `${done} of ${projections} projections are copied; there is nothing to compare yet`,
    )
  return 'forward'
}

/** With an orchestrator running the queue empties by itself. */
const SETTLE_MS = 5000
const POLL_MS = 50

/** Waits until the changes queued so far have arrived, and says so once when nobody brings them. */
function makeSettle(from: SideTools, monitor: Session, output: Output): () => Promise<void> {
  let isTold = false
  return async () => {
    const startedAt = performance.now()
    for (;;) {
      const lag = await from.capture.lag(monitor)
      const waitedMs = performance.now() - startedAt
      if (lag.changes === 0 || lag.ageMs < waitedMs) return
      if (waitedMs >= SETTLE_MS) {
        const message = `${lag.changes} changes of ${from.side} are queued and do not get fewer; the rows they touch count as differences`
        if (!isTold) output.event({ type: 'note', message })
        isTold = true
        return
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}
