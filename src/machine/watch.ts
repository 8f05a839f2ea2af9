/** What a run does beside its phases: it renews its lease and answers the commands that operators post to the journal. */
import { CrossfadeError } from '../engines/errors.js'
import type { CommandName, MigrationEvent } from '../journal/events.js'
import type { Journal, MigrationState } from '../journal/journal.js'
import type { Interruptions } from './interruptions.js'
import { isLeaseLost } from './lost-lease.js'
import { judge } from './operator.js'
import { WAY_BACK_ENDED } from './phases/complete.js'
import { describe, type RunOptions } from './run-options.js'

/** Renewals per lease: three missed ones lose it. */
const RENEWALS = 3.3
const COMMAND_POLL_MS = 250

export interface WatchParts {
  readonly options: RunOptions
  readonly journal: Journal
  readonly runEpoch: number
  readonly interruptions: Interruptions
  readonly read: () => Promise<MigrationState>
  readonly emit: (event: MigrationEvent) => Promise<void>
}

export class Watch {
  readonly #timers: NodeJS.Timeout[] = []
  #isCommandBusy = false

  constructor(private readonly parts: WatchParts) {}

  start(): void {
    this.#watchLease()
    this.#watchCommands()
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** @throws {CrossfadeError} WRONG_PHASE when the run's own first command is refused. */
  async carryOut(command: CommandName, actor: string): Promise<{ accepted: boolean; message: string }> {
    const { journal, runEpoch, options, interruptions } = this.parts
    const isWayBackEnded = (await journal.readProgress(WAY_BACK_ENDED)) !== undefined
    const verdict = judge(command, await this.parts.read(), actor, isWayBackEnded)
    if (verdict.accepted && verdict.set) await journal.update(runEpoch, verdict.set)
    await this.parts.emit({ type: 'command', command, accepted: verdict.accepted, answer: verdict.message })
    if (verdict.accepted && verdict.interrupt)
      interruptions.interrupt({ type: verdict.interrupt, reason: `${command} asked for by ${actor}` })
    if (!verdict.accepted && command === options.first) throw new CrossfadeError('WRONG_PHASE', verdict.message)
    return { accepted: verdict.accepted, message: verdict.message }
  }

  #watchLease(): void {
    let missed = 0
    const { journal, runEpoch, options, interruptions } = this.parts
    const { leaseMs } = options.plan.limits
    const renew = async (): Promise<void> => {
      try {
        await journal.renewLease(runEpoch, leaseMs)
        missed = 0
      } catch (error) {
        missed += 1
        options.log.warn({ err: error, missed }, 'the lease was not renewed')
        if (isLeaseLost(error) || missed >= Math.floor(RENEWALS))
          interruptions.interrupt({ type: 'failure', reason: `the lease is lost: ${describe(error)}`, error })
      }
    }
    this.#timers.push(setInterval(() => void renew(), leaseMs / RENEWALS))
  }

  #watchCommands(): void {
    const look = async (): Promise<void> => {
      if (this.#isCommandBusy) return
      this.#isCommandBusy = true
      try {
        await this.#answerCommands()
      } catch (error) {
        this.parts.options.log.warn({ err: error }, 'commands could not be read')
      } finally {
        this.#isCommandBusy = false
      }
    }
    this.#timers.push(setInterval(() => void look(), COMMAND_POLL_MS))
  }

  async #answerCommands(): Promise<void> {
    const { journal, runEpoch } = this.parts
    for (const posted of await journal.pending()) {
      const answer = await this.carryOut(posted.command, posted.actor)
      await journal.answer(posted.id, answer, runEpoch)
    }
  }
}
