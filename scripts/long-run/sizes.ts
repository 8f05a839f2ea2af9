/** What Crossfade's own tables take on blue's server, where its queue and its journal are. */
import type { Place } from '../bench/place.js'
import { runSql } from '../servers/run-sql.js'

export interface Sizes {
  readonly queueRows: number
  readonly queueMb: number
  readonly journalMb: number
  readonly journalEvents: number
}

const QUEUE = 'blue_changes'
const JOURNAL = ['migrations', 'events', 'progress', 'lease', 'commands', 'version']

/** All 0 while the tables are not there. */
export async function readSizes({ engine, blue, metaNamespace }: Place): Promise<Sizes> {
  const perTable =
    engine === 'postgres'
      ? `SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
           WHERE relkind = 'r' AND relnamespace = to_regnamespace('"${metaNamespace}"')`
      : `SELECT SUBSTRING_INDEX(NAME, '/', -1) AS name, FILE_SIZE AS bytes FROM information_schema.INNODB_SYS_TABLESPACES
           WHERE NAME LIKE '${metaNamespace}/%'`
  const tables = await runSql(engine, blue.serverUrl, perTable)
  const bytes = new Map(tables.map((row) => [String(row['name']), Number(row['bytes'])]))
  const count = async (table: string): Promise<number> => {
    if (!bytes.has(table)) return 0
    const quote = engine === 'postgres' ? '"' : '`'
    const name = [metaNamespace, table].map((part) => quote + part + quote).join('.')
    const [row] = await runSql(engine, blue.serverUrl, `SELECT COUNT(*) AS n FROM ${name}`)
    return Number(row!['n'])
  }
  const mb = (names: readonly string[]): number =>
    Math.round(names.reduce((sum, name) => sum + (bytes.get(name) ?? 0), 0) / 104_857.6) / 10
  return {
    queueRows: await count(QUEUE),
    queueMb: mb([QUEUE]),
    journalMb: mb(JOURNAL),
    journalEvents: await count('events'),
  }
}
