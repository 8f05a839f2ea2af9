/** Where MariaDB and MySQL differ. One object of each; nothing else asks which of them a server is. */
import type { TypeKind } from '../../plan/schema.js'
import type { Sql } from '../sql.js'
import type { NeededPrivileges } from './grants.js'
import type { MysqlSession } from './session.js'

/** Gives the second connection that is needed to end a statement of the first. */
export interface Killer {
  killQuery(id: number): Promise<void>
  kill(id: number): Promise<void>
  /** Connects, so that the first KILL is not late. */
  warmUp(): Promise<void>
  /** The next KILL opens a connection again. */
  close(): Promise<void>
}

export interface Flavor {
  readonly engine: 'mysql' | 'mariadb'
  readonly oldestVersion: string
  /** Assignments of SET SESSION that only this engine knows. */
  readonly sessionSettings: readonly string[]
  /** Server variables that matter to preflight and to facts. */
  readonly factNames: readonly string[]
  /** SQL expression that identifies the server. */
  readonly serverIdentity: string
  /**
   * Runs a statement that may have to wait for locks for at most `limitMs`; 0 means not at all, where the engine can.
   * @returns false when it did not get them; nothing was changed then.
   */
  attempt(session: MysqlSession, statement: Sql, limitMs: number, killer: Killer): Promise<boolean>
  /** Limits of successive attempts to lock a table for DDL: the last one is repeated. */
  readonly ddlAttemptsMs: (boundMs: number) => readonly number[]
  /** CREATE TRIGGER that replaces one of the same name; false where it has to be dropped first. */
  readonly hasCreateOrReplaceTrigger: boolean
  /** Connections that keep `waiting` waiting for a row lock. */
  rowLockBlockers(waiting: number): Sql
  /** Connections that hold a metadata lock on a table; undefined where the server was not told to count them. */
  metadataLockHolders(session: MysqlSession, namespace: string, table: string): Promise<readonly number[] | undefined>
  /** The place in the binary log, or undefined without one. */
  position(session: MysqlSession): Promise<string | undefined>
  /** Statement and columns that tell how far this server is behind its primary. */
  readonly replicaStatus: string
  /** Seconds behind, by column name. */
  readonly replicaLagColumns: readonly string[]
  /** Programs that dump a server of this family, the best first, and that read the dump. */
  readonly dumpPrograms: readonly string[]
  readonly clientPrograms: readonly string[]
  readonly dumpOptions: readonly string[]
  /** Types of a plan that only some versions have, with the first of them. */
  readonly typesSince: Readonly<Partial<Record<TypeKind, string>>>
  /** The type of a JSON column in DDL. */
  readonly jsonColumn: string
  /** What follows it; `column` is quoted. */
  jsonCheck(column: string): string
  /** Table and clause of each check of a database, where JSON columns are told by them. */
  jsonChecks(namespace: string): Sql | undefined
  /** A table expression of all sessions: id, user, host, db, command. */
  readonly sessions: string
  /** Table expressions of open transactions (id, modified, age_ms): each for when the one before it cannot be read. */
  readonly transactions: readonly string[]
  /** Privileges on databases of the server's own. */
  readonly systemPrivileges: readonly NeededPrivileges[]
  /** Privileges on the whole server that are needed besides those on databases. */
  readonly serverPrivileges: readonly string[]
}
