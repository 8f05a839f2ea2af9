/** Installs and removes triggers without making the application wait for longer than a set time. */
import { setTimeout as pause } from 'node:timers/promises'
import type { InstallOptions } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { tableBlockers } from './blockers.js'
import type { SideContext } from './context.js'
import { qualify, quoteIdentifier, quoteLiteral } from './literals.js'
import { triggerPrefix } from './meta.js'
import type { PostgresSession } from './session.js'

/** 100 ms is a stall that users do not notice; see the options of the contract. */
const LOCK_TIMEOUT_MS = 100
const TIMEOUT_MS = 60_000

export interface TriggerPlan {
  /** As the plan names it; a partitioned table stands for its partitions too. */
  readonly table: string
  /** Name and the text between name and `ON` (event), and after the table (transition tables, function). */
  readonly triggers: readonly { readonly name: string; readonly event: string; readonly action: string }[]
  /** Bare name of the function in the meta schema that the triggers call. */
  readonly functionName: string
}

export interface InstalledTrigger {
  readonly schema: string
  readonly table: string
  readonly name: string
  /** `A` is ENABLE ALWAYS. */
  readonly enabled: string
  readonly functionName: string
}

/** Crossfade's triggers of this side and purpose that call functions of this meta schema, on whatever table they are. */
export async function listTriggers(
  context: SideContext,
  session: PostgresSession,
  purpose: 'log' | 'gate',
): Promise<InstalledTrigger[]> {
  const rows = await session.query(sql`SELECT n.nspname, c.relname, t.tgname, t.tgenabled, p.proname
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace
    WHERE NOT t.tgisinternal AND f.nspname = ${context.meta.schema} AND starts_with(t.tgname, ${triggerPrefix(context.side, purpose)})
    ORDER BY 1, 2, 3`)
  return rows.map(([schema, table, name, enabled, functionName]) => ({
    schema: String(schema),
    table: String(table),
    name: String(name),
    enabled: String(enabled),
    functionName: String(functionName),
  }))
}

/** The table and all its partitions, also those in other schemas: a statement trigger of the parent does not see direct writes. */
export async function withPartitions(
  session: PostgresSession,
  namespace: string,
  table: string,
): Promise<{ schema: string; table: string }[]> {
  const found = await listPartitions(session, namespace, table)
  if (found.length > 0) return found
  throw new CrossfadeError('STATEMENT_FAILED', `there is no table ${qualify(namespace, table)}`)
}

/** The same; empty where there is no such table. */
export async function listPartitions(
  session: PostgresSession,
  namespace: string,
  table: string,
): Promise<{ schema: string; table: string }[]> {
  const rows = await session.query(sql`WITH RECURSIVE tree AS (
      SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ${namespace} AND c.relname = ${table} AND c.relkind IN ('r', 'p')
      UNION ALL
      SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid JOIN pg_class c ON c.oid = i.inhrelid
        WHERE c.relispartition AND c.relkind IN ('r', 'p'))
    SELECT n.nspname, c.relname FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace`)
  return rows.map(([schema, name]) => ({ schema: String(schema), table: String(name) }))
}

/** What of a plan is not there as it should be. */
export async function missingTriggers(
  context: SideContext,
  session: PostgresSession,
  plans: readonly TriggerPlan[],
  purpose: 'log' | 'gate',
): Promise<{ target: string; plan: TriggerPlan }[]> {
  const key = (schema: string, table: string, name: string) => JSON.stringify([schema, table, name])
  const sound = new Map(
    (await listTriggers(context, session, purpose))
      .filter(({ enabled }) => enabled === 'A')
      .map(({ schema, table, name, functionName }) => [key(schema, table, name), functionName]),
  )
  const missing: { target: string; plan: TriggerPlan }[] = []
  for (const plan of plans) {
    for (const { schema, table } of await withPartitions(session, context.location.namespace, plan.table)) {
      const isThere = plan.triggers.every(({ name }) => sound.get(key(schema, table, name)) === plan.functionName)
      if (!isThere) missing.push({ target: qualify(schema, table), plan })
    }
  }
  return missing
}

/** Makes the triggers that are missing, table by table. */
export async function installTriggers(
  context: SideContext,
  session: PostgresSession,
  plans: readonly TriggerPlan[],
  purpose: 'log' | 'gate',
  options: InstallOptions,
): Promise<void> {
  for (const { target, plan } of await missingTriggers(context, session, plans, purpose)) {
    const functionName = qualify(context.meta.schema, plan.functionName)
    const statements = plan.triggers.flatMap(({ name, event, action }) => [
      `CREATE OR REPLACE TRIGGER ${quoteIdentifier(name)} ${event} ON ${target} ${action} EXECUTE FUNCTION ${functionName}()`,
      // ONLY: statement triggers have no copies on partitions; those are targets of their own.
      `ALTER TABLE ONLY ${target} ENABLE ALWAYS TRIGGER ${quoteIdentifier(name)}`,
    ])
    await whenFree(session, target, statements, false, options)
  }
}

export async function dropTriggers(
  session: PostgresSession,
  triggers: readonly InstalledTrigger[],
  options: InstallOptions,
): Promise<void> {
  for (const { schema, table, name } of triggers) {
    const target = qualify(schema, table)
    await whenFree(session, target, [`DROP TRIGGER IF EXISTS ${quoteIdentifier(name)} ON ${target}`], true, options)
  }
}

/**
 * Runs DDL on a table in one transaction with a short lock timeout, again and again: while it waits for its lock, everybody
 * who comes later waits behind it.
 */
export async function whenFree(
  session: PostgresSession,
  target: string,
  statements: readonly string[],
  isExclusive: boolean,
  options: InstallOptions,
): Promise<void> {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, timeoutMs = TIMEOUT_MS, signal, onWait } = options
  const deadline = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    try {
      await session.transaction(async () => {
        await session.script(`SET LOCAL lock_timeout = ${quoteLiteral(`${Math.max(1, Math.ceil(lockTimeoutMs))}ms`)}`)
        for (const statement of statements) await session.execute(raw(statement))
      })
      return
    } catch (error) {
      if (!(error instanceof CrossfadeError && error.code === 'CONTENTION')) throw error
      const blockers = await tableBlockers(session, target, isExclusive)
      if (performance.now() > deadline) {
        const who = blockers.length === 0 ? 'nobody that could be named' : blockers.join('; ')
        throw new CrossfadeError('TABLE_BUSY', `table ${target} stayed locked for ${timeoutMs} ms by ${who}`, {
          cause: error,
        })
      }
      onWait?.(target, blockers)
      // Those who waited behind the attempt get on first. The jitter keeps two installers out of step.
      await pause(lockTimeoutMs * (2 + Math.random()), undefined, { signal })
    }
  }
}
