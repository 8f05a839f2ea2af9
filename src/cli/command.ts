/**
 * `cutover`, `rollback`, `pause`, `resume`, `complete`, `abort`: told to the running orchestrator through the journal, or done
 * here when there is none.
 */
import { CrossfadeError } from '../engines/errors.js'
import type { CommandName, MigrationEvent } from '../journal/events.js'
import type { Journal } from '../journal/journal.js'
import { openJournal } from '../journal/open-journal.js'
import { loadPlan } from '../plan/load.js'
import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'
import { run, type RunFlags } from './run.js'
import { actorName, requireUrls } from './settings.js'

/** The exit code when an event ends what the command began; undefined while its work goes on. */
const ENDS: Partial<Record<CommandName, (event: MigrationEvent) => number | undefined>> = {
  cutover: (event) => {
    if (event.type === 'switched' && event.to === 'green') return EXIT.done
    // Back in the steady state: missed on every attempt, or refused.
    if (event.type === 'phase-done' && event.phase === 'cutover' && event.result !== 'done') return EXIT.refused
    return event.type === 'outcome' ? endOf(event, 'completed') : undefined
  },
  rollback: (event) => (event.type === 'outcome' ? endOf(event, 'rolled-back') : undefined),
  complete: (event) => (event.type === 'outcome' ? endOf(event, 'completed') : undefined),
  abort: (event) => (event.type === 'outcome' ? endOf(event, 'aborted') : undefined),
}

function endOf({ outcome }: Extract<MigrationEvent, { type: 'outcome' }>, wanted: string): number {
  if (outcome === 'rolled-back') return EXIT.rolledBack
  if (outcome === wanted) return EXIT.done
  return outcome === 'waiting' ? EXIT.waiting : EXIT.error
}

const ANSWER_TIMEOUT_MS = 15_000
const POLL_MS = 200
/** Long enough for one short transaction. */
const PAUSE_LEASE_MS = 10_000

export async function command(name: CommandName, planPath: string, flags: RunFlags, output: Output): Promise<number> {
  const loaded = await loadPlan(planPath)
  const { journalUrl, metaNamespace } = requireUrls(flags, process.env)
  const journal = await openJournal({ url: journalUrl, metaNamespace, plan: loaded.plan.name })
  try {
    if (!(await journal.read()))
      throw new CrossfadeError('NO_MIGRATION', `there is no migration of plan "${loaded.plan.name}" in this journal`)
    if (await journal.leaseHolder()) {
      const exitCode = await post(name, journal, output)
      if (exitCode !== undefined) return exitCode
    }
    // Nothing runs that could be paused, and a run begun for it would go on with the migration's work.
    if (name === 'pause') return await pauseNextRun(journal, output)
  } finally {
    await journal.close()
  }
  return run(planPath, flags, output, name, loaded)
}

async function pauseNextRun(journal: Journal, output: Output): Promise<number> {
  const actor = actorName('operator')
  const runEpoch = await journal.acquireLease(actor, PAUSE_LEASE_MS)
  const message = 'paused: no orchestrator is running; the next one keeps the copy and the switch waiting'
  try {
    if ((await journal.read())?.phase === 'ended') throw new CrossfadeError('WRONG_PHASE', 'the migration has ended')
    await journal.update(runEpoch, { isPaused: true })
    await journal.append(actor, { type: 'command', command: 'pause', accepted: true, answer: message })
  } finally {
    await journal.releaseLease(runEpoch)
  }
  output.result(message, { type: 'answer', command: 'pause', accepted: true, message })
  return EXIT.done
}

/** @returns undefined when the orchestrator turned out to be dead: the command is still to be done. */
async function post(name: CommandName, journal: Journal, output: Output): Promise<number | undefined> {
  // Rare events only: where the story stands, without reading all of it.
  const told = await journal.events({ types: ['phase-started', 'phase-done', 'command', 'switched', 'outcome'] })
  const id = await journal.post(name, actorName('operator'))
  const answer = await waitForAnswer(name, id, journal)
  if (!answer) return undefined
  output.result(answer.message, { type: 'answer', command: name, ...answer })
  if (!answer.accepted) return EXIT.refused
  const endOfWork = ENDS[name]
  return endOfWork ? follow(name, journal, told.at(-1)?.seq ?? 0, endOfWork, output) : EXIT.done
}

/** The orchestrator's answer; undefined when its lease ran out. An abort may take the journal away before it can be read. */
async function waitForAnswer(
  name: CommandName,
  id: number,
  journal: Journal,
): Promise<{ accepted: boolean; message: string } | undefined> {
  const end = performance.now() + ANSWER_TIMEOUT_MS
  for (;;) {
    const answer = await journal.readAnswer(id)
    if (answer) return answer
    if (name === 'abort' && !(await journal.read())) return { accepted: true, message: 'aborted' }
    if (!(await journal.leaseHolder())) return undefined
    if (performance.now() > end)
      throw new CrossfadeError(
        'LEASE_HELD',
        `the orchestrator did not answer within ${ANSWER_TIMEOUT_MS / 1000} s; it may be cut off from the journal`,
      )
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Shows what the orchestrator does until the command's work has ended. */
async function follow(
  name: CommandName,
  journal: Journal,
  from: number,
  endOfWork: (event: MigrationEvent) => number | undefined,
  output: Output,
): Promise<number> {
  let after = from
  for (let isOurs = false; ;) {
    const hasHolder = (await journal.leaseHolder()) !== undefined
    for (const { seq, event } of await journal.events({ after, limit: 1000 })) {
      after = seq
      isOurs ||= event.type === 'command' && event.command === name
      if (!isOurs) continue
      output.event(event)
      const exitCode = endOfWork(event)
      if (exitCode === undefined) continue
      output.end()
      return exitCode
    }
    if (!hasHolder) break
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  output.end()
  // The journal goes with the last of an aborted migration.
  const state = await journal.read()
  if (name === 'abort' && !state) return EXIT.done
  throw new CrossfadeError('LEASE_LOST', `the orchestrator ended before the work of \`${name}\` did`)
}
