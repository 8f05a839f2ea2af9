/** Looks for everything on a server that would stop or slow down a migration. */
import type { SchemaSpec } from '../../plan/schema.js'
import type { Finding } from '../engine.js'
import { sql } from '../sql.js'
import { missingTypes } from '../missing-types.js'
import { tlsWarning } from '../tls.js'
import type { SideContext } from './context.js'
import { longTransactions } from './long-transactions.js'
import { checkTables } from './preflight-tables.js'
import { checkValues } from './preflight-values.js'
import { listRemains } from './remains.js'
import type { PostgresSession } from './session.js'
import { missingType } from './types.js'
import { isPostgresRemote, readPostgresTls } from './tls.js'

const OLDEST_VERSION = 14
/** A transaction this old will still be there when tables have to be locked. */
const LONG_TRANSACTION_MS = 60_000
/** Leases and holds are measured in seconds; they bear less than this. */
const MAX_CLOCK_SKEW_MS = 2_000
/** Backfill, applier, monitor and the fence of one side together. */
const CONNECTIONS_NEEDED = 20

type Check = (context: SideContext, session: PostgresSession, schema: SchemaSpec) => Promise<Finding[]>

export const finding = (code: string, severity: Finding['severity'], message: string, hint: string): Finding => ({
  code,
  severity,
  message,
  hint,
})

export async function preflight(
  context: SideContext,
  session: PostgresSession,
  schema: SchemaSpec,
): Promise<Finding[]> {
  const checks: readonly Check[] = [
    checkServer,
    checkTls,
    checkRights,
    checkTypes,
    checkTables,
    checkValues,
    checkTransactions,
    checkReplicas,
    checkSize,
    checkRemains,
  ]
  const findings: Finding[] = []
  for (const check of checks) findings.push(...(await check(context, session, schema)))
  return findings
}

const checkServer: Check = async ({ side, facts, majorVersion }, session) => {
  const findings: Finding[] = []
  const sentAt = Date.now()
  const [row] = await session.query(sql`SELECT pg_is_in_recovery(), extract(epoch FROM clock_timestamp()) * 1000,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')`)
  const [isReplica, clock, used] = row!
  const answeredAt = Date.now()
  if (majorVersion < OLDEST_VERSION) {
    findings.push(
      finding(
        'old-version',
        'blocking',
        `${side} runs PostgreSQL ${facts.version}`,
        `Use PostgreSQL ${OLDEST_VERSION} or newer.`,
      ),
    )
  }
  if (isReplica === 't')
    findings.push(finding('read-only', 'blocking', `the server of ${side} is a replica`, 'Connect to the primary.'))
  if (facts.settings['server_encoding'] !== 'UTF8') {
    const encoding = facts.settings['server_encoding']
    findings.push(
      finding(
        'encoding',
        'blocking',
        `the database of ${side} is encoded in ${encoding}`,
        'Only UTF8 holds every text; move the data to a database in UTF8 first.',
      ),
    )
  }
  const skewMs = Math.max(sentAt - Number(clock), Number(clock) - answeredAt)
  if (skewMs > MAX_CLOCK_SKEW_MS) {
    findings.push(
      finding(
        'clock-skew',
        'warning',
        `the clock of ${side} is off by ${(skewMs / 1000).toFixed(1)} s from this machine`,
        'Let both machines follow a time server.',
      ),
    )
  }
  const free = Number(facts.settings['max_connections'] ?? 0) - Number(used)
  if (free < CONNECTIONS_NEEDED) {
    findings.push(
      finding(
        'few-connections',
        'warning',
        `${side} has ${free} of ${facts.settings['max_connections']} connections left`,
        `Leave ${CONNECTIONS_NEEDED} for the migration, or raise max_connections.`,
      ),
    )
  }
  return findings
}

const checkTls: Check = ({ side, location: { url } }) => {
  const found = isPostgresRemote(url) ? tlsWarning(side, readPostgresTls(url), 'sslmode=verify-full') : undefined
  return Promise.resolve(found ? [found] : [])
}

const checkRights: Check = async ({ side, canReplicate, meta, location, majorVersion }, session) => {
  const findings: Finding[] = []
  const [row] = await session.query(sql`SELECT current_user, current_database(),
    has_database_privilege(current_database(), 'CREATE'),
    coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = ${meta.schema}), false),
    (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = ${location.namespace}),
    pg_has_role('pg_read_all_stats', 'USAGE')`)
  const [user, database, mayCreate, mayUseMeta, mayUseNamespace, seesSessions] = row!.map((value) =>
    value === null ? null : String(value),
  )
  if (!canReplicate) {
    const hint =
      majorVersion >= 15
        ? `GRANT SET ON PARAMETER session_replication_role TO ${user}, or use a superuser.`
        : 'Use a superuser: before PostgreSQL 15 this right cannot be granted.'
    findings.push(
      finding(
        'replication-role',
        'blocking',
        `on ${side} the role ${user} may not set session_replication_role, so foreign keys and triggers would fire for rows that Crossfade writes`,
        hint,
      ),
    )
  }
  if (mayCreate !== 't' && mayUseMeta !== 't') {
    findings.push(
      finding(
        'missing-permission',
        'blocking',
        `on ${side} the role ${user} may not make the schema ${meta.schema}`,
        `GRANT CREATE ON DATABASE ${database} TO ${user}, or CREATE SCHEMA ${meta.schema} AUTHORIZATION ${user}.`,
      ),
    )
  }
  if (mayUseNamespace === 'f' || (mayUseNamespace === null && mayCreate !== 't')) {
    findings.push(
      finding(
        'missing-permission',
        'blocking',
        `on ${side} the role ${user} may not make tables in the schema ${location.namespace}`,
        `GRANT CREATE ON SCHEMA ${location.namespace} TO ${user}.`,
      ),
    )
  }
  if (seesSessions !== 't') {
    findings.push(
      finding(
        'blind',
        'warning',
        `on ${side} the role ${user} does not see other sessions, so nobody who stands in the way can be named`,
        `GRANT pg_read_all_stats TO ${user}.`,
      ),
    )
  }
  return findings
}

const checkTypes: Check = ({ side }, _, schema) => Promise.resolve(missingTypes(side, schema, missingType))

const checkTransactions: Check = async ({ side }, session) => {
  const open = await longTransactions(session, LONG_TRANSACTION_MS)
  return open.map((one) => {
    const isPrepared = one.session.startsWith('prepared transaction')
    const code = isPrepared ? 'prepared-transaction' : 'long-transaction'
    const hint = isPrepared
      ? 'COMMIT PREPARED or ROLLBACK PREPARED it: it holds its locks until then, and the switch cannot be made.'
      : 'End it or wait for it: tables it wrote cannot be locked, and the switch cannot be made.'
    return finding(code, 'warning', `on ${side}: ${one.session}, open for ${Math.round(one.ageMs / 1000)} s`, hint)
  })
}

const checkReplicas: Check = async ({ side }, session) => {
  const rows =
    await session.query(sql`SELECT coalesce(nullif(application_name, ''), host(client_addr), 'unnamed'), sync_state,
    coalesce(extract(epoch FROM replay_lag) * 1000, 0) FROM pg_stat_replication ORDER BY 1`)
  if (rows.length === 0) return []
  const names = rows
    .map(([name, state, lag]) => `${String(name)} (${String(state)}, ${Math.round(Number(lag))} ms behind)`)
    .join(', ')
  return [
    finding(
      'replicas',
      'warning',
      `${side} has ${rows.length} replicas: ${names}`,
      'Backfill waits when they fall behind.',
    ),
  ]
}

const checkSize: Check = async ({ side }, session) => {
  if (side !== 'blue') return []
  const [row] = await session.query(sql`SELECT pg_size_pretty(pg_database_size(current_database()))`)
  const size = String(row![0])
  return [
    finding(
      'disk',
      'warning',
      `the database of blue takes ${size}`,
      'Green, its indexes and the queue need about as much again on their disk, and the backup in its directory. The server does not tell how much is free.',
    ),
  ]
}

const checkRemains: Check = async (context, session) => {
  const remains = await listRemains(context, session)
  if (remains.length === 0) return []
  const more = remains.length > 10 ? ` and ${remains.length - 10} more` : ''
  return [
    finding(
      'remains',
      'warning',
      `on ${context.side} there is from an earlier run: ${remains.slice(0, 10).join(', ')}${more}`,
      'A run that continues needs it. Otherwise `crossfade abort` removes it.',
    ),
  ]
}
