/** Streaming replicas of a server that was started from programs of this machine. */
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type LocalRecipe, recipeOf, startLocalServer } from './local-server.ts'
import { run } from './programs.ts'
import { runSql } from './run-sql.ts'
import type { Server } from './server.ts'

/** A server that follows another one. It stops and disappears like every {@link Server}; so do frozen and killed ones. */
export interface Replica extends Server {
  /** Receives on, applies nothing, until {@link resumeReplay}. */
  pauseReplay(): Promise<void>
  resumeReplay(): Promise<void>
  /** Resolves when it shows all that the primary had committed at the call. */
  catchUp(): Promise<void>
  /** Follows nobody any more and takes writes when this resolves. */
  promote(): Promise<void>
}

const POLL_MS = 20

/** Starts a replica; it shows what the primary had at the call. @throws for a server in Docker or given by URL. */
export const startReplica = async (primary: Server): Promise<Replica> => {
  const recipe = recipeOf(primary)
  if (recipe === undefined)
    throw new Error(`${primary.how} can have no replica: it was not started from local programs.`)
  const replica =
    recipe.engine === 'postgres' ? await followPostgres(primary, recipe) : await followMysql(primary, recipe)
  try {
    await replica.catchUp()
    return replica
  } catch (error) {
    await replica.stop()
    throw error
  }
}

const followPostgres = async (primary: Server, recipe: LocalRecipe): Promise<Replica> => {
  const { hostname, port, username, password } = new URL(primary.adminUrl)
  const slot = `replica_${randomBytes(4).toString('hex')}`
  const conninfo = `host=${hostname} port=${port} user=${username} password=${password} application_name=${slot}`
  // The slot keeps the WAL from the copy on, and while the replica is away.
  await runSql('postgres', primary.adminUrl, `SELECT pg_create_physical_replication_slot('${slot}', true)`)
  const server = await startLocalServer({
    ...recipe,
    how: `replica, ${recipe.how}`,
    initialise: (folder, dataDir) => copyPostgres(primary, recipe, folder, dataDir),
    args: (...place) => [
      ...recipe.args(...place),
      ...['-c', `primary_conninfo=${conninfo}`, '-c', `primary_slot_name=${slot}`],
    ],
  })
  const ask = (sql: string) => runSql('postgres', server.adminUrl, sql)
  return extend(server, {
    async pauseReplay() {
      await ask('SELECT pg_wal_replay_pause()')
      await until(async () => (await ask('SELECT pg_get_wal_replay_pause_state() AS s'))[0]!['s'] === 'paused')
    },
    resumeReplay: async () => void (await ask('SELECT pg_wal_replay_resume()')),
    async catchUp() {
      // It may follow another replica.
      const shown = `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn`
      const [row] = await runSql('postgres', primary.adminUrl, shown)
      const isThere = `SELECT pg_last_wal_replay_lsn() >= '${String(row!['lsn'])}' AS yes`
      await until(async () => (await ask(isThere))[0]!['yes'] === true)
    },
    async promote() {
      await ask('SELECT pg_promote(true, 60)')
      await until(async () => (await ask('SELECT pg_is_in_recovery() AS yes'))[0]!['yes'] === false)
    },
  })
}

/** A base backup by SQL and `cp`: the npm package has no pg_basebackup. */
const copyPostgres = async (primary: Server, { user }: LocalRecipe, folder: string, dataDir: string): Promise<void> => {
  // One session from start to stop, or the server gives the backup up.
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: primary.adminUrl })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(`SELECT pg_backup_start('replica', true)`)
    // Files come and go in a server that works: cp ends with an error then, and one try meets a quiet moment.
    for (let attempt = 1; ; attempt += 1) {
      try {
        await rm(dataDir, { recursive: true, force: true })
        await run('cp', ['-a', primary.dataDir!, dataDir], { user, cwd: folder })
        break
      } catch (error) {
        if (attempt === 10) throw error
      }
    }
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)')
    // All WAL comes from the primary: a segment copied half-way would be no help.
    const notItsOwn = ['postmaster.pid', 'postmaster.opts', 'pg_wal', 'pg_replslot', 'standby.signal']
    for (const name of notItsOwn) await rm(join(dataDir, name), { recursive: true, force: true })
    await run('mkdir', ['-m', '700', join(dataDir, 'pg_wal'), join(dataDir, 'pg_replslot')], { user, cwd: folder })
    await writeFile(join(dataDir, 'backup_label'), rows[0]!.labelfile)
    await writeFile(join(dataDir, 'standby.signal'), '')
    if (user !== undefined) await run('chown', ['-R', `${user.uid}:${user.gid}`, dataDir])
  } finally {
    await client.end()
  }
}

const WORDS = {
  mariadb: {
    position: 'SELECT @@gtid_binlog_pos AS gtid',
    wait: (gtid: string) => `SELECT MASTER_GTID_WAIT('${gtid}', 60) = 0 AS yes`,
    source: (host: string, port: string, user: string, password: string) =>
      `CHANGE MASTER TO MASTER_HOST = '${host}', MASTER_PORT = ${port}, MASTER_USER = '${user}', MASTER_PASSWORD = '${password}',
       MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`,
    replica: 'SLAVE',
  },
  mysql: {
    position: 'SELECT @@gtid_executed AS gtid',
    wait: (gtid: string) => `SELECT WAIT_FOR_EXECUTED_GTID_SET('${gtid}', 60) = 0 AS yes`,
    source: (host: string, port: string, user: string, password: string) =>
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '${host}', SOURCE_PORT = ${port}, SOURCE_USER = '${user}', SOURCE_PASSWORD = '${password}',
       SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1`,
    replica: 'REPLICA',
  },
} as const

/** A data directory of its own, then the binary logs of the primary from the first one on. */
const followMysql = async (primary: Server, recipe: LocalRecipe): Promise<Replica> => {
  const engine = recipe.engine as 'mariadb' | 'mysql'
  const words = WORDS[engine]
  const { hostname, port, username, password } = new URL(primary.adminUrl)
  const serverId = randomBytes(3).readUIntBE(0, 3) + 2
  let isPromoted = false
  const server = await startLocalServer({
    ...recipe,
    how: `replica, ${recipe.how}`,
    args: (...place) => [
      ...recipe.args(...place),
      ...[`--server-id=${serverId}`, '--relay-log=relay', `--read-only=${isPromoted ? 'OFF' : 'ON'}`],
    ],
  })
  const ask = (...sql: string[]) => runSql(engine, server.adminUrl, ...sql)
  await ask(words.source(hostname, port, username, password), `START ${words.replica}`)
  return extend(server, {
    pauseReplay: async () => void (await ask(`STOP ${words.replica} SQL_THREAD`)),
    resumeReplay: async () => void (await ask(`START ${words.replica} SQL_THREAD`)),
    async catchUp() {
      const [row] = await runSql(engine, primary.adminUrl, words.position)
      const [answer] = await ask(words.wait(String(row!['gtid'])))
      if (Number(answer!['yes']) !== 1) throw new Error(`${server.how} does not follow its primary`)
    },
    async promote() {
      isPromoted = true
      await ask(`STOP ${words.replica}`, `RESET ${words.replica} ALL`, 'SET GLOBAL read_only = OFF')
    },
  })
}

/** The server itself with more methods: it holds private state, so no copy of it would work. */
const extend = (server: Server, more: Omit<Replica, keyof Server>): Replica => Object.assign(server, more)

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 60_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('the replica did not get there within a minute')
    await delay(POLL_MS)
  }
}
