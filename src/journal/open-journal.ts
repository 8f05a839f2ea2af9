/** The journal on a PostgreSQL, MySQL or MariaDB server, by one implementation. */
import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import type { Side } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import { openKnex } from '../engines/knex.js'
import { MAX_NAME_LENGTH, openCommandBox, openEventLog } from './event-log.js'
import type { Journal, MigrationState, Progress } from './journal.js'
import { checkHolder, extendLease, giveUpLease, isFree, readNow, takeLease } from './lease.js'
import { PlanStore } from './plan-store.js'
import { readMigration, toColumns, toState } from './rows.js'

export interface OpenJournalOptions {
  readonly url: string
  readonly metaNamespace: string
  /** Name of the plan. */
  readonly plan: string
}

/**
 * Connects and writes nothing yet. Every call may be repeated after its answer was lost, because it carries a token that tells
 * a second try from a second wish; so each is tried once more when the connection broke.
 * @throws {CrossfadeError} CONNECT_FAILED, URL_INVALID
 */
export async function openJournal({ url, metaNamespace, plan }: OpenJournalOptions): Promise<Journal> {
  const store = new PlanStore({ database: await openKnex(url), namespace: metaNamespace, plan })
  return {
    ...openMigration(store),
    ...openProgress(store),
    ...openLease(store),
    ...openEventLog(store),
    ...openCommandBox(store),
    prepare: () => store.prepare(),
    remove: (runEpoch) => store.remove(runEpoch),
    close: () => store.scope.database.close(),
  }
}

function openMigration(
  store: PlanStore,
): Pick<Journal, 'read' | 'readSettled' | 'begin' | 'update' | 'switchAuthority'> {
  const { scope } = store
  return {
    async read(): Promise<MigrationState | undefined> {
      const migration = await store.whenPrepared(() => readMigration(store.db, scope), undefined)
      return migration && toState(migration)
    },

    readSettled(runEpoch) {
      // A write that is not decided has the lock of the lease's row.
      return store.held(runEpoch, (_, migration) => Promise.resolve(toState(migration)))
    },

    begin(planHash, runEpoch) {
      return store.locked(async (db, lease) => {
        if (runEpoch !== undefined) checkHolder(lease, scope, runEpoch)
        const former = await readMigration(db, scope)
        if (former && former.phase !== 'ended') {
          if (former.planHash === planHash) return toState(former)
          throw new CrossfadeError(
            'REFUSED',
            `a migration of the plan "${scope.plan}" is going on with another text of the plan`,
          )
        }
        await store.table(db, 'migrations').insert({
          plan: scope.plan,
          plan_hash: planHash,
          phase: 'backup',
          outcome: 'running',
          authority: 'blue',
          // Clients may remember the epoch of a former migration.
          epoch: (former?.epoch ?? 0) + 1,
          ...toColumns({ isPaused: false, isSwitchApproved: false, isCompletionApproved: false }),
          started_at_ms: await readNow(db, scope.database),
        })
        const migration = (await readMigration(db, scope))!
        // What preflight found before there was a migration is part of its story.
        await store
          .table(db, 'events')
          .where({ plan: scope.plan, migration_id: 0 })
          .update({ migration_id: migration.id })
        return toState(migration)
      })
    },

    update(runEpoch, fields) {
      return store.held(runEpoch, async (db, { id }) => {
        const columns = toColumns(fields)
        if (Object.keys(columns).length > 0) await store.table(db, 'migrations').where({ id }).update(columns)
      })
    },

    switchAuthority(runEpoch, { fromEpoch, to }) {
      const token = randomUUID()
      return store.held(runEpoch, async (db, { id }, lease) => {
        await store.table(db, 'migrations').where({ id }).forUpdate().first('id')
        const migration = (await readMigration(db, scope))!
        // An earlier try of this very call.
        if (migration.switchToken === token) return true
        // Here a lease that ran out does not do: clients may have taken this run for dead and opened the old side again.
        if (isFree(lease, await readNow(db, scope.database))) {
          throw new CrossfadeError('LEASE_LOST', `the lease of run ${runEpoch} ran out before the switch`)
        }
        const change = { authority: to, epoch: fromEpoch + 1, switch_token: token }
        const isSwitched = (await store.table(db, 'migrations').where({ id, epoch: fromEpoch }).update(change)) === 1
        if (isSwitched) await nameOnBoard(store, db, { side: to, epoch: fromEpoch + 1 })
        return isSwitched
      })
    },
  }
}

/**
 * In the transaction of the commit: pools that open by themselves, because the lease of the hold runs out and nobody releases them,
 * go where the journal says. The version stays: nothing is pushed, and the hold goes on. A journal may have no board.
 */
async function nameOnBoard(store: PlanStore, db: Knex, { side, epoch }: { side: Side; epoch: number }): Promise<void> {
  if (!(await db.schema.withSchema(store.scope.namespace).hasTable('gate'))) return
  await store.table(db, 'gate').where('epoch', '<', epoch).update({ side, epoch })
}

function openProgress(store: PlanStore): Pick<Journal, 'readProgress' | 'writeProgress' | 'listProgress'> {
  return {
    async readProgress(name) {
      return store.whenPrepared<unknown>(async () => {
        const { migration_id } = await store.current()
        const query = store.table(store.db, 'progress').where({ migration_id, name })
        const row = (await query.first('value')) as { value: string } | undefined
        return row && (JSON.parse(row.value) as unknown)
      }, undefined)
    },

    writeProgress(runEpoch, name, value) {
      return store.held(runEpoch, async (db, { id }) => {
        const row = { migration_id: id, name, value: JSON.stringify(value ?? null) }
        await store.table(db, 'progress').insert(row).onConflict(['migration_id', 'name']).merge(['value'])
      })
    },

    listProgress(prefix) {
      return store.whenPrepared<Progress[]>(async () => {
        const { migration_id } = await store.current()
        const query = store.table(store.db, 'progress').where({ migration_id }).orderBy('name')
        // Not LIKE: names hold underscores.
        if (prefix !== '') void query.whereRaw('LEFT(name, ?) = ?', [[...prefix].length, prefix])
        const rows = (await query.select('name', 'value')) as { name: string; value: string }[]
        return rows.map(({ name, value }) => ({ name, value: JSON.parse(value) as unknown }))
      }, [])
    },
  }
}

function openLease(store: PlanStore): Pick<Journal, 'acquireLease' | 'renewLease' | 'releaseLease' | 'leaseHolder'> {
  const { scope } = store
  return {
    acquireLease(holder, ttlMs) {
      const wish = { holder: holder.slice(0, MAX_NAME_LENGTH), ttlMs, token: randomUUID() }
      return store.locked((db, lease) => takeLease(db, scope, lease, wish))
    },

    renewLease(runEpoch, ttlMs) {
      return store.locked((db, lease) => extendLease(db, scope, lease, { runEpoch, ttlMs }))
    },

    async releaseLease(runEpoch) {
      await store.whenPrepared(() => giveUpLease(store.db, scope, runEpoch), undefined)
    },

    leaseHolder() {
      return store.whenPrepared(async () => {
        const query = store.table(store.db, 'lease').where({ plan: scope.plan })
        type Row = { holder: string | null; expires_at_ms: string; now_ms: string }
        const [row] = (await query.select('holder', 'expires_at_ms', scope.database.nowMs)) as Row[]
        const expiresInMs = row ? Number(row.expires_at_ms) - Number(row.now_ms) : 0
        return row?.holder && expiresInMs > 0 ? { holder: row.holder, expiresInMs } : undefined
      }, undefined)
    },
  }
}
