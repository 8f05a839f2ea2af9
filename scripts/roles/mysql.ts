import { quoteIdentifier as quote, quoteText } from '../../src/engines/mysql/quote.js'
import type { RoleStatements, RoleWishes } from './wishes.js'

const ON_SIDES = 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, TRIGGER, LOCK TABLES'
/** Tables with a tenant column get a view. */
const TO_SHOW_TENANTS = 'CREATE VIEW'
/** For the dump to hold views, and for its proof to make them. */
const TO_DUMP = 'SHOW VIEW'
const TO_RESTORE = 'SHOW VIEW, CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE'
const ON_META = 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, LOCK TABLES'
const TO_WORK = 'SELECT, INSERT, UPDATE, DELETE'
/** What a pool does with each table of the gate board, and nothing with the journal beside them. */
const ON_BOARD = { gate: 'SELECT', clients: TO_WORK, gate_signal: 'SELECT, UPDATE' } as const

/** May be repeated. */
export function mysqlRoles(engine: 'mysql' | 'mariadb', wishes: RoleWishes): RoleStatements {
  const { blue, green, meta, application, applicationHost } = wishes
  const user = account(wishes.role, wishes.host)
  const on = (database: string): string => `${quote(databasePattern(database))}.*`
  const onServer = engine === 'mysql' ? 'PROCESS, XA_RECOVER_ADMIN, REPLICATION CLIENT' : 'PROCESS, BINLOG MONITOR'
  return {
    // Locked until it has a password.
    make: [`CREATE USER IF NOT EXISTS ${user} ACCOUNT LOCK`],
    grant: [
      `GRANT ${ON_SIDES}, ${TO_DUMP} ON ${on(blue)} TO ${user}`,
      `GRANT ${ON_SIDES}, ${TO_SHOW_TENANTS} ON ${on(green)} TO ${user}`,
      `GRANT ${ON_SIDES}, ${TO_RESTORE} ON ${quote('crossfade\\_scratch\\_%')}.* TO ${user}`,
      `GRANT ${ON_META} ON ${on(meta)} TO ${user}`,
      ...(engine === 'mysql' ? [`GRANT SELECT ON performance_schema.* TO ${user}`] : []),
      `GRANT ${onServer} ON *.* TO ${user}`,
      ...(application === undefined ? [] : applicationGrants(account(application, applicationHost), wishes)),
    ],
    byHand: `Then: ALTER USER ${user} IDENTIFIED BY '...' ACCOUNT UNLOCK; with the binary log on also: SET GLOBAL log_bin_trust_function_creators = 1;`,
  }
}

/**
 * Table by table: whoever may write the whole meta database may give the journal's commands. A grant on a table that is not there yet
 * needs CREATE in it, which is taken away again.
 */
function applicationGrants(user: string, { green, meta }: RoleWishes): string[] {
  const board = Object.entries(ON_BOARD).flatMap(([table, privileges]) => {
    const name = `${quote(meta)}.${quote(table)}`
    return [`GRANT CREATE, ${privileges} ON ${name} TO ${user}`, `REVOKE CREATE ON ${name} FROM ${user}`]
  })
  return [`GRANT ${TO_WORK} ON ${quote(databasePattern(green))}.* TO ${user}`, ...board]
}

export function mysqlPassword({ role, host }: RoleWishes, password: string): string {
  return `ALTER USER ${account(role, host)} IDENTIFIED BY ${quoteText(password)} ACCOUNT UNLOCK`
}

const account = (name: string, host: string): string => `${quoteText(name)}@${quoteText(host)}`

/** In a grant on a database `_` and `%` stand for other characters. */
const databasePattern = (name: string): string => name.replaceAll(/[\\_%]/g, (character) => `\\${character}`)
