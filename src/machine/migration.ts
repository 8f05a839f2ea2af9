/** One run of a migration: opens both sides and the journal and takes the lease; the rest is {@link Run}. */
import { openSide, requireOneEngine } from '../engines/open-side.js'
import { openJournal } from '../journal/open-journal.js'
import { Run } from './run.js'
import { STOPPED, type RunOptions, type RunResult } from './run-options.js'
import { takeOver } from './take-over.js'

/**
 * @throws {CrossfadeError} LEASE_HELD when another run holds the migration; CONNECT_FAILED, JOURNAL_INVALID, PLAN_INVALID when nothing
 * could be begun.
 */
export async function runMigration(options: RunOptions): Promise<RunResult> {
  const { plan, metaNamespace, log } = options
  const opened: AsyncDisposable[] = []
  const journal = await openJournal({ url: options.journalUrl, metaNamespace, plan: plan.name })
  try {
    const blue = await openSide(options.blueUrl, 'blue', metaNamespace)
    opened.push(blue)
    const green = await openSide(options.greenUrl, 'green', metaNamespace)
    opened.push(green)
    requireOneEngine(blue, green)
    await journal.prepare()
    const runEpoch = await takeOver({
      journal,
      actor: options.actor,
      ttlMs: plan.limits.leaseMs,
      signal: options.signal,
      onWait: (holder, expiresInMs) =>
        options.onEvent({
          type: 'waiting',
          for: 'lease',
          why: `"${holder}" has the migration; if it is dead, its lease runs out in ${Math.ceil(expiresInMs / 1000)} s`,
          next: 'wait',
        }),
    })
    if (runEpoch === undefined) return { outcome: 'interrupted', reason: STOPPED }
    try {
      return await new Run({ options, journal, blue, green, runEpoch }).run()
    } finally {
      await journal
        .releaseLease(runEpoch)
        .catch((error: unknown) => log.warn({ err: error }, 'the lease could not be given back; it runs out by itself'))
    }
  } finally {
    for (const side of opened.reverse()) await side[Symbol.asyncDispose]()
    await journal.close()
  }
}
