/** Partitions by month. Rows of months that have no partition yet are in the default partition. */
import { boundedName, qualify, quoteIdentifier, quoteLiteral } from './literals.js'

/** More months than this stay in the default partition: hundreds of partitions make planning slow. */
const MAX_MONTHS = 120

export function defaultPartitionName(table: string): string {
  return boundedName(`${table}_default`)
}

export function defaultPartition(namespace: string, table: string): string {
  const partition = qualify(namespace, defaultPartitionName(table))
  return `CREATE TABLE IF NOT EXISTS ${partition} PARTITION OF ${qualify(namespace, table)} DEFAULT`
}

/**
 * Makes partitions for the last two years, the next three months and every month that has rows in the default partition, newest
 * first, and moves the rows there. One statement: it is done as a whole or not at all. Crossfade's triggers go with the rows.
 */
export function spreadOverMonths(namespace: string, table: string, column: string): string {
  const parent = qualify(namespace, table)
  const rest = qualify(namespace, defaultPartitionName(table))
  const schema = quoteLiteral(namespace)
  const key = quoteIdentifier(column)
  return `DO $crossfade$
  DECLARE month record; part text; one record;
  BEGIN
    FOR month IN
      SELECT m AS first, m + interval '1 month' AS last FROM (
        SELECT DISTINCT date_trunc('month', ${key}::timestamp) AS m FROM ${rest} WHERE isfinite(${key}::timestamp)
        UNION SELECT date_trunc('month', now()::timestamp) + make_interval(months => n) FROM generate_series(-24, 3) n
      ) months ORDER BY m DESC LIMIT ${MAX_MONTHS}
    LOOP
      part := ${quoteLiteral(boundedName(`${table}_y`).slice(0, 50))} || to_char(month.first, 'YYYY"m"MM');
      CONTINUE WHEN to_regclass(format('%I.%I', ${schema}, part)) IS NOT NULL;
      EXECUTE format('CREATE TABLE %I.%I (LIKE ${forFormat(parent)} INCLUDING ALL EXCLUDING INDEXES EXCLUDING IDENTITY)', ${schema}, part);
      EXECUTE format('WITH moved AS (DELETE FROM ${forFormat(rest)} WHERE ${forFormat(key)} >= %L AND ${forFormat(key)} < %L RETURNING *) INSERT INTO %I.%I SELECT * FROM moved',
        month.first, month.last, ${schema}, part);
      EXECUTE format('ALTER TABLE ${forFormat(parent)} ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
        ${schema}, part, month.first, month.last);
      FOR one IN SELECT t.oid, t.tgname FROM pg_trigger t
        WHERE t.tgrelid = ${quoteLiteral(rest)}::regclass AND NOT t.tgisinternal AND starts_with(t.tgname, 'crossfade_')
      LOOP
        EXECUTE replace(pg_get_triggerdef(one.oid), format(' ON %I.%I ', ${schema}, ${quoteLiteral(defaultPartitionName(table))}), format(' ON %I.%I ', ${schema}, part));
        EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I', ${schema}, part, one.tgname);
      END LOOP;
    END LOOP;
  END $crossfade$`
}

/** Text inside a format string that is itself inside quotes. */
function forFormat(identifier: string): string {
  return identifier.replaceAll('%', '%%').replaceAll("'", "''")
}
