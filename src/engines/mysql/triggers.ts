/** Installs and removes triggers without making the application wait for longer than a set time. */
import type { InstallOptions } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql, type Sql } from '../sql.js'
import type { SideContext } from './context.js'
import { type TriggerPurpose } from './meta.js'
import { qualify, quoteIdentifier } from './quote.js'
import { tableBlockers } from './sessions-in-the-way.js'
import type { MysqlSession } from './session.js'
import { pause } from './sleep.js'

/** 100 ms is a stall that users do not notice; see the options of the contract. */
const LOCK_TIMEOUT_MS = 100
const TIMEOUT_MS = 60_000
/** Between polls that nobody waits for. */
const POLL_PAUSE_MS = 10

export interface Trigger {
  readonly name: string
  readonly table: string
  readonly timing: 'BEFORE' | 'AFTER'
  readonly event: 'INSERT' | 'UPDATE' | 'DELETE'
  readonly body: string
}

export interface InstalledTrigger {
  readonly name: string
  readonly table: string
  readonly body: string
}

/** Crossfade's triggers of this side and purpose that use this meta database. Another migration may have its own here. */
export async function listTriggers(
  context: SideContext,
  session: MysqlSession,
  ...purposes: readonly TriggerPurpose[]
): Promise<InstalledTrigger[]> {
  const rows = await session.query(
    sql`SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers
      WHERE trigger_schema = ${context.location.namespace} AND trigger_name LIKE ${`crossfade\\_${context.side}\\_%`}
      AND LOCATE(${`${quoteIdentifier(context.meta.database)}.`}, action_statement) > 0 ORDER BY trigger_name`,
  )
  const starts = purposes.map((purpose) => `crossfade_${context.side}_${purpose}_`)
  return rows
    .map(([name, table, body]) => ({ name: String(name), table: String(table), body: String(body) }))
    .filter(({ name }) => starts.some((start) => name.startsWith(start)))
}

/** Makes the triggers that are missing or different, table by table, and looks at the end whether all are there. */
export async function installTriggers(
  context: SideContext,
  triggers: readonly Trigger[],
  purposes: readonly TriggerPurpose[],
  options: InstallOptions,
): Promise<void> {
  await context.withSession('crossfade triggers', async (session) => {
    const missing = async () => {
      const installed = new Map((await listTriggers(context, session, ...purposes)).map((one) => [one.name, one.body]))
      return triggers
        .filter(({ name, body }) => installed.get(name) !== body)
        .map((trigger) => ({ trigger, exists: installed.has(trigger.name) }))
    }
    for (const { trigger, exists } of await missing()) await create(context, session, trigger, exists, options)
    const [left] = await missing()
    if (left) {
      const { name, table } = left.trigger
      throw new CrossfadeError('STATEMENT_FAILED', `trigger ${name} is not on ${table} after it was made`)
    }
  })
}

export async function dropTriggers(
  context: SideContext,
  triggers: readonly InstalledTrigger[],
  options: InstallOptions,
): Promise<void> {
  if (triggers.length === 0) return
  await context.withSession('crossfade triggers', async (session) => {
    for (const { name, table } of triggers) {
      const statement = raw(`DROP TRIGGER IF EXISTS ${qualify(context.location.namespace, name)}`)
      await whenFree(context, session, table, statement, options)
    }
  })
}

async function create(
  context: SideContext,
  session: MysqlSession,
  trigger: Trigger,
  exists: boolean,
  options: InstallOptions,
): Promise<void> {
  const { namespace } = context.location
  const table = qualify(namespace, trigger.table)
  const name = qualify(namespace, trigger.name)
  const rest = `TRIGGER ${name} ${trigger.timing} ${trigger.event} ON ${table} FOR EACH ROW ${trigger.body}`
  if (!exists || context.flavor.hasCreateOrReplaceTrigger) {
    const verb = context.flavor.hasCreateOrReplaceTrigger ? 'CREATE OR REPLACE' : 'CREATE'
    await whenFree(context, session, trigger.table, raw(`${verb} ${rest}`), options)
    return
  }
  // Nobody may write between DROP and CREATE, or that write would not be seen.
  await whenFree(context, session, trigger.table, raw(`LOCK TABLES ${table} WRITE`), options)
  try {
    await session.execute(raw(`DROP TRIGGER ${name}`))
    await session.execute(raw(`CREATE ${rest}`))
  } finally {
    await session.execute(raw('UNLOCK TABLES'))
  }
}

/** Tries a statement that locks a table again and again, each time for a short time only. */
export async function whenFree(
  context: SideContext,
  session: MysqlSession,
  table: string,
  statement: Sql,
  options: InstallOptions,
): Promise<void> {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, timeoutMs = TIMEOUT_MS, signal, onWait } = options
  const limits = context.flavor.ddlAttemptsMs(lockTimeoutMs)
  const deadline = performance.now() + timeoutMs
  for (let attempt = 0; ; attempt += 1) {
    signal?.throwIfAborted()
    const limitMs = limits[Math.min(attempt, limits.length - 1)]!
    if (await context.flavor.attempt(session, statement, limitMs, context.killer)) return
    const isLate = performance.now() > deadline
    if (limitMs > 0 || isLate) {
      const blockers = await tableBlockers(context, session, context.location.namespace, table, new Set())
      if (isLate) {
        const who = blockers.length === 0 ? 'nobody that could be named' : blockers.join('; ')
        throw new CrossfadeError('TABLE_BUSY', `table ${table} stayed locked for ${timeoutMs} ms by ${who}`)
      }
      onWait?.(table, blockers)
    }
    // Those who waited behind the attempt get on first.
    await pause(limitMs === 0 ? POLL_PAUSE_MS : 3 * limitMs, signal)
  }
}
