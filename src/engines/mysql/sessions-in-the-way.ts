/** Who holds a lock: named by connection, user and age, never by what they run. */
import { raw, sql, type Sql } from '../sql.js'
import type { SideContext } from './context.js'
import type { MysqlSession } from './session.js'

/** trx_started is in the server's own time zone, sessions are in UTC. */
const TRANSACTION_AGE_MS = `GREATEST(0, TIMESTAMPDIFF(MICROSECOND, t.trx_started, CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', 'SYSTEM')) DIV 1000)`

export interface OpenTransaction {
  readonly id: number
  readonly session: string
  readonly ageMs: number
}

/** Open InnoDB transactions of others, oldest first. Prepared XA transactions whose session is gone have the id 0. */
export async function openTransactions(
  session: MysqlSession,
  condition: Sql = raw('TRUE'),
): Promise<OpenTransaction[]> {
  const rows = await session.query(
    sql`SELECT t.trx_mysql_thread_id, COALESCE(CONCAT(p.user, '@', p.host), 'no session'), ${raw(TRANSACTION_AGE_MS)}
      FROM information_schema.innodb_trx t LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
      WHERE t.trx_mysql_thread_id <> CONNECTION_ID() AND ${condition} ORDER BY 3 DESC`,
  )
  return rows.map(([id, user, age]) => {
    const ageMs = Number(age)
    const name = Number(id) === 0 ? 'a prepared XA transaction' : `connection ${String(id)} (${String(user)})`
    return { id: Number(id), session: `${name}, transaction open for ${(ageMs / 1000).toFixed(1)} s`, ageMs }
  })
}

/**
 * Sessions that stand in the way of locking a table: those that hold a metadata lock on it where the server counts them,
 * else all open transactions.
 */
export async function tableBlockers(
  { flavor }: Pick<SideContext, 'flavor'>,
  session: MysqlSession,
  namespace: string,
  table: string,
  except: ReadonlySet<number>,
): Promise<readonly string[]> {
  const holders = await flavor.metadataLockHolders(session, namespace, table).catch(() => undefined)
  const transactions = (await openTransactions(session)).filter(({ id }) => !except.has(id))
  if (holders === undefined) return transactions.map((transaction) => transaction.session)
  const named = new Map(transactions.map((transaction) => [transaction.id, transaction.session]))
  return holders.filter((id) => id !== session.id && !except.has(id)).map((id) => named.get(id) ?? `connection ${id}`)
}
