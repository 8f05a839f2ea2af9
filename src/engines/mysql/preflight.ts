/** Looks for everything on a server that would stop or slow down a migration. */
import { parseType, type SchemaSpec, type TypeKind } from '../../plan/schema.js'
import type { Finding } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { missingTypes } from '../missing-types.js'
import { tlsWarning } from '../tls.js'
import type { SideContext } from './context.js'
import { missingPrivileges } from './grants.js'
import { readForeignKeys } from './introspect.js'
import { checkColumns } from './preflight-columns.js'
import { openTransactions } from './sessions-in-the-way.js'
import type { MysqlSession } from './session.js'
import { isMysqlRemote, readMysqlTls } from './tls.js'

/** A transaction this old will still be there when tables have to be locked. */
const LONG_TRANSACTION_MS = 60_000
/** A JSON value or a text is never longer than this on the way. */
const SMALL_PACKET = 16_777_216
const MAX_BITS = 64

const SIDE_PRIVILEGES = [
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'CREATE',
  'DROP',
  'ALTER',
  'INDEX',
  'REFERENCES',
  'TRIGGER',
  'LOCK TABLES',
]
const META_PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'ALTER', 'INDEX', 'LOCK TABLES']

type Check = (context: SideContext, session: MysqlSession, schema: SchemaSpec) => Promise<Finding[]>

export async function preflight(context: SideContext, session: MysqlSession, schema: SchemaSpec): Promise<Finding[]> {
  const checks: readonly Check[] = [
    server,
    tls,
    permissions,
    types,
    tables,
    checkColumns,
    foreignTriggers,
    cascades,
    transactions,
    replicas,
  ]
  const findings: Finding[] = []
  for (const check of checks) {
    try {
      findings.push(...(await check(context, session, schema)))
    } catch (error) {
      // The missing permission is a finding of its own already.
      if (!(error instanceof CrossfadeError && error.code === 'PERMISSION_DENIED')) throw error
      findings.push(
        finding('not-checked', 'warning', `${context.side}: ${error.message}`, 'Grant what is missing and look again.'),
      )
    }
  }
  return findings
}

const finding = (code: string, severity: Finding['severity'], message: string, hint: string): Finding => ({
  code,
  severity,
  message,
  hint,
})

const server: Check = async ({ side, facts, flavor }) => {
  const { settings, version } = facts
  const findings: Finding[] = []
  if (isOlder(version, flavor.oldestVersion)) {
    findings.push(
      finding(
        'old-version',
        'blocking',
        `${side} runs ${flavor.engine} ${version}`,
        `Use ${flavor.oldestVersion} or newer.`,
      ),
    )
  }
  if (isOn(settings['read_only'])) {
    findings.push(finding('read-only', 'blocking', `the server of ${side} is read only`, 'Connect to the primary.'))
  }
  if (isOn(settings['log_bin']) && settings['binlog_format'] === 'STATEMENT') {
    findings.push(
      finding(
        'binlog-format',
        'blocking',
        `${side} logs statements, which READ COMMITTED does not allow`,
        'Set binlog_format to ROW or MIXED.',
      ),
    )
  }
  if (!isOn(settings['local_infile'])) {
    findings.push(
      finding(
        'local-infile',
        'warning',
        `${side} has local_infile off: rows are copied by INSERT, at half the speed`,
        'Set local_infile=1 for the time of the migration.',
      ),
    )
  }
  if (Number(settings['max_allowed_packet'] ?? 0) < SMALL_PACKET) {
    findings.push(
      finding(
        'small-packets',
        'warning',
        `${side} takes packets of ${settings['max_allowed_packet']} bytes; bytes of half that length, longer texts and longer folds fail`,
        'Raise max_allowed_packet to 64M or more.',
      ),
    )
  }
  return findings
}

const tls: Check = ({ side, location: { url } }) => {
  const found = isMysqlRemote(url) ? tlsWarning(side, readMysqlTls(url), 'ssl-mode=VERIFY_IDENTITY') : undefined
  return Promise.resolve(found ? [found] : [])
}

const permissions: Check = async ({ side, location, facts, flavor }, session, schema) => {
  const lines = (await session.query(raw('SHOW GRANTS'))).map(([line]) => String(line))
  const needsSuper = isOn(facts.settings['log_bin']) && !isOn(facts.settings['log_bin_trust_function_creators'])
  // Only green's schemas have these: a view per table that shows a tenant its own rows.
  const makesViews = Object.values(schema).some(({ tenantColumn }) => tenantColumn !== undefined)
  const needed = [
    { database: location.namespace, privileges: [...SIDE_PRIVILEGES, ...(makesViews ? ['CREATE VIEW'] : [])] },
    { database: location.metaNamespace, privileges: META_PRIVILEGES },
    ...flavor.systemPrivileges,
    { database: undefined, privileges: [...flavor.serverPrivileges, ...(needsSuper ? ['SUPER'] : [])] },
  ]
  return needed.flatMap((scope) => {
    const missing = missingPrivileges(lines, scope)
    if (missing.length === 0) return []
    const where = scope.database === undefined ? '*.*' : `${scope.database}.*`
    const hint = missing.includes('SUPER')
      ? 'Grant them, or set log_bin_trust_function_creators=1 instead of granting SUPER.'
      : `GRANT ${missing.join(', ')} ON ${where} TO the user of this URL.`
    return [
      finding('missing-permission', 'blocking', `on ${side} the user lacks ${missing.join(', ')} on ${where}`, hint),
    ]
  })
}

/** Those that no MySQL and no MariaDB has, with what holds the same values. */
const INSTEAD: Readonly<Partial<Record<TypeKind, string>>> = {
  uuid: 'char(36)',
  inet4: 'varchar(15)',
  inet6: 'varchar(45)',
  inet: 'varchar(45)',
  cidr: 'varchar(45)',
  macaddr: 'char(17)',
  macaddr8: 'char(23)',
  interval: 'varchar(60)',
  timetz: 'varchar(30)',
  varbit: 'varchar(255)',
  array: 'json',
}

const types: Check = ({ side, facts, flavor }, _, schema) =>
  Promise.resolve(
    missingTypes(side, schema, (type) => {
      const { kind, length } = parseType(type)
      if (kind === 'bit' && length! > MAX_BITS) return `A BIT holds ${MAX_BITS} bits at most: use blob`
      const since = flavor.typesSince[kind]
      if (INSTEAD[kind] === undefined || (since !== undefined && !isOlder(facts.version, since))) return undefined
      return `${flavor.engine} ${facts.version} has no such type: use ${INSTEAD[kind]}`
    }),
  )

const tables: Check = async ({ side, location }, session, schema) => {
  const rows = await session.query(
    sql`SELECT table_name, engine FROM information_schema.tables WHERE table_schema = ${location.namespace} AND table_type = 'BASE TABLE'`,
  )
  const others = rows.filter(([name, engine]) => schema[String(name)] !== undefined && engine !== 'InnoDB')
  const withoutKey = Object.entries(schema).filter(([, table]) => table.primaryKey.length === 0)
  return [
    ...others.map(([name, engine]) =>
      finding(
        'other-engine',
        'blocking',
        `${side}.${String(name)} is ${String(engine)}: its writes cannot be rolled back or fenced`,
        `ALTER TABLE ${String(name)} ENGINE=InnoDB.`,
      ),
    ),
    ...withoutKey.map(([name]) =>
      finding(
        'no-primary-key',
        'warning',
        `${side}.${name} has no primary key`,
        'It can only be retired; its rows are compared as a whole.',
      ),
    ),
  ]
}

const foreignTriggers: Check = async ({ side, location }, session, schema) => {
  const rows = await session.query(
    sql`SELECT trigger_name, event_object_table FROM information_schema.triggers
      WHERE trigger_schema = ${location.namespace} AND trigger_name NOT LIKE 'crossfade\\_%' ORDER BY trigger_name`,
  )
  const found = rows.filter(([, table]) => schema[String(table)] !== undefined)
  if (found.length === 0) return []
  const names = found.map(([name, table]) => `${String(name)} on ${String(table)}`).join(', ')
  return [
    finding(
      'foreign-triggers',
      'warning',
      `${side} has triggers of its own: ${names}`,
      'They also fire for rows that Crossfade writes here. Let them leave @crossfade_sync = 1 alone where that is wrong.',
    ),
  ]
}

const cascades: Check = async ({ side, location }, session) => {
  const keys = await readForeignKeys(session, location.namespace)
  const acting = keys.filter(({ onDelete, onUpdate }) =>
    [onDelete, onUpdate].some((rule) => rule === 'CASCADE' || rule === 'SET NULL'),
  )
  if (acting.length === 0) return []
  const parents = [...new Set(acting.map(({ references }) => references))].sort().join(', ')
  const children = [
    ...new Set(acting.map(({ references }) => references).filter((name) => acting.some(({ table }) => table === name))),
  ].sort()
  const limit =
    children.length === 0
      ? ''
      : ` A DELETE of a parent that also reads one of ${children.join(', ')} fails with error 1442.`
  return [
    finding(
      'cascades',
      'warning',
      `${acting.length} foreign keys of ${side} cascade without firing triggers, below ${parents}`,
      `Triggers on the parents log the children.${limit}`,
    ),
  ]
}

const transactions: Check = async ({ side, flavor }, session) => {
  const open = (await openTransactions(flavor, session)).filter(({ ageMs }) => ageMs >= LONG_TRANSACTION_MS)
  const prepared = await session.query(raw('XA RECOVER'))
  return [
    ...open.map((one) =>
      finding(
        'long-transaction',
        'warning',
        `on ${side}: ${one.session}`,
        'End it or wait for it: tables it used cannot be locked, and the switch cannot be made.',
      ),
    ),
    ...(prepared.length === 0
      ? []
      : [
          finding(
            'prepared-transactions',
            'warning',
            `${side} has ${prepared.length} prepared XA transactions`,
            'Commit them or roll them back (XA RECOVER lists them): the switch is not made while there are any.',
          ),
        ]),
  ]
}

const replicas: Check = async ({ side, flavor }, session) => {
  const rows = await session.query(
    raw(`SELECT COUNT(*) FROM ${flavor.sessions} AS p WHERE p.command LIKE 'Binlog Dump%'`),
  )
  const count = Number(rows[0]?.[0] ?? 0)
  if (count === 0) return []
  return [
    finding(
      'replicas',
      'warning',
      `${side} has ${count} replicas`,
      'Their lag can only be watched when their URLs are given.',
    ),
  ]
}

function isOn(value: string | undefined): boolean {
  return value === 'ON' || value === '1'
}

function isOlder(version: string, oldest: string): boolean {
  const numbers = (text: string) => (/^[\d.]+/.exec(text)?.[0] ?? '0').split('.').map(Number)
  const [own, limit] = [numbers(version), numbers(oldest)]
  for (let index = 0; index < limit.length; index += 1) {
    const difference = (own[index] ?? 0) - limit[index]!
    if (difference !== 0) return difference < 0
  }
  return false
}
