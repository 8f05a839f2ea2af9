/** Crossfade's own objects on a server: a schema of their own, named after the side where they belong to one. */
import { createHash } from 'node:crypto'
import type { Side } from '../engine.js'
import { raw, sql } from '../sql.js'
import { boundedName, qualify, quoteIdentifier, quoteLiteral } from './literals.js'
import type { PostgresSession } from './session.js'

/** The two numbers of an advisory lock, as SQL text `k1, k2`. */
export interface LockKey {
  readonly high: number
  readonly low: number
  readonly text: string
}

export interface MetaNames {
  readonly schema: string
  /** Bare names; `qualified` has them with the schema in front. */
  readonly names: {
    readonly changes: string
    readonly gate: string
    readonly authority: string
    readonly run: string
    readonly gateFunction: string
  }
  readonly qualified: MetaNames['names']
  /** Shared by writers of the application, exclusive for the fence. */
  readonly gateLock: LockKey
  /** Shared by writing transactions of a run, exclusive for a new run that takes over. */
  readonly leaseLock: LockKey
  /** Shared by all sessions of a run for as long as they last. */
  readonly sessionLock: LockKey
  logFunction(table: string): string
}

export function metaNames(side: Side, namespace: string, schema: string): MetaNames {
  const names = {
    changes: `${side}_changes`,
    gate: `${side}_gate`,
    authority: `${side}_authority`,
    run: `${side}_run`,
    gateFunction: `${side}_gate_check`,
  }
  return {
    schema,
    names,
    qualified: {
      changes: qualify(schema, names.changes),
      gate: qualify(schema, names.gate),
      authority: qualify(schema, names.authority),
      run: qualify(schema, names.run),
      gateFunction: qualify(schema, names.gateFunction),
    },
    gateLock: lockKey('gate', schema, namespace, side),
    leaseLock: lockKey('lease', schema, namespace, side),
    sessionLock: lockKey('sessions', schema, namespace, side),
    logFunction: (table) => boundedName(`${side}_log_${table}`),
  }
}

/** Advisory locks are per database and shared with the application: 64 bits of a hash keep out of its way. */
function lockKey(purpose: string, ...parts: readonly string[]): LockKey {
  const hash = createHash('sha256')
    .update(['crossfade', purpose, ...parts].join('\0'))
    .digest()
  const [high, low] = [hash.readInt32BE(0), hash.readInt32BE(4)]
  return { high, low, text: `${high}, ${low}` }
}

/** Triggers live on the side's own tables; the name says whose they are and what for. */
export function triggerPrefix(side: Side, purpose: 'log' | 'gate'): string {
  return `crossfade_${side}_${purpose}`
}

/**
 * In the functions of triggers, which run with their maker's rights: true in sessions of Crossfade. Every role may set the mark, so it
 * counts only for the maker's own role, for its members and for superusers.
 */
export const IS_OWN_SESSION = `current_setting('crossfade.sync', true) = 'on' AND pg_has_role(session_user, current_user, 'MEMBER')`

/** Held while the schema is made or dropped: two sides of one database often do it at the same moment. */
const META_LOCK = lockKey('meta')

/** Those of {@link functions}. */
const FUNCTIONS = `'try_jsonb', 'try_text', 'try_value'`

/** Makes the schema and the functions that expressions use. Repeating it changes nothing. */
export async function ensureMeta(session: PostgresSession, meta: MetaNames, majorVersion: number): Promise<void> {
  const schema = quoteLiteral(meta.schema)
  const [found] = await session.query(
    sql`SELECT 1 FROM pg_namespace n WHERE n.nspname = ${meta.schema} AND
      (SELECT count(*) FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proname IN (${raw(FUNCTIONS)})) = 3`,
  )
  if (found) return
  await session.transaction(async () => {
    await session.script(`SELECT pg_advisory_xact_lock(${META_LOCK.text})`)
    // Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to create also where it creates nothing.
    await session.script(
      `DO $crossfade$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ${schema}) THEN CREATE SCHEMA ${quoteIdentifier(meta.schema)}; END IF; END $crossfade$`,
    )
    for (const statement of functions(meta.schema, majorVersion)) await session.script(statement)
  })
}

function functions(schema: string, majorVersion: number): string[] {
  const attempt = (expression: string) =>
    `LANGUAGE plpgsql STABLE STRICT AS $crossfade$ BEGIN RETURN ${expression}; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $crossfade$`
  const tryJsonb =
    majorVersion >= 16
      ? `LANGUAGE sql STABLE STRICT AS $crossfade$ SELECT CASE WHEN pg_input_is_valid(input, 'jsonb') THEN input::jsonb END $crossfade$`
      : attempt('input::jsonb')
  return [
    `CREATE OR REPLACE FUNCTION ${qualify(schema, 'try_jsonb')}(input text) RETURNS jsonb ${tryJsonb}`,
    `CREATE OR REPLACE FUNCTION ${qualify(schema, 'try_text')}(input bytea) RETURNS text ${attempt(`convert_from(input, 'UTF8')`)}`,
    `CREATE OR REPLACE FUNCTION ${qualify(schema, 'try_value')}(input text, sample anyelement) RETURNS anyelement
      LANGUAGE plpgsql STABLE AS $crossfade$ BEGIN sample := input; RETURN sample; EXCEPTION WHEN OTHERS THEN RETURN NULL; END $crossfade$`,
  ]
}

/** Drops the schema when only the functions of {@link ensureMeta} are left in it. */
export async function dropMeta(session: PostgresSession, meta: MetaNames): Promise<void> {
  await session.transaction(async () => {
    await session.script(`SELECT pg_advisory_xact_lock(${META_LOCK.text})`)
    const [left] = await session.query(sql`SELECT
      (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid) +
      (SELECT count(*) FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proname NOT IN (${raw(FUNCTIONS)}))
      FROM pg_namespace n WHERE n.nspname = ${meta.schema}`)
    if (left?.[0] === '0') await session.execute(raw(`DROP SCHEMA ${quoteIdentifier(meta.schema)} CASCADE`))
  })
}
