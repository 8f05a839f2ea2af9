/** All tools of one side on MySQL or MariaDB. */
import type { Location, ServerFacts, Side, SideTools } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { StandingSession } from '../standing-session.js'
import { raw } from '../sql.js'
import { createBackup } from './backup.js'
import { createBulkWriter } from './bulk.js'
import { readCollations, type Collations } from './byte-order.js'
import { createCapture } from './capture.js'
import { errnoOf } from './classify-error.js'
import { KillSwitch, type SideContext } from './context.js'
import { mysqlDialect } from './dialect.js'
import { findDrift } from './drift.js'
import { createFence } from './fence.js'
import type { Flavor } from './flavor.js'
import { introspect } from './introspect.js'
import { createLease } from './lease.js'
import { mariadb } from './mariadb.js'
import { metaNames } from './meta.js'
import { mysql } from './mysql.js'
import { markSession } from './own-sessions.js'
import { preflight } from './preflight.js'
import { quoteIdentifier } from './quote.js'
import { dropMetaIfEmpty, findRemains } from './remains.js'
import { readReplicaLag } from './replica-lag.js'
import { enlist } from './run-sessions.js'
import { createIndexes, createTables, dropTables, setNextValue } from './schema.js'
import { MysqlSession } from './session.js'
import { COMMON_SETTINGS } from './settings.js'

const NO_SUCH_DATABASE = 1049

export interface MysqlSideOptions {
  /** Replicas of this server whose lag slows Crossfade down. Default none: a primary does not know how far they are. */
  readonly replicaUrls?: readonly string[]
  /** Default: the current time. */
  readonly now?: () => Date
}

/** @throws {CrossfadeError} CONNECT_FAILED */
export async function openMysqlSide(
  location: Location,
  side: Side,
  options: MysqlSideOptions = {},
): Promise<SideTools> {
  const { flavor, facts, collations } = await detect(location)
  return new MysqlSide(location, side, flavor, facts, { ...options, collations })
}

/** The server says what it is, not the URL. */
async function detect({
  url,
  namespace,
}: Location): Promise<{ flavor: Flavor; facts: ServerFacts; collations: Collations }> {
  const probe = await MysqlSession.open(url, mysqlDialect('mariadb'), { killQuery: async () => {}, onClose: () => {} })
  try {
    const version = String((await probe.query(raw('SELECT VERSION()')))[0]![0])
    const flavor = /mariadb/i.test(version) ? mariadb : mysql
    const names = flavor.factNames.map((name) => `'${name}'`).join(', ')
    const settings = await probe.query(raw(`SHOW GLOBAL VARIABLES WHERE variable_name IN (${names})`))
    const [identity] = await probe.query(raw(`SELECT ${flavor.serverIdentity}, CURRENT_USER()`))
    return {
      flavor,
      collations: await readCollations(probe, namespace),
      facts: {
        engine: flavor.engine,
        version,
        settings: Object.fromEntries(settings.map(([name, value]) => [String(name), String(value)])),
        // The user belongs to it: another one may not be allowed to read the other side.
        reach: `${flavor.engine}:${identity!.map(String).join(':')}`,
      },
    }
  } finally {
    await probe.close()
  }
}

class MysqlSide implements SideTools {
  readonly dialect
  readonly schema
  readonly capture
  readonly fence
  readonly lease
  readonly bulk
  readonly backup
  readonly #context: SideContext
  readonly #killer: KillSwitch
  readonly #open = new Set<MysqlSession>()
  /** All there ever were: the server may list one for a moment after it was closed. */
  readonly #ids = new Set<number>()

  constructor(
    readonly location: Location,
    readonly side: Side,
    private readonly flavor: Flavor,
    readonly facts: ServerFacts,
    private readonly options: MysqlSideOptions & { readonly collations: Collations },
  ) {
    this.dialect = mysqlDialect(flavor.engine, options.collations)
    this.#killer = new KillSwitch(() => this.connect('crossfade control'))
    this.#context = {
      side,
      location,
      flavor,
      facts,
      dialect: this.dialect,
      meta: metaNames(side, location.metaNamespace),
      killer: this.#killer,
      standing: new StandingSession(() => this.connect('crossfade fence')),
      run: { epoch: undefined },
      connect: (application) => this.connect(application),
      withSession: (application, work) => this.#withSession(application, work),
    }
    const ddl = () => ({
      namespace: location.namespace,
      flavor,
      hasExplicitTimestamps: ['ON', '1'].includes(facts.settings['explicit_defaults_for_timestamp'] ?? ''),
      now: (options.now ?? (() => new Date()))(),
    })
    this.schema = {
      createTables: (schema) => createTables(schema, ddl()),
      createIndexes: (schema) => createIndexes(schema, ddl()),
      dropTables: (schema) => dropTables(schema, ddl()),
      setNextValue: (table, _column, next) => setNextValue(location.namespace, table, next),
      introspect: (session) => introspect(session as MysqlSession, location.namespace, flavor),
      drift: async (session, schema) =>
        findDrift(side, schema, await introspect(session as MysqlSession, location.namespace, flavor)),
    } satisfies SideTools['schema']
    this.capture = createCapture(this.#context)
    this.fence = createFence(this.#context)
    this.lease = createLease(this.#context)
    this.bulk = createBulkWriter(this.#context)
    this.backup = createBackup(this.#context)
  }

  async connect(application?: string): Promise<MysqlSession> {
    const hooks = {
      killQuery: (id: number) => this.#killer.killQuery(id),
      onClose: (closed: MysqlSession) => void this.#open.delete(closed),
    }
    const session = await MysqlSession.open(this.location.url, this.dialect, hooks, application)
    this.#open.add(session)
    this.#ids.add(session.id)
    try {
      await this.#prepare(session)
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  preflight(tables: Parameters<SideTools['preflight']>[0]): ReturnType<SideTools['preflight']> {
    return this.#withSession('crossfade preflight', async (session) => {
      const findings = await preflight(this.#context, session, tables)
      const remains = await findRemains(this.#context, session, this.#ids).catch((error: unknown) => {
        // The missing permission is a finding of its own already.
        if (error instanceof CrossfadeError && error.code === 'PERMISSION_DENIED') return []
        throw error
      })
      if (remains.length === 0) return findings
      const message = `${this.side} has remains of an earlier run: ${remains.join(', ')}`
      return [
        ...findings,
        {
          code: 'remains',
          severity: 'warning',
          message,
          hint: 'Resume that run, or remove it with `crossfade abort`.',
        },
      ]
    })
  }

  remains(): Promise<readonly string[]> {
    return this.#withSession('crossfade remains', (session) => findRemains(this.#context, session, this.#ids))
  }

  async load(session: Parameters<SideTools['load']>[0]): ReturnType<SideTools['load']> {
    const [row] = await session.query(raw(`SHOW GLOBAL STATUS LIKE 'Threads_running'`))
    const lags = await Promise.all((this.options.replicaUrls ?? []).map((url) => readReplicaLag(url, this.flavor)))
    const known = lags.filter((lag) => lag !== null)
    // One of them is the thread that asks.
    return {
      replicaLagMs: known.length === 0 ? null : Math.max(...known),
      runningQueries: Math.max(0, Number(row?.[1] ?? 1) - 1),
    }
  }

  dropMeta(): Promise<void> {
    return this.#withSession('crossfade', (session) => dropMetaIfEmpty(this.#context, session))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#killer.close()
    await Promise.all([...this.#open].map((session) => session.close()))
  }

  async #withSession<T>(application: string, work: (session: MysqlSession) => Promise<T>): Promise<T> {
    await using session = await this.connect(application)
    return await work(session)
  }

  async #prepare(session: MysqlSession): Promise<void> {
    await session.execute(raw(`SET ${[...COMMON_SETTINGS, ...this.flavor.sessionSettings].join(', ')}`))
    await session.execute(raw('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'))
    await markSession(this, session)
    const { epoch } = this.#context.run
    if (epoch !== undefined) await enlist(this.#context, session, epoch)
    try {
      await session.execute(raw(`USE ${quoteIdentifier(this.location.namespace)}`))
    } catch (error) {
      // `createTables` makes the database; until then statements name everything in full.
      if (errnoOf(error) !== NO_SUCH_DATABASE) throw error
    }
  }
}
