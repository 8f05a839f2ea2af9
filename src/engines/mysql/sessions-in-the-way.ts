/** Who holds a lock: named by connection, user and age, never by what they run. */
import { raw, sql, type RawRow, type Sql } from '../sql.js'
import { errnoOf } from './classify-error.js'
import type { SideContext } from './context.js'
import type { Flavor } from './flavor.js'
import type { MysqlSession } from './session.js'

/** ER_CANNOT_CONVERT_STRING: another session runs a statement whose text does not fit into the list. */
const UNREADABLE = 3854

export interface OpenTransaction {
  readonly id: number
  readonly session: string
  readonly ageMs: number
}

/** Open InnoDB transactions of others, oldest first. Prepared XA transactions whose session is gone have the id 0. */
export async function openTransactions(
  flavor: Flavor,
  session: MysqlSession,
  condition: Sql = raw('TRUE'),
): Promise<OpenTransaction[]> {
  const rows = await readTransactions(flavor, session, condition)
  return rows.map(([id, user, age]) => {
    const ageMs = Number(age)
    const name = Number(id) === 0 ? 'a prepared XA transaction' : `connection ${String(id)} (${String(user)})`
    return { id: Number(id), session: `${name}, transaction open for ${(ageMs / 1000).toFixed(1)} s`, ageMs }
  })
}

async function readTransactions(flavor: Flavor, session: MysqlSession, condition: Sql): Promise<RawRow[]> {
  const read = (transactions: string): Promise<RawRow[]> =>
    session.query(
      sql`SELECT t.id, COALESCE(CONCAT(p.user, '@', p.host), 'no session'), t.age_ms
        FROM ${raw(transactions)} t LEFT JOIN ${raw(flavor.sessions)} p ON p.id = t.id
        WHERE t.id <> CONNECTION_ID() AND ${condition} ORDER BY 3 DESC`,
    )
  const [first, ...others] = flavor.transactions
  try {
    return await read(first!)
  } catch (error) {
    if (errnoOf(error) !== UNREADABLE || others.length === 0) throw error
    return await read(others[0]!)
  }
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
  const transactions = (await openTransactions(flavor, session)).filter(({ id }) => !except.has(id))
  if (holders === undefined) return transactions.map((transaction) => transaction.session)
  const named = new Map(transactions.map((transaction) => [transaction.id, transaction.session]))
  return holders.filter((id) => id !== session.id && !except.has(id)).map((id) => named.get(id) ?? `connection ${id}`)
}
