/** RANGE partitions by month. */
import { parseType, type TableSpec } from '../../plan/schema.js'
import { quoteIdentifier } from './quote.js'

/** Two years back and two ahead; older rows share the first partition, later ones the last. */
const MONTHS_BACK = 24
const MONTHS_AHEAD = 24

/** The PARTITION BY clause, empty for other tables. */
export function monthPartitions(table: TableSpec, now: Date): string {
  const column = table.partitionByMonth
  if (column === undefined) return ''
  const spec = table.columns[column]
  if (!spec || !table.primaryKey.includes(column))
    throw new TypeError(`"${column}" must be part of the primary key to partition by it`)
  const quoted = quoteIdentifier(column)
  // A TIMESTAMP can only be partitioned by its number of seconds; FLOOR because one with microseconds gives a decimal.
  const isTimestamp = parseType(spec.type).kind === 'timestamp'
  const lines = monthStarts(now).map(({ name, date }) => {
    const limit = isTimestamp ? String(Date.parse(`${date}T00:00:00Z`) / 1000) : `'${date}'`
    return `PARTITION ${name} VALUES LESS THAN (${limit})`
  })
  const by = isTimestamp ? `RANGE (FLOOR(UNIX_TIMESTAMP(${quoted})))` : `RANGE COLUMNS (${quoted})`
  const last = `PARTITION p_later VALUES LESS THAN ${isTimestamp ? 'MAXVALUE' : '(MAXVALUE)'}`
  return `\nPARTITION BY ${by} (\n  ${[...lines, last].join(',\n  ')}\n)`
}

/** Each partition is named after the month it holds and ends where the next month starts. */
function monthStarts(now: Date): { name: string; date: string }[] {
  const month = (offset: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1)).toISOString().slice(0, 10)
  return Array.from({ length: MONTHS_BACK + MONTHS_AHEAD + 1 }, (_, index) => {
    const offset = index - MONTHS_BACK
    const name = index === 0 ? 'p_earlier' : `p${month(offset).slice(0, 7).replace('-', '_')}`
    return { name, date: month(offset + 1) }
  })
}
