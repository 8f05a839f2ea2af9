/** Dumps, restores and positions for point-in-time recovery. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackupTools, Location, Session } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import type { SideContext } from './context.js'
import { findProgram, runLocally, runProgram } from './dump-programs.js'
import { scratchName } from '../scratch.js'
import { boundedName, quoteIdentifier } from './literals.js'
import { dumpLogically, isLogicalDump, restoreLogically } from './logical-dump.js'
import { PostgresSession } from './session.js'

export function createBackup(context: SideContext): BackupTools {
  const { location, majorVersion } = context
  return {
    dump: async (file, signal, witness) => {
      const program = await chooseProgram(context)
      if ('reason' in program) {
        await context.withSession('backup', (session) =>
          dumpLogically(session, location.namespace, file, signal, witness),
        )
        const note = `${program.reason}; the built-in logical dump holds tables and rows, but no views and functions`
        return { tool: 'built-in', note, bytes: (await stat(file)).size }
      }
      const only = `--schema=${quoteIdentifier(location.namespace)}`
      await context.withSession('backup', (session) =>
        session.transaction(
          async () => {
            const [row] = await session.query(raw('SELECT pg_export_snapshot()'))
            const options = [
              '--format=custom',
              '--no-password',
              only,
              `--snapshot=${String(row![0])}`,
              `--file=${file}`,
            ]
            await runProgram(program.path, location.url, options, signal)
            await witness?.(session, session)
          },
          { snapshot: true },
        ),
      )
      return { tool: 'pg_dump', note: `pg_dump ${program.version}`, bytes: (await stat(file)).size }
    },
    recoveryMarker: (session, name) => recoveryMarker(session, name),
    restore: async (file, signal) => {
      const name = scratchName(location)
      await dropScratch(context, name)
      if (await isLogicalDump(file)) {
        await context.withSession('backup', (session) => restoreLogically(session, name, file, signal))
        return schemaLocation(location, name)
      }
      const program = await findProgram('pg_restore', majorVersion)
      if ('reason' in program)
        throw new CrossfadeError('BACKUP_UNPROVEN', `the dump cannot be restored: ${program.reason}`)
      const target = databaseLocation(location, name)
      await context.withSession('backup', (session) => createDatabase(session, name))
      await prepareDatabase(context, target)
      await restoreDatabase(program.path, target, file, signal)
      return target
    },
    dropScratch: () => dropScratch(context, scratchName(location)),
  }
}

/** pg_dump is used only where its dump can be restored and compared: that takes a database of its own. */
async function chooseProgram(context: SideContext) {
  const program = await findProgram('pg_dump', context.majorVersion)
  if ('reason' in program) return program
  const [row] = await context.withSession('backup', (session) =>
    session.query(sql`SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user`),
  )
  return row?.[0] === 't' ? program : { reason: 'the role may not create a database to prove a dump of pg_dump in' }
}

async function recoveryMarker(session: Session, name: string): Promise<string> {
  const [row] = await session.query(
    sql`SELECT pg_current_wal_lsn(), has_function_privilege('pg_create_restore_point(text)', 'EXECUTE') AND current_setting('wal_level') <> 'minimal'`,
  )
  const [position, mayName] = row!
  if (mayName !== 't') return `${name}: ${String(position)}`
  const point = boundedName(name)
  const [named] = await session.query(sql`SELECT pg_create_restore_point(${point})`)
  return `${name}: ${String(named![0])}, restore point ${point}`
}

async function createDatabase(session: PostgresSession, name: string): Promise<void> {
  const [row] = await session.query(
    sql`SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = current_database()`,
  )
  const [encoding, collate, ctype] = row!.map((value) => `'${String(value).replaceAll("'", "''")}'`)
  await session.script(
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING ${encoding} LC_COLLATE ${collate} LC_CTYPE ${ctype}`,
  )
}

/** A dump of one schema has neither the schema `public` nor extensions, which its tables may need. */
async function prepareDatabase(context: SideContext, target: Location): Promise<void> {
  const extensions = await context.withSession('backup', (session) =>
    session.query(
      sql`SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql'`,
    ),
  )
  await using session = await PostgresSession.open(target.url, 'backup', context.dialect)
  await session.execute(raw(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(target.namespace)}`))
  for (const [extension, schema] of extensions) {
    await session.execute(raw(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(String(schema))}`))
    // One that cannot be made here shows as a failed restore where a table needs it.
    await session
      .execute(
        raw(
          `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(String(extension))} SCHEMA ${quoteIdentifier(String(schema))} CASCADE`,
        ),
      )
      .catch(() => undefined)
  }
}

/** Tables and rows must come over without an error. Indexes and keys may refer to other schemas, which are not in the dump. */
async function restoreDatabase(program: string, target: Location, file: string, signal: AbortSignal): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-'))
  try {
    const list = join(directory, 'list')
    const entries = (await runLocally(program, ['--list', file], signal)).split('\n')
    // The schema is there already; triggers of Crossfade need functions that are not in the dump.
    const isWanted = (entry: string) =>
      !/^\d+; \d+ \d+ SCHEMA /.test(entry) && !/ TRIGGER \S+ \S+ crossfade_/.test(entry)
    await writeFile(list, entries.filter(isWanted).join('\n'))
    const common = ['--no-owner', '--no-privileges', '--no-password', `--use-list=${list}`, file]
    await runProgram(
      program,
      target.url,
      ['--section=pre-data', '--section=data', '--exit-on-error', ...common],
      signal,
    )
    await runProgram(program, target.url, ['--section=post-data', ...common], signal).catch(() =>
      signal.throwIfAborted(),
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function dropScratch(context: SideContext, name: string): Promise<void> {
  await context.withSession('backup', async (session) => {
    await session.script(`DROP SCHEMA IF EXISTS ${quoteIdentifier(name)} CASCADE`)
    const [found] = await session.query(sql`SELECT 1 FROM pg_database WHERE datname = ${name}`)
    if (found) await session.script(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`)
  })
}

function databaseLocation(location: Location, name: string): Location {
  const url = new URL(location.url)
  url.pathname = `/${encodeURIComponent(name)}`
  return { ...location, url: url.href }
}

function schemaLocation(location: Location, name: string): Location {
  const url = new URL(location.url)
  url.searchParams.set('schema', name)
  return { ...location, url: url.href, namespace: name }
}
