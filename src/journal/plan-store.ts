/** Access to the rows of one plan: retries, the lock that orders its writes, and what to answer where there is no journal. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { CrossfadeError } from '../engines/errors.js'
import { checkHolder, ensureLeaseRow, holdLease, lockLease, type LeaseRow, type PlanScope } from './lease.js'
import { readMigration, type StoredMigration } from './rows.js'
import { createJournal, dropJournalIfEmpty, hasJournal } from './tables.js'

/** A deadlock ends one of two; more than a few in a row is something else. */
const MAX_CONTENTION_RETRIES = 5
const CONTENTION_PAUSE_MS = 20
/** The pool has thrown the broken connection away, so the second try has a new one. */
const MAX_LOST_RETRIES = 1
const LOST_PAUSE_MS = 200

/** How long to wait before the call is tried again; undefined when it is not. Pure. */
export function retryDelayMs(error: CrossfadeError, retries: number): number | undefined {
  if (error.code === 'CONTENTION' && retries < MAX_CONTENTION_RETRIES) return CONTENTION_PAUSE_MS * (retries + 1)
  if (error.code === 'CONNECTION_LOST' && retries < MAX_LOST_RETRIES) return LOST_PAUSE_MS
  return undefined
}

export class PlanStore {
  #isPrepared = false

  constructor(readonly scope: PlanScope) {}

  get db(): Knex {
    return this.scope.database.knex
  }

  table(db: Knex, name: string): Knex.QueryBuilder {
    return db.withSchema(this.scope.namespace).from(name)
  }

  /** The newest migration's rows. What was written before the first migration belongs to number 0. */
  async current(db: Knex = this.db): Promise<{ plan: string; migration_id: number }> {
    return { plan: this.scope.plan, migration_id: (await readMigration(db, this.scope))?.id ?? 0 }
  }

  async prepare(): Promise<void> {
    await this.retrying(() => createJournal(this.scope.database, this.scope.namespace))
    await this.retrying(() => ensureLeaseRow(this.scope))
    this.#isPrepared = true
  }

  async remove(runEpoch?: number): Promise<void> {
    const { database, namespace, plan } = this.scope
    const removeRows = (): Promise<void> =>
      database.knex.transaction(async (db) => {
        const lease = await lockLease(db, this.scope).catch((error: unknown) => {
          // Without the row another process has removed them already.
          if (!(error instanceof CrossfadeError)) throw error
        })
        if (lease && runEpoch !== undefined) checkHolder(lease, this.scope, runEpoch)
        const migrations = this.table(db, 'migrations').where({ plan }).select('id')
        await this.table(db, 'progress').whereIn('migration_id', migrations).delete()
        for (const name of ['events', 'commands', 'migrations', 'lease'])
          await this.table(db, name).where({ plan }).delete()
      })
    await this.whenPrepared(removeRows, undefined)
    this.#isPrepared = false
    await this.retrying(() => dropJournalIfEmpty(database, namespace))
  }

  /** Runs a question; the answer is `otherwise` where there is no journal. */
  async whenPrepared<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    return this.retrying(async () => {
      if (!(await this.#look())) return otherwise
      try {
        return await work()
      } catch (error) {
        // Removed by another process since we looked.
        const known = this.scope.database.classify(error)
        this.#isPrepared = false
        if (known.code === 'STATEMENT_FAILED' && !(await this.#look())) return otherwise
        throw known
      }
    })
  }

  /** One transaction under the plan's lock. */
  locked<T>(work: (db: Knex, lease: LeaseRow) => Promise<T>): Promise<T> {
    return this.retrying(() => this.db.transaction(async (db) => work(db, await lockLease(db, this.scope))))
  }

  /** One transaction under the plan's lock, only while the run has the lease. @throws {CrossfadeError} LEASE_LOST */
  held<T>(runEpoch: number, work: (db: Knex, migration: StoredMigration, lease: LeaseRow) => Promise<T>): Promise<T> {
    return this.retrying(() =>
      this.db.transaction(async (db) => {
        const lease = await holdLease(db, this.scope, runEpoch)
        const migration = await readMigration(db, this.scope)
        if (!migration)
          throw new CrossfadeError('JOURNAL_INVALID', `the journal has no migration of the plan "${this.scope.plan}"`)
        return work(db, migration, lease)
      }),
    )
  }

  async retrying<T>(work: () => Promise<T>): Promise<T> {
    for (let retries = 0; ; retries += 1) {
      try {
        return await work()
      } catch (error) {
        const known = this.scope.database.classify(error)
        const delayMs = retryDelayMs(known, retries)
        if (delayMs === undefined) throw known
        await sleep(delayMs * (0.5 + Math.random()))
      }
    }
  }

  async #look(): Promise<boolean> {
    this.#isPrepared ||= await hasJournal(this.db, this.scope.namespace)
    return this.#isPrepared
  }
}
