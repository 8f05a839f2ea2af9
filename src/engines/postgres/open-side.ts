/** Puts together what PostgreSQL offers for one side. */
import type { Dialect, Location, ServerFacts, Side, SideTools } from '../engine.js'
import { sql } from '../sql.js'
import { createBackup } from './backup.js'
import { createBulkWriter } from './bulk.js'
import { createCapture } from './capture.js'
import { createContext } from './context.js'
import { postgresDialect, type PostgresDialectOptions } from './dialect.js'
import { createFence } from './fence.js'
import { createLease } from './lease.js'
import { readLoad } from './load.js'
import { dropMeta, ensureMeta, metaNames } from './meta.js'
import { preflight } from './preflight.js'
import { listRemains } from './remains.js'
import { createSchemaTools } from './schema-tools.js'
import { PostgresSession } from './session.js'

export interface PostgresSide extends SideTools {
  /** Makes the meta schema with the functions that expressions use before PostgreSQL 16. Repeating it changes nothing. */
  prepareMeta(): Promise<void>
}

export type OpenPostgresOptions = Pick<PostgresDialectOptions, 'rowHash'>

/** @throws {CrossfadeError} CONNECT_FAILED */
export async function openPostgresSide(
  location: Location,
  side: Side,
  options: OpenPostgresOptions = {},
): Promise<PostgresSide> {
  const { namespace, metaNamespace } = location
  const { facts, majorVersion, canReplicate } = await readFacts(location, postgresDialect({ metaNamespace }))
  const dialect = postgresDialect({ metaNamespace, majorVersion, ...options })
  const meta = metaNames(side, namespace, metaNamespace)
  const context = createContext({ side, location, dialect, facts, majorVersion, canReplicate, meta })
  return {
    side,
    location,
    facts,
    dialect,
    connect: (application = 'session') => context.connect(application),
    schema: createSchemaTools(side, namespace),
    capture: createCapture(context),
    fence: createFence(context),
    lease: createLease(context),
    bulk: createBulkWriter(namespace),
    backup: createBackup(context),
    preflight: (tables) => context.withSession('preflight', (session) => preflight(context, session, tables)),
    remains: () => context.withSession('remains', (session) => listRemains(context, session)),
    load: readLoad,
    prepareMeta: () => context.withSession('meta', (session) => ensureMeta(session, meta, majorVersion)),
    dropMeta: () => context.withSession('meta', (session) => dropMeta(session, meta)),
    // Other sessions belong to those who asked for them.
    [Symbol.asyncDispose]: () => context.standing.close(),
  }
}

/** Shown in reports; preflight judges some of them. */
const SETTINGS = [
  'server_version',
  'server_encoding',
  'wal_level',
  'max_connections',
  'max_prepared_transactions',
  'default_transaction_isolation',
  'synchronous_commit',
  'deadlock_timeout',
  'TimeZone',
]

async function readFacts(location: Location, dialect: Dialect) {
  await using session = await PostgresSession.open(location.url, 'facts', dialect, location.namespace)
  const rows = await session.query(
    sql`SELECT name, coalesce(reset_val, setting) FROM pg_settings WHERE name = ANY (CAST(${`{${SETTINGS.join(',')}}`} AS text[]))`,
  )
  const settings = Object.fromEntries(rows.map(([name, value]) => [String(name), String(value)]))
  const [row] = await session.query(sql`SELECT current_setting('server_version_num')::int / 10000,
    current_setting('session_replication_role'), pg_postmaster_start_time(),
    (SELECT oid FROM pg_database WHERE datname = current_database()), inet_server_port()`)
  const [major, role, startedAt, database, port] = row!.map(String)
  const facts: ServerFacts = {
    engine: 'postgres',
    version: settings['server_version'] ?? 'unknown',
    settings,
    // A replica has the system identifier of its primary, but not its start time.
    reach: `postgres/${await systemIdentifier(session)}/${startedAt}/${port}/${database}`,
  }
  return { facts, majorVersion: Number(major), canReplicate: role === 'replica' }
}

/** Not every role may ask for it; start time, port and database number tell servers apart well enough then. */
async function systemIdentifier(session: PostgresSession): Promise<string> {
  const [may] = await session.query(sql`SELECT has_function_privilege('pg_control_system()', 'EXECUTE')`)
  if (may?.[0] !== 't') return 'unknown'
  const [row] = await session.query(sql`SELECT system_identifier FROM pg_control_system()`)
  return String(row![0])
}
