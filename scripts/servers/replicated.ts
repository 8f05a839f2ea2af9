/** A primary with replicas, for what a pool does when hosts come, go and change their roles. */
import { startServer } from './index.ts'
import { type Replica, startReplica } from './replica.ts'
import { runSql, withDatabase } from './run-sql.ts'
import type { Server, ServerSettings, StartOptions } from './server.ts'

export interface ReplicatedServers extends AsyncDisposable {
  readonly primary: Server
  readonly replicas: readonly Replica[]
  /** An ordinary user in the database `app`, which it owns: a superuser may write where `read_only` is set. */
  clientUrl(server: Server): string
}

export interface ReplicatedOptions extends Omit<StartOptions, 'isOwn'> {
  /** How many. Default 1. */
  readonly replicas?: number
}

/** Servers of our own, also where the environment names some: they will be killed, frozen and promoted. */
export const startReplicated = async ({
  replicas: count = 1,
  ...options
}: ReplicatedOptions): Promise<ReplicatedServers> => {
  // Other throwaway servers keep commits in their memory for a second: one that is killed would lose acknowledged writes.
  const durable: ServerSettings = options.engine === 'postgres' ? {} : { innodb_flush_log_at_trx_commit: 2 }
  const settings = { ...durable, ...options.settings }
  const primary = await startServer({ prefer: 'local', ...options, settings, isOwn: true })
  const replicas: Replica[] = []
  const stop = async () => void (await Promise.all([primary, ...replicas].map((server) => server.stop())))
  try {
    await runSql(primary.engine, primary.adminUrl, ...FIRST[primary.engine])
    while (replicas.length < count) replicas.push(await startReplica(primary))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    primary,
    replicas,
    clientUrl(server) {
      const url = new URL(withDatabase(server.url, 'app'))
      url.username = 'app'
      url.password = 'secret'
      return url.href
    },
    [Symbol.asyncDispose]: stop,
  }
}

const FIRST = {
  postgres: [
    `CREATE ROLE app LOGIN PASSWORD 'secret'`,
    // Or its replicas say late which timeline they follow.
    'GRANT pg_read_all_stats TO app',
    'CREATE DATABASE app OWNER app TEMPLATE template0',
  ],
  mariadb: mysqlUser('REPLICA MONITOR, BINLOG MONITOR'),
  mysql: mysqlUser('REPLICATION CLIENT'),
}

function mysqlUser(monitoring: string): string[] {
  return [
    'CREATE DATABASE app',
    `CREATE USER 'app'@'%' IDENTIFIED BY 'secret'`,
    `GRANT ALL PRIVILEGES ON app.* TO 'app'@'%'`,
    `GRANT ${monitoring}, PROCESS ON *.* TO 'app'@'%'`,
  ]
}
