/** Opens tables of Crossfade's own through knex: the driver and the few words in which the engines differ stay here. */
import createKnex, { type Knex } from 'knex'
import { CrossfadeError } from './errors.js'
import { endWhenSilent } from './silence.js'
import { redactUrl } from './location.js'
import { classifyConnectError, classifyError as classifyMysql } from './mysql/classify-error.js'
import { knexConfig as mysqlConfig } from './mysql/connection-options.js'
import { classifyError as classifyPostgres, connectError } from './postgres/classify-error.js'
import { knexConfig as postgresConfig } from './postgres/client.js'

/** What the engines say differently about tables that knex keeps. */
export interface KnexDatabase {
  readonly knex: Knex
  /** The server's clock in milliseconds of Unix time, as it is when the row is read, not when the transaction began. */
  readonly nowMs: Knex.Raw
  /** Names compare by code point. */
  setTableOptions(table: Knex.CreateTableBuilder): void
  hasNamespace(db: Knex, name: string): Promise<boolean>
  /** Makes the schema or database when it is missing. */
  createNamespace(db: Knex, name: string): Promise<void>
  /** Drops the schema or database when it holds nothing. */
  dropNamespaceIfEmpty(db: Knex, name: string): Promise<void>
  /** Runs `work` on one connection while no other process runs work under the same name on this server. */
  exclusively<T>(name: string, work: (db: Knex) => Promise<T>): Promise<T>
  classify(error: unknown): CrossfadeError
  close(): Promise<void>
}

/** One for the run, one for its events, one for questions of an operator. */
const MAX_CONNECTIONS = 3
/** More than any statement of ours takes; a pool that has no connection by then has no server. */
const ACQUIRE_TIMEOUT_MS = 15_000
const LOCK_TIMEOUT_S = 10
/**
 * Whoever is stopped in the middle of a transaction has the lock by which all of a plan follow each other: the server ends it, or
 * nobody could take over. No more than a wait for the lock, so that who waits gets in with the next try.
 */
const IDLE_TIMEOUT_S = LOCK_TIMEOUT_S
/** A connection that nobody uses goes before the server closes it. */
const POOL_IDLE_MS = 5000
/** Longer than any statement waits for a lock: then the network has lost it. An idle connection goes as well, and is opened again. */
const SILENCE_MS = 15_000

/** @throws {CrossfadeError} CONNECT_FAILED, URL_INVALID */
export async function openKnex(url: string): Promise<KnexDatabase> {
  const database = familyOf(url) === 'postgres' ? postgres(url) : mysql(url)
  try {
    await database.knex.select(database.nowMs)
    return database
  } catch (error) {
    await database.close()
    throw database.connectError(error)
  }
}

/** Not by parseUrl: a journal, unlike a side, may have the meta namespace itself as its database. */
function familyOf(url: string): 'postgres' | 'mysql' {
  const protocol = URL.canParse(url) ? new URL(url).protocol : ''
  if (protocol === 'postgres:' || protocol === 'postgresql:') return 'postgres'
  if (protocol === 'mysql:' || protocol === 'mariadb:') return 'mysql'
  throw new CrossfadeError('URL_INVALID', 'the URL of the journal has no scheme that Crossfade knows')
}

type Opened = KnexDatabase & { connectError(error: unknown): CrossfadeError }

function postgres(url: string): Opened {
  const knex = open(
    postgresConfig(url),
    `SET TIME ZONE 'UTC'; SET lock_timeout = '${LOCK_TIMEOUT_S}s'; SET idle_in_transaction_session_timeout = '${IDLE_TIMEOUT_S}s'; SET default_transaction_read_only = off`,
  )
  const count = async (db: Knex, statement: string, name: string): Promise<number> => {
    const { rows } = (await db.raw(statement, [name])) as { rows: { n: string }[] }
    return Number(rows[0]!.n)
  }
  const hasNamespace = async (db: Knex, name: string): Promise<boolean> =>
    (await count(db, 'SELECT COUNT(*) AS n FROM pg_namespace WHERE nspname = ?', name)) > 0
  return {
    knex,
    nowMs: knex.raw('(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint AS now_ms'),
    setTableOptions: () => undefined,
    hasNamespace,
    async createNamespace(db, name) {
      // IF NOT EXISTS alone asks for the permission to make schemas even where there is nothing to make.
      if (!(await hasNamespace(db, name))) await db.raw('CREATE SCHEMA IF NOT EXISTS ??', [name])
    },
    async dropNamespaceIfEmpty(db, name) {
      const objects = `SELECT (SELECT COUNT(*) FROM pg_class c WHERE c.relnamespace = s.oid) + (SELECT COUNT(*) FROM pg_proc p WHERE p.pronamespace = s.oid)
        + (SELECT COUNT(*) FROM pg_type t WHERE t.typnamespace = s.oid) AS n FROM (SELECT to_regnamespace(quote_ident(?))::oid AS oid) s`
      if ((await hasNamespace(db, name)) && (await count(db, objects, name)) === 0)
        await db.raw('DROP SCHEMA ??', [name])
    },
    exclusively: (name, work) =>
      knex.transaction(async (db) => {
        await db.raw('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))', [name])
        return work(db)
      }),
    classify: (error) => timeoutOf(error) ?? classifyPostgres(error),
    connectError: (error) => connectError(error, redactUrl(url)),
    close: () => knex.destroy(),
  }
}

function mysql(url: string): Opened {
  const knex = open(
    mysqlConfig(url),
    `SET SESSION time_zone = '+00:00', lock_wait_timeout = ${LOCK_TIMEOUT_S}, innodb_lock_wait_timeout = ${LOCK_TIMEOUT_S}, wait_timeout = ${IDLE_TIMEOUT_S}, sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO'`,
    // Under REPEATABLE READ a FOR UPDATE that finds no row locks the gap.
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  )
  const count = async (db: Knex, statement: string, name: string): Promise<number> => {
    const [rows] = (await db.raw(statement, [name])) as [{ n: string | number | null }[]]
    return Number(rows[0]!.n)
  }
  const hasNamespace = async (db: Knex, name: string): Promise<boolean> =>
    (await count(db, 'SELECT COUNT(*) AS n FROM information_schema.schemata WHERE schema_name = ?', name)) > 0
  return {
    knex,
    // NOW() is the start of the statement, SYSDATE() the moment of the row: it matters after a wait for a lock.
    nowMs: knex.raw('CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS UNSIGNED) AS now_ms'),
    setTableOptions(table) {
      table.engine('InnoDB')
      table.charset('utf8mb4')
      table.collate('utf8mb4_bin')
    },
    hasNamespace,
    async createNamespace(db, name) {
      if (!(await hasNamespace(db, name)))
        await db.raw('CREATE DATABASE IF NOT EXISTS ?? CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', [name])
    },
    async dropNamespaceIfEmpty(db, name) {
      const objects = `SELECT (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = s.name) + (SELECT COUNT(*) FROM information_schema.routines
        WHERE routine_schema = s.name) + (SELECT COUNT(*) FROM information_schema.events WHERE event_schema = s.name) AS n FROM (SELECT ? AS name) s`
      if ((await hasNamespace(db, name)) && (await count(db, objects, name)) === 0)
        await db.raw('DROP DATABASE ??', [name])
    },
    exclusively: (name, work) =>
      // The transaction only keeps the connection: DDL commits by itself here.
      knex.transaction(async (db) => {
        const lock = `crossfade ${name}`.slice(0, 64)
        if ((await count(db, `SELECT GET_LOCK(?, ${LOCK_TIMEOUT_S}) AS n`, lock)) !== 1) {
          throw new CrossfadeError('CONTENTION', `another process works on the tables of "${name}"`)
        }
        try {
          return await work(db)
        } finally {
          await db.raw('DO RELEASE_LOCK(?)', [lock])
        }
      }),
    classify: (error) => timeoutOf(error) ?? classifyMysql(error),
    connectError: (error) => classifyConnectError(error, redactUrl(url)),
    close: () => knex.destroy(),
  }
}

/** What the drivers' connections have here: one method, and a socket in different places. */
interface RawConnection {
  /** mysql2. */
  readonly stream?: NodeJS.ReadableStream
  /** pg. */
  readonly connection?: { readonly stream: NodeJS.ReadableStream }
  query(text: string, done: (error: Error | null) => void): unknown
}

function open(config: Knex.Config, ...setUp: readonly string[]): Knex {
  return createKnex({
    ...config,
    // A connection that dies while idle is replaced; nobody needs to read about it on the console.
    log: { warn: () => undefined, error: () => undefined, debug: () => undefined, deprecate: () => undefined },
    // Otherwise a failed statement carries its values in the message.
    compileSqlOnError: false,
    pool: {
      min: 0,
      max: MAX_CONNECTIONS,
      acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS,
      idleTimeoutMillis: POOL_IDLE_MS,
      afterCreate(connection: RawConnection, done: (error: Error | null, connection: RawConnection) => void) {
        endWhenSilent(connection.stream ?? connection.connection!.stream, SILENCE_MS)
        const next = (index: number): void => {
          const statement = setUp[index]
          if (statement === undefined) return done(null, connection)
          connection.query(statement, (error) => (error ? done(error, connection) : next(index + 1)))
        }
        next(0)
      },
    },
  })
}

function timeoutOf(error: unknown): CrossfadeError | undefined {
  if (!(error instanceof createKnex.KnexTimeoutError)) return undefined
  return new CrossfadeError('CONNECTION_LOST', 'the journal got no connection in time', { cause: error })
}
