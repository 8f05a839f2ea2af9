/** `cutover`, `rollback`, `pause`, `resume`, `complete`, `abort`: told to the running orchestrator through the journal, or done here when there is none. */
import type { CommandName } from '../journal/events.js'
import type { Journal } from '../journal/journal.js'
import { openJournal } from '../journal/open-journal.js'
import { CrossfadeError } from '../engines/errors.js'
import { loadPlan } from '../plan/load.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { run, type RunFlags } from './run.js'
import { actorName, requireUrls } from './settings.js'

/** Commands whose work takes a while; the terminal follows it to its end. */
const FOLLOWED: Partial<Record<CommandName, (type: string) => boolean>> = {
  cutover: (type) => type === 'switched' || type === 'switch-missed',
  rollback: (type) => type === 'outcome',
  complete: (type) => type === 'outcome',
  abort: (type) => type === 'outcome',
}
const ANSWER_TIMEOUT_MS = 15_000
const POLL_MS = 200

export async function command(name: CommandName, planPath: string, flags: RunFlags, output: Output): Promise<number> {
  const loaded = await loadPlan(planPath)
  const { journalUrl, metaNamespace } = requireUrls(flags, process.env)
  const journal = await openJournal({ url: journalUrl, metaNamespace, plan: loaded.plan.name })
  try {
    const state = await journal.read()
    if (!state) throw new CrossfadeError('WRONG_PHASE', `there is no migration of plan "${loaded.plan.name}" in this journal`)
    if (await journal.leaseHolder()) return await post(name, journal, output)
  } finally {
    await journal.close()
  }
  return run(planPath, flags, output, name, loaded)
}

async function post(name: CommandName, journal: Journal, output: Output): Promise<number> {
  let after = (await journal.events({ limit: 1_000_000 })).at(-1)?.seq ?? 0
  const id = await journal.post(name, actorName('operator'))
  const end = performance.now() + ANSWER_TIMEOUT_MS
  let answer = await journal.readAnswer(id)
  while (!answer) {
    if (performance.now() > end) throw new CrossfadeError('LEASE_HELD', `the orchestrator did not answer within ${ANSWER_TIMEOUT_MS / 1000} s; it may be cut off`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    answer = await journal.readAnswer(id)
  }
  output.result(answer.message, { type: 'answer', command: name, ...answer })
  if (!answer.accepted) return EXIT.refused
  const isEnd = FOLLOWED[name]
  for (let isOver = isEnd === undefined; !isOver; ) {
    const news = await journal.events({ after, limit: 1000 })
    for (const { seq, event } of news) {
      after = seq
      output.event(event)
      if (isEnd?.(event.type)) isOver = true
    }
    if (!isOver) {
      if (!(await journal.read()) || !(await journal.leaseHolder())) break
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
  output.end()
  return EXIT.done
}
