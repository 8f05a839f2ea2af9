/** Authority row, gates and the fence of one side. */
import type { AuthorityState, Fence } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { ignoreNoDatabase } from './capture.js'
import type { SideContext } from './context.js'
import { gateTriggers } from './gate.js'
import { ensureMetaDatabase, listMetaTables } from './meta.js'
import { openTransactions, tableBlockers } from './sessions-in-the-way.js'
import type { MysqlSession } from './session.js'
import { dropTriggers, installTriggers, listTriggers } from './triggers.js'

/** After this many misses in a row LOCK TABLES takes turns with UPDATE, which fares better where applications lock rows first. */
const MISSES_BEFORE_TURNS = 2
/** A refused writer keeps its shared lock until its transaction ends; opening waits for it, but not for ever. */
const OPEN_ATTEMPT_MS = 1_000
const OPEN_ATTEMPTS = 30

/**
 * Whoever is stopped with the lock in hand lets every writer wait: the server takes it away. Between two statements under the
 * lock pass milliseconds.
 */
const LOCK_IDLE_S = 5

type Closing = { fenced: true } | { fenced: false; blockers: readonly string[] }

export function createFence(context: SideContext): Fence {
  const { side, meta } = context
  const { namespace } = context.location
  const authority = raw(meta.authority)
  let misses = 0
  const close = async (session: MysqlSession, epoch: number, budgetMs: number): Promise<Closing> => {
    const takesTurns = misses >= MISSES_BEFORE_TURNS && misses % 2 === 0
    return takesTurns
      ? closeByUpdate(context, session, epoch, budgetMs)
      : closeByLock(context, session, epoch, budgetMs)
  }
  const gates = (session: MysqlSession) => listTriggers(context, session, 'gate')
  return {
    async prepare({ epoch, isWritable }) {
      await context.withSession('crossfade fence', async (session) => {
        await ensureMetaDatabase(session, meta.database)
        await session.execute(
          raw(
            `CREATE TABLE IF NOT EXISTS ${meta.authority} (id TINYINT NOT NULL PRIMARY KEY, side VARCHAR(8) NOT NULL, epoch BIGINT NOT NULL, writable TINYINT NOT NULL) ENGINE=InnoDB`,
          ),
        )
        await session.execute(
          sql`INSERT INTO ${authority} (id, side, epoch, writable) SELECT 1, ${side}, ${epoch}, ${isWritable ? 1 : 0} FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ${authority} AS a WHERE a.id = 1)`,
        )
      })
    },
    async arm(tables, options) {
      const triggers = tables.flatMap((table) => gateTriggers(side, meta, table))
      await installTriggers(context, triggers, ['gate'], options)
    },
    async isArmed(tables) {
      const installed = await context.withSession('crossfade fence', gates)
      const bodies = new Map(installed.map(({ name, table, body }) => [`${table}.${name}`, body]))
      return tables.every((table) =>
        gateTriggers(side, meta, table).every(({ name, body }) => bodies.get(`${table}.${name}`) === body),
      )
    },
    async disarm(tables, options) {
      const wanted = new Set(tables)
      const installed = await context.withSession('crossfade fence', gates)
      await dropTriggers(
        context,
        installed.filter(({ table }) => wanted.has(table)),
        options,
      )
    },
    async exists() {
      const tables = await context.withSession('crossfade fence', (session) => listMetaTables(session, meta.database))
      if (!tables.includes(meta.tables.authority)) return false
      const [row] = await context.withSession('crossfade fence', (session) =>
        session.query(sql`SELECT 1 FROM ${authority} WHERE id = 1`),
      )
      return row !== undefined
    },
    read: () => context.standing.run((session) => readAuthority(context, session)),
    async close({ epoch, budgetMs }) {
      await context.killer.warmUp()
      return context.standing.run(async (session) => {
        const startedAt = performance.now()
        await session.execute(
          raw(`SET @crossfade_wait_timeout = @@wait_timeout, SESSION wait_timeout = ${LOCK_IDLE_S}`),
        )
        const outcome = await close(session, epoch, budgetMs)
        await session.execute(raw('SET SESSION wait_timeout = @crossfade_wait_timeout'))
        misses = outcome.fenced ? 0 : misses + 1
        return { ...outcome, waitedMs: Math.round(performance.now() - startedAt) }
      })
    },
    async open(epoch) {
      await context.standing.run(async (session) => {
        const statement = sql`UPDATE ${authority} SET writable = 1, epoch = ${epoch} WHERE id = 1`
        for (let attempt = 0; attempt < OPEN_ATTEMPTS; attempt += 1) {
          if (await context.flavor.attempt(session, statement, OPEN_ATTEMPT_MS, context.killer)) return
        }
        const blockers = await openTransactions(context.flavor, session)
        throw new CrossfadeError(
          'TABLE_BUSY',
          `${side} cannot be opened while transactions hold it: ${blockers.map((one) => one.session).join('; ')}`,
        )
      })
      const state = await context.standing.run((session) => readAuthority(context, session))
      if (!state.isWritable || state.epoch !== epoch)
        throw new CrossfadeError('REFUSED', `${side} did not open at epoch ${epoch}`)
    },
    async longTransactions(olderThanMs) {
      return context.withSession('crossfade fence', async (session) => {
        // A session of another database of this server writes elsewhere; should it write here, the fence names it.
        const isNear = sql`(t.id = 0 OR (t.modified > 0 AND COALESCE(p.db, ${namespace}) = ${namespace}))`
        const found = await openTransactions(context.flavor, session, isNear)
        return found
          .filter(({ ageMs }) => ageMs >= olderThanMs)
          .map(({ session: name, ageMs }) => ({ session: name, ageMs }))
      })
    },
    async remove() {
      await dropTriggers(context, await context.withSession('crossfade fence', gates), {})
      await context.withSession('crossfade fence', async (session) => {
        await session.execute(raw(`DROP TABLE IF EXISTS ${meta.authority}`)).catch(ignoreNoDatabase)
      })
    },
  }
}

async function readAuthority({ side, meta }: SideContext, session: MysqlSession): Promise<AuthorityState> {
  const [row] = await session.query(sql`SELECT epoch, writable FROM ${raw(meta.authority)} WHERE id = 1`)
  if (!row) throw new CrossfadeError('REFUSED', `${side} has no authority row`)
  return { side, epoch: Number(row[0]), isWritable: row[1] === '1' }
}

/** The metadata lock is taken before any row lock of a statement, so this waits for writers in flight without a deadlock. */
async function closeByLock(
  context: SideContext,
  session: MysqlSession,
  epoch: number,
  budgetMs: number,
): Promise<Closing> {
  const authority = raw(context.meta.authority)
  const hasLock = await context.flavor.attempt(session, sql`LOCK TABLES ${authority} WRITE`, budgetMs, context.killer)
  if (!hasLock) return missed(context, session)
  try {
    const prepared = await preparedTransactions(session)
    if (prepared.length > 0) return { fenced: false, blockers: prepared }
    await session.execute(sql`UPDATE ${authority} SET writable = 0, epoch = ${epoch} WHERE id = 1`)
  } finally {
    await session.execute(raw('UNLOCK TABLES'))
  }
  return confirmed(context, session, epoch)
}

async function closeByUpdate(
  context: SideContext,
  session: MysqlSession,
  epoch: number,
  budgetMs: number,
): Promise<Closing> {
  const statement = sql`UPDATE ${raw(context.meta.authority)} SET writable = 0, epoch = ${epoch} WHERE id = 1`
  await session.execute(raw('START TRANSACTION'))
  let prepared: readonly string[] = []
  let isDone = false
  try {
    if (await context.flavor.attempt(session, statement, budgetMs, context.killer)) {
      prepared = await preparedTransactions(session)
      isDone = prepared.length === 0
    }
  } finally {
    await session.execute(raw(isDone ? 'COMMIT' : 'ROLLBACK'))
  }
  if (isDone) return confirmed(context, session, epoch)
  return prepared.length > 0 ? { fenced: false, blockers: prepared } : missed(context, session)
}

/** A prepared XA transaction of MariaDB has dropped its shared lock and could still commit behind the fence. */
async function preparedTransactions(session: MysqlSession): Promise<readonly string[]> {
  const rows = await session.query(raw('XA RECOVER'))
  return rows.map((_, index) => `prepared XA transaction ${index + 1} of ${rows.length} (see XA RECOVER)`)
}

async function confirmed(context: SideContext, session: MysqlSession, epoch: number): Promise<Closing> {
  const state = await readAuthority(context, session)
  if (state.isWritable || state.epoch !== epoch)
    throw new CrossfadeError('REFUSED', `${context.side} did not close at epoch ${epoch}`)
  return { fenced: true }
}

async function missed(context: SideContext, session: MysqlSession): Promise<Closing> {
  const { database, tables } = context.meta
  const blockers = await tableBlockers(context, session, database, tables.authority, new Set())
  return { fenced: false, blockers }
}
