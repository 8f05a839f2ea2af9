/** `crossfade verify`: compares both sides now, beside a running orchestrator or without one. Changes nothing. */
import { openSide } from '../engines/open-side.js'
import { CrossfadeError } from '../engines/errors.js'
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
  const state = await journal.read().finally(() => journal.close())
  if (!state) throw new CrossfadeError('WRONG_PHASE', `there is no migration of plan "${plan.name}" in this journal`)
  await using blue = await openSide(blueUrl, 'blue', metaNamespace)
  await using green = await openSide(greenUrl, 'green', metaNamespace)
  const isForward = state.authority === 'blue'
  const [originTools, destinationTools] = isForward ? [blue, green] : [green, blue]
  await using origin = await originTools.connect('verify')
  await using destination = await destinationTools.connect('verify')
  const compiler = new Compiler(plan, {
    blue: { dialect: blue.dialect, namespace: blue.location.namespace },
    green: { dialect: green.dialect, namespace: green.location.namespace },
  })
  const signal = new AbortController().signal
  await using monitor = await originTools.connect('monitor')
  const settle = async (): Promise<void> => {
    const startedAt = performance.now()
    // With no orchestrator running the queue does not shrink: what is queued is then a difference, and said so.
    while (performance.now() - startedAt < 5000) {
      const lag = await originTools.capture.lag(monitor)
      if (lag.changes === 0 || lag.ageMs < performance.now() - startedAt) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const result = await verifyPass(plan, isForward ? 'forward' : 'reverse', {
    compiler,
    origin,
    destination,
    settle,
    signal,
    emit: (event) => Promise.resolve(output.event(event)),
  })
  output.end()
  return isClean(result) ? EXIT.done : EXIT.difference
}
