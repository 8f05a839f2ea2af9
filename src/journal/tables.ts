/** The journal's tables: made, checked and removed. */
import type { Knex } from 'knex'
import type { KnexDatabase } from '../engines/knex.js'
import { CrossfadeError } from '../engines/errors.js'

/** Grows with each change of the tables. */
export const JOURNAL_VERSION = 1

type Build = (table: Knex.CreateTableBuilder) => void

/** By name, in the order in which they are made. Flags and numbers are plain columns, everything with a shape is JSON text. */
const TABLES: Readonly<Record<string, Build>> = {
  /** A row per attempt; the newest of a plan is the one that counts, older ones are history. */
  migrations(table) {
    table.bigIncrements('id')
    table.string('plan', 190).notNullable().index('migrations_plan')
    table.string('plan_hash', 190).notNullable()
    table.string('phase', 30).notNullable()
    table.string('outcome', 30).notNullable()
    table.string('authority', 10).notNullable()
    table.bigInteger('epoch').notNullable()
    table.boolean('is_paused').notNullable()
    table.boolean('is_switch_approved').notNullable()
    table.boolean('is_completion_approved').notNullable()
    table.text('rollback_reason')
    table.bigInteger('started_at_ms').notNullable()
    // Of the last switch, so that a repeated call knows its own work.
    table.string('switch_token', 36)
  },
  events(table) {
    table.bigIncrements('seq')
    table.bigInteger('migration_id').notNullable()
    table.string('plan', 190).notNullable()
    table.bigInteger('at_ms').notNullable()
    table.string('actor', 190).notNullable()
    table.bigInteger('epoch').notNullable()
    table.string('type', 40).notNullable()
    table.text('event', 'longtext').notNullable()
    table.string('token', 36).notNullable().unique({ indexName: 'events_token' })
    table.index(['plan', 'migration_id', 'seq'], 'events_migration')
  },
  progress(table) {
    table.bigInteger('migration_id').notNullable()
    table.string('name', 190).notNullable()
    table.text('value', 'longtext').notNullable()
    table.primary(['migration_id', 'name'])
  },
  /** One row per plan, never removed while the plan has a migration: `run_epoch` only grows. Its lock orders all writes of a plan. */
  lease(table) {
    table.string('plan', 190).notNullable().primary()
    table.bigInteger('run_epoch').notNullable()
    // NULL when nobody holds it.
    table.string('holder', 190)
    table.bigInteger('expires_at_ms').notNullable()
    table.string('token', 36)
  },
  commands(table) {
    table.bigIncrements('id')
    table.bigInteger('migration_id').notNullable()
    table.string('plan', 190).notNullable()
    table.string('command', 30).notNullable()
    table.string('actor', 190).notNullable()
    table.bigInteger('posted_at_ms').notNullable()
    // NULL until answered.
    table.boolean('accepted')
    table.text('message')
    table.string('token', 36).notNullable().unique({ indexName: 'commands_token' })
    table.index(['plan', 'migration_id'], 'commands_migration')
  },
  /** One row. Made last: a journal without it is not complete. */
  version(table) {
    table.integer('version').notNullable().primary()
  },
}

/** Makes what is missing. @throws {CrossfadeError} JOURNAL_INVALID */
export async function createJournal(database: KnexDatabase, namespace: string): Promise<void> {
  await database.exclusively(namespace, async (db) => {
    await database.createNamespace(db, namespace)
    const existing = await listTables(db, namespace)
    if (existing.has('version') && (await checkVersion(db, namespace))) return
    for (const [name, build] of Object.entries(TABLES)) {
      if (existing.has(name)) continue
      await db.schema.withSchema(namespace).createTable(name, (table) => {
        database.setTableOptions(table)
        build(table)
      })
    }
    await db.withSchema(namespace).into('version').insert({ version: JOURNAL_VERSION })
  })
}

/** False when there is no journal. @throws {CrossfadeError} JOURNAL_INVALID when it is of another version. */
export async function hasJournal(db: Knex, namespace: string): Promise<boolean> {
  if (!(await listTables(db, namespace)).has('version')) return false
  return checkVersion(db, namespace)
}

/** Drops the tables when no migration is left in them, and the namespace when nothing is. */
export async function dropJournalIfEmpty(database: KnexDatabase, namespace: string): Promise<void> {
  await database.exclusively(namespace, async (db) => {
    const existing = await listTables(db, namespace)
    for (const name of ['migrations', 'lease']) {
      if (existing.has(name) && (await db.withSchema(namespace).from(name).first(db.raw('1 AS found'))) !== undefined)
        return
    }
    for (const name of Object.keys(TABLES).reverse()) await db.schema.withSchema(namespace).dropTableIfExists(name)
  })
  // A namespace that somebody else made, with permissions of its own, may be one that we must not drop.
  await database.dropNamespaceIfEmpty(database.knex, namespace).catch((error: unknown) => {
    if (database.classify(error).code !== 'PERMISSION_DENIED') throw error
  })
}

/** False when the version's table is there and its row is not: the journal was left half made. */
async function checkVersion(db: Knex, namespace: string): Promise<boolean> {
  // Qualified: in a foreign table without such a column, PostgreSQL takes the bare name for the table's whole row.
  const row = await db
    .withSchema(namespace)
    .from<{ version: number }>('version')
    .first<{ version: number } | undefined>('version.version')
    .catch((cause: unknown) => {
      throw new CrossfadeError('JOURNAL_INVALID', `"${namespace}.version" is no table of a journal`, { cause })
    })
  if (row === undefined) return false
  const version = Number(row.version)
  if (version !== JOURNAL_VERSION) {
    throw new CrossfadeError(
      'JOURNAL_INVALID',
      `the journal in "${namespace}" has version ${version}, this Crossfade reads ${JOURNAL_VERSION}`,
    )
  }
  return true
}

async function listTables(db: Knex, namespace: string): Promise<Set<string>> {
  const rows: { name: string }[] = await db
    .withSchema('information_schema')
    .from('tables')
    .where({ table_schema: namespace })
    .select(db.raw('table_name AS name'))
  return new Set(rows.map(({ name }) => name))
}
