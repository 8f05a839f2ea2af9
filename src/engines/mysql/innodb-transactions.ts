/** Open transactions as InnoDB lists them: see `Flavor.transactions`. A prepared one whose session is gone has the id 0. */

/** trx_started is in the server's own time zone, sessions are in UTC. */
const AGE_MS = `GREATEST(0, TIMESTAMPDIFF(MICROSECOND, trx_started, CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', 'SYSTEM')) DIV 1000)`

export const INNODB_TRANSACTIONS = `(SELECT trx_mysql_thread_id AS id, trx_rows_modified AS modified, ${AGE_MS} AS age_ms
  FROM information_schema.innodb_trx)`
