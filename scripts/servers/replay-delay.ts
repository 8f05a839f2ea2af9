import type { Replica } from './replica.ts'
import { runSql } from './run-sql.ts'

/** The replica shows everything so much later. 0: at once. MariaDB and MySQL know whole seconds only. */
export async function delayReplay(replica: Replica, seconds: number): Promise<void> {
  const { engine, adminUrl } = replica
  if (engine === 'postgres') {
    await runSql(
      engine,
      adminUrl,
      `ALTER SYSTEM SET recovery_min_apply_delay = '${seconds}s'`,
      'SELECT pg_reload_conf()',
    )
    return
  }
  const [word, change] =
    engine === 'mysql'
      ? ['REPLICA', `CHANGE REPLICATION SOURCE TO SOURCE_DELAY = ${seconds}`]
      : ['SLAVE', `CHANGE MASTER TO MASTER_DELAY = ${seconds}`]
  await runSql(engine, adminUrl, `STOP ${word}`, change, `START ${word}`)
}
