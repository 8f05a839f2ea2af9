import { quoteIdentifier as quote, quoteLiteral } from '../../src/engines/postgres/literals.js'
import type { RoleStatements, RoleWishes } from './wishes.js'

/** For the database in which they are run. May be repeated, also for the next migration: the last one took its schema away. */
export function postgresRoles({ role, blue, green, meta, owner, application }: RoleWishes): RoleStatements {
  const name = quote(role)
  const ofApplication = application === undefined ? [] : applicationGrants(quote(application), name, green)
  return {
    make: [
      block(
        `IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = ${quoteLiteral(role)}) THEN
    CREATE ROLE ${name} LOGIN CREATEDB;
  END IF`,
      ),
    ],
    grant: [
      ...(owner === undefined ? [] : [`GRANT ${quote(owner)} TO ${name}`]),
      `GRANT USAGE ON SCHEMA ${quote(blue)} TO ${name}`,
      `CREATE SCHEMA IF NOT EXISTS ${quote(green)}`,
      `GRANT USAGE, CREATE ON SCHEMA ${quote(green)} TO ${name}`,
      // Its own schema, and no right to make others in the database.
      `CREATE SCHEMA IF NOT EXISTS ${quote(meta)} AUTHORIZATION ${name}`,
      `GRANT pg_read_all_stats TO ${name}`,
      `GRANT EXECUTE ON FUNCTION pg_catalog.pg_create_restore_point(text) TO ${name}`,
      block(
        `IF current_setting('server_version_num')::int >= 150000 THEN
    EXECUTE ${quoteLiteral(`GRANT SET ON PARAMETER session_replication_role TO ${name}`)};
  ELSE
    RAISE WARNING 'before PostgreSQL 15 only a superuser may set session_replication_role';
  END IF`,
      ),
      ...ofApplication,
    ],
    byHand: `Then, in psql: \\password ${role}`,
  }
}

/** Green's tables are made by Crossfade, so its default privileges are what the application gets. The gate board needs no grant. */
function applicationGrants(application: string, role: string, green: string): string[] {
  const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${role} IN SCHEMA ${quote(green)}`
  return [
    `GRANT USAGE ON SCHEMA ${quote(green)} TO ${application}`,
    `${defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${application}`,
    `${defaults} GRANT USAGE, SELECT ON SEQUENCES TO ${application}`,
  ]
}

export function postgresPassword(role: string, password: string): string {
  return `ALTER ROLE ${quote(role)} PASSWORD ${quoteLiteral(password)}`
}

const block = (body: string): string => `DO $roles$ BEGIN
  ${body};
END $roles$`
