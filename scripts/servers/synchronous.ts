/** A replica that has every write before its client hears of it, and what operators do with it and its primary. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Replica } from './replica.ts'
import { runSql } from './run-sql.ts'
import type { Server } from './server.ts'

const POLL_MS = 20

const ask = (server: Server, ...sql: string[]) => runSql(server.engine, server.adminUrl, ...sql)

// MySQL has no other words since 8.4, and MariaDB only the old ones.
const WORDS = {
  mariadb: {
    source: 'master',
    replica: 'slave',
    stop: 'STOP SLAVE IO_THREAD',
    start: 'START SLAVE IO_THREAD',
    status: 'information_schema.global_status',
    // Built in.
    plugins: [],
  },
  mysql: {
    source: 'source',
    replica: 'replica',
    stop: 'STOP REPLICA IO_THREAD',
    start: 'START REPLICA IO_THREAD',
    status: 'performance_schema.global_status',
    plugins: [
      `INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'`,
      `INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'`,
    ],
  },
} as const

/** From here on a commit on `primary` is acknowledged when `replica` has it. Call when it has this replica only. */
export async function makeSynchronous(primary: Server, replica: Replica): Promise<void> {
  let countReplicas = `SELECT count(*) AS n FROM pg_stat_replication WHERE sync_state = 'sync'`
  if (primary.engine === 'postgres') {
    await ask(primary, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
    await ask(primary, 'SELECT pg_reload_conf()')
  } else {
    const words = WORDS[primary.engine]
    const variable = `rpl_semi_sync_${words.source}`
    // Both on both: their parts will change.
    for (const server of [primary, replica]) await ask(server, ...words.plugins)
    await ask(
      primary,
      `SET GLOBAL ${variable}_enabled = ON`,
      `SET GLOBAL ${variable}_wait_point = AFTER_SYNC`,
      `SET GLOBAL ${variable}_timeout = 60000`,
    )
    await ask(replica, `SET GLOBAL rpl_semi_sync_${words.replica}_enabled = ON`, words.stop, words.start)
    countReplicas = `SELECT variable_value AS n FROM ${words.status} WHERE variable_name = '${variable}_clients'`
  }
  while (Number((await ask(primary, countReplicas))[0]!['n']) !== 1) await delay(POLL_MS)
  await replica.catchUp()
}

/** Without its replica, a commit would wait for ever. */
export async function commitAlone(server: Server): Promise<void> {
  if (server.engine === 'postgres')
    await ask(server, `ALTER SYSTEM SET synchronous_standby_names = ''`, 'SELECT pg_reload_conf()')
  else await ask(server, `SET GLOBAL rpl_semi_sync_${WORDS[server.engine].source}_enabled = OFF`)
}

/** The replica applies what it has received, and takes writes when this resolves. */
export async function promoteWithAll(replica: Replica): Promise<void> {
  if (replica.engine === 'mysql') {
    await ask(replica, WORDS.mysql.stop)
    const [row] = await ask(replica, 'SHOW REPLICA STATUS')
    // The positions tell less: several workers apply, and say now and then how far they are.
    await ask(replica, `SELECT WAIT_FOR_EXECUTED_GTID_SET('${String(row!['Retrieved_Gtid_Set'])}')`)
  } else if (replica.engine === 'mariadb') {
    await ask(replica, WORDS.mariadb.stop)
    for (;;) {
      const [row] = await ask(replica, 'SHOW SLAVE STATUS')
      if (row!['Read_Master_Log_Pos'] === row!['Exec_Master_Log_Pos']) break
      await delay(POLL_MS)
    }
  }
  await replica.promote()
  await commitAlone(replica)
}

/** To true: resolves when the writes that had begun before have ended, as a planned change of the primary waits for them. */
export async function setReadOnly(server: Server, isReadOnly: boolean): Promise<void> {
  const word = isReadOnly ? 'on' : 'off'
  if (server.engine !== 'postgres') {
    await ask(server, `SET GLOBAL read_only = ${word}`)
    return
  }
  // The superuser's own session would be read-only too.
  await ask(
    server,
    'SET default_transaction_read_only = off',
    `ALTER SYSTEM SET default_transaction_read_only = ${word}`,
  )
  await ask(server, 'SELECT pg_reload_conf()')
  if (isReadOnly) await noWriters(server)
}

/** A few looks in a row: sessions hear of the setting one after the other. */
async function noWriters(server: Server): Promise<void> {
  const writers = 'SELECT count(*) AS n FROM pg_stat_activity WHERE backend_xid IS NOT NULL'
  for (let quiet = 0; quiet < 3; await delay(POLL_MS)) {
    const [row] = await ask(server, writers)
    quiet = Number(row!['n']) === 0 ? quiet + 1 : 0
  }
}
