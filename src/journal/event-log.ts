/** Events and commands of a migration: what was told, and what an operator asked for. */
import { randomUUID } from 'node:crypto'
import type { CommandName, MigrationEvent, StoredEvent } from './events.js'
import type { Journal, PostedCommand } from './journal.js'
import { checkHolder, readNow } from './lease.js'
import type { PlanStore } from './plan-store.js'
import { readMigration, toCommand, toEvent, type EventRow } from './rows.js'

/** The columns for actors are this long. */
export const MAX_NAME_LENGTH = 190

export type EventLog = Pick<Journal, 'append' | 'events'>
export type CommandBox = Pick<Journal, 'post' | 'pending' | 'answer' | 'readAnswer'>

export function openEventLog(store: PlanStore): EventLog {
  const { plan, database } = store.scope
  return {
    async append(actor: string, event: MigrationEvent, runEpoch?: number): Promise<void> {
      const token = randomUUID()
      // Under the lock numbers are given in the order of commits, so a reader that remembers the last one misses none.
      await store.locked(async (db, lease) => {
        if (runEpoch !== undefined) checkHolder(lease, store.scope, runEpoch)
        const migration = await readMigration(db, store.scope)
        const row = {
          migration_id: migration?.id ?? 0,
          plan,
          at_ms: await readNow(db, database),
          actor: actor.slice(0, MAX_NAME_LENGTH),
          epoch: migration?.epoch ?? 0,
          type: event.type,
          event: JSON.stringify(event),
          token,
        }
        await store.table(db, 'events').insert(row).onConflict('token').ignore()
      })
    },

    events(options = {}): Promise<StoredEvent[]> {
      return store.whenPrepared(async () => {
        const query = store
          .table(store.db, 'events')
          .where(await store.current())
          .orderBy('seq')
        if (options.after !== undefined) void query.where('seq', '>', options.after)
        if (options.types !== undefined) void query.whereIn('type', options.types)
        if (options.limit !== undefined) void query.limit(options.limit)
        const rows = (await query.select('seq', 'at_ms', 'actor', 'epoch', 'event')) as EventRow[]
        return rows.map(toEvent)
      }, [])
    },
  }
}

export function openCommandBox(store: PlanStore): CommandBox {
  return {
    post(command: CommandName, actor: string): Promise<number> {
      const token = randomUUID()
      return store.locked(async (db) => {
        const row = {
          ...(await store.current(db)),
          command,
          actor: actor.slice(0, MAX_NAME_LENGTH),
          posted_at_ms: await readNow(db, store.scope.database),
          token,
        }
        await store.table(db, 'commands').insert(row).onConflict('token').ignore()
        const { id } = (await store.table(db, 'commands').where({ token }).first('id')) as { id: string }
        return Number(id)
      })
    },

    pending(): Promise<PostedCommand[]> {
      return store.whenPrepared(async () => {
        const query = store.table(store.db, 'commands').where(await store.current())
        const rows = (await query.whereNull('accepted').orderBy('id').select('id', 'command', 'actor')) as Parameters<
          typeof toCommand
        >[0][]
        return rows.map(toCommand)
      }, [])
    },

    async answer(id, { accepted, message }, runEpoch): Promise<void> {
      await store.locked(async (db, lease) => {
        if (runEpoch !== undefined) checkHolder(lease, store.scope, runEpoch)
        await store.table(db, 'commands').where({ id }).whereNull('accepted').update({ accepted, message })
      })
    },

    readAnswer(id) {
      return store.whenPrepared(async () => {
        const query = store.table(store.db, 'commands').where({ id }).whereNotNull('accepted')
        const row = (await query.first('accepted', 'message')) as
          { accepted: boolean | number; message: string | null } | undefined
        return row && { accepted: Number(row.accepted) === 1, message: row.message ?? '' }
      }, undefined)
    },
  }
}
