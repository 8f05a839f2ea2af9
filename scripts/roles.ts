/**
 * The least that Crossfade's role needs, and what the application needs of what Crossfade makes: printed as SQL, or carried out.
 * docs/permissions.md says what each right is for.
 *
 *   npm run roles -- --engine postgres --blue public --green green --owner app_owner --application app
 *   CROSSFADE_ADMIN_URL=... CROSSFADE_ROLE_PASSWORD=... npm run roles -- --engine mariadb --blue app --green app_green --apply
 */
import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { mysqlRoles, mysqlPassword } from './roles/mysql.js'
import { postgresRoles, postgresPassword } from './roles/postgres.js'
import type { RoleStatements, RoleWishes } from './roles/wishes.js'
import { runSql } from './servers/run-sql.js'

interface RoleFlags extends RoleWishes {
  readonly engine: 'postgres' | 'mariadb' | 'mysql'
  readonly apply?: boolean
}

/** From the environment, or from the file that it names: arguments are visible to everybody on the machine. */
function secret(name: string): string {
  const file = process.env[`${name}_FILE`]
  const value = process.env[name] ?? (file === undefined ? undefined : readFileSync(file, 'utf8').trim())
  if (!value) throw new Error(`--apply needs ${name} or ${name}_FILE in the environment`)
  return value
}

function statementsOf(flags: RoleFlags): RoleStatements {
  return flags.engine === 'postgres' ? postgresRoles(flags) : mysqlRoles(flags.engine, flags)
}

async function apply(flags: RoleFlags): Promise<void> {
  const url = secret('CROSSFADE_ADMIN_URL')
  const password = secret('CROSSFADE_ROLE_PASSWORD')
  const { make, grant } = statementsOf(flags)
  const setPassword =
    flags.engine === 'postgres' ? postgresPassword(flags.role, password) : mysqlPassword(flags, password)
  await runSql(flags.engine, url, ...make, setPassword, ...grant)
  console.log(`made ${flags.role} (${flags.engine})`)
}

const flags = new Command('roles')
  .addOption(new Option('--engine <name>').choices(['postgres', 'mariadb', 'mysql']).makeOptionMandatory())
  .option('--role <name>', 'login role of Crossfade', 'crossfade')
  .option('--host <pattern>', 'MySQL and MariaDB: from where it may log in', '%')
  .requiredOption('--blue <namespace>', 'schema (PostgreSQL) or database of the old side')
  .requiredOption('--green <namespace>', 'schema or database of the new side')
  .option('--meta <namespace>', "schema or database of Crossfade's own objects", 'crossfade')
  .option('--owner <role>', "PostgreSQL: the role that owns blue's tables")
  .option('--application <role>', 'the role of the application, which is to use green and the gate board')
  .option('--application-host <pattern>', 'MySQL and MariaDB: the host of that user', '%')
  .option('--apply', 'carry it out as the superuser of CROSSFADE_ADMIN_URL, which on PostgreSQL names the database')
  .parse()
  .opts<RoleFlags>()

try {
  if (flags.apply) await apply(flags)
  else {
    const { make, grant, byHand } = statementsOf(flags)
    console.log([...make, ...grant].map((statement) => `${statement};`).join('\n'))
    console.log(`-- ${byHand}`)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
