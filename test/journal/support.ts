import { expect, onTestFinished } from 'vitest'
import type { Journal } from '../../src/journal/journal.js'
import { openJournal } from '../../src/journal/open-journal.js'
import { createDatabase, runSql, type ServerEngine } from '../support/servers.js'

export interface JournalServer {
  readonly engine: ServerEngine
  readonly url: string
  readonly metaNamespace: string
  /** Another journal of this or another plan, as another process has it. */
  open(plan?: string): Promise<Journal>
  sql(...statements: string[]): Promise<Record<string, unknown>[]>
  /** Tables and namespaces of Crossfade on the server. */
  listRemains(): Promise<unknown[]>
}

/** A database of its own with a meta namespace of its own; both go when the test ends. */
export const useJournalServer = async (engine: ServerEngine): Promise<JournalServer> => {
  const database = await createDatabase(engine)
  const metaNamespace = `${database.name}_meta`
  const sql = (...statements: string[]): Promise<Record<string, unknown>[]> =>
    runSql(engine, database.url, ...statements)
  const journals: Journal[] = []
  onTestFinished(async () => {
    await Promise.all(journals.map((journal) => journal.close()))
    // In PostgreSQL the schema goes with its database.
    if (engine !== 'postgres') await sql(`DROP DATABASE IF EXISTS ${metaNamespace}`)
    await database[Symbol.asyncDispose]()
  })
  return {
    engine,
    url: database.url,
    metaNamespace,
    async open(plan = 'shop') {
      const journal = await openJournal({ url: database.url, metaNamespace, plan })
      journals.push(journal)
      return journal
    },
    sql,
    listRemains: async () => [
      ...(await sql(
        `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${metaNamespace}'`,
      )),
      ...(await sql(
        `SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name = '${metaNamespace}'`,
      )),
    ],
  }
}

/** Ends every other connection of this database's server that works in it, as a failing network would. */
export const killConnections = async ({ engine, sql, url }: JournalServer): Promise<number> => {
  if (engine === 'postgres') {
    const mine = `FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
    return (await sql(`SELECT pg_terminate_backend(pid) ${mine}`)).length
  }
  const name = new URL(url).pathname.slice(1)
  const rows = await sql(`SELECT id FROM information_schema.processlist WHERE db = '${name}' AND id <> connection_id()`)
  await sql(...rows.map((row) => `KILL ${String(row['id'] ?? row['ID'])}`))
  return rows.length
}

export const expectCode = async (work: Promise<unknown>, code: string): Promise<Error> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'CrossfadeError', code })
  return error as Error
}
