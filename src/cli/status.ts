/** `crossfade status`: from the journal, with or without a running orchestrator; the lag from the queue itself when it can be reached. */
import { openSide } from '../engines/open-side.js'
import { CrossfadeError } from '../engines/errors.js'
import type { Side } from '../engines/engine.js'
import { openJournal } from '../journal/open-journal.js'
import { hashOf, loadPlan } from '../plan/load.js'
import { buildStatus, STATUS_EVENTS, statusLines, type Lag } from '../report/status.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { readUrls, requireJournal, type CommonFlags } from './settings.js'

/** A look at the state must not hang on a side that is down. */
const LAG_TIMEOUT_MS = 3000

export async function status(planPath: string, flags: CommonFlags, output: Output): Promise<number> {
  const { plan } = await loadPlan(planPath)
  const { journalUrl, metaNamespace } = requireJournal(flags, process.env)
  const journal = await openJournal({ url: journalUrl, metaNamespace, plan: plan.name })
  try {
    const state = await journal.read()
    if (!state) throw new CrossfadeError('NO_MIGRATION', `there is no migration of plan "${plan.name}" in this journal`)
    const url = readUrls(flags, process.env)[state.authority]
    const built = buildStatus({
      state,
      holder: await journal.leaseHolder(),
      copies: await journal.listProgress('copy:'),
      events: await journal.events({ types: STATUS_EVENTS }),
      projections: plan.forward.length,
      lag: url && state.phase !== 'ended' ? await readLag(url, state.authority, metaNamespace) : undefined,
      hasPlanChanged: hashOf(plan) !== state.planHash,
      nowMs: Date.now(),
    })
    output.result(statusLines(built, output.paint).join('\n'), { type: 'status', ...built })
    return EXIT.done
  } finally {
    await journal.close()
  }
}

/** Undefined where there is no queue yet, or the side does not answer. */
async function readLag(url: string, side: Side, metaNamespace: string): Promise<Lag | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LAG_TIMEOUT_MS)
  })
  const look = async (): Promise<Lag | undefined> => {
    await using tools = await openSide(url, side, metaNamespace)
    await using session = await tools.connect('status')
    const { changes, ageMs } = await tools.capture.lag(session)
    return { side, changes, ageMs: Math.round(ageMs) }
  }
  try {
    return await Promise.race([look().catch(() => undefined), timeout])
  } finally {
    clearTimeout(timer)
  }
}
