/** What each of Crossfade's sessions sets. */

const MODES = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'

/**
 * Foreign keys are not enforced for rows that were valid on the other side, and cascade nothing. Zero dates pass, so that
 * old data arrives as it is. Divisions keep enough digits for any DECIMAL of a plan.
 */
export const COMMON_SETTINGS: readonly string[] = [
  '@crossfade_sync = 1',
  `SESSION sql_mode = '${MODES}'`,
  `SESSION time_zone = '+00:00'`,
  'SESSION autocommit = 1',
  'SESSION foreign_key_checks = 0',
  'SESSION group_concat_max_len = 1073741824',
  'SESSION div_precision_increment = 20',
  // A statement behind somebody's ALTER fails and is tried again, instead of waiting for a day.
  'SESSION lock_wait_timeout = 50',
  'SESSION innodb_lock_wait_timeout = 50',
  // A slow other side holds up a stream for longer than the default of 60 s.
  'SESSION net_write_timeout = 3600',
  'SESSION net_read_timeout = 3600',
  'SESSION wait_timeout = 28800',
]

export const MARIADB_SETTINGS: readonly string[] = [
  'SESSION max_statement_time = 0',
  // Long IN lists stay lists: as subqueries they lose the index.
  'SESSION in_predicate_conversion_threshold = 0',
]

export const MYSQL_SETTINGS: readonly string[] = [
  'SESSION max_execution_time = 0',
  // Ranges of long IN lists are never given up for lack of memory.
  'SESSION range_optimizer_max_mem_size = 0',
]

/** Server variables that preflight looks at and reports show. */
export const FACT_NAMES: readonly string[] = [
  'binlog_format',
  'explicit_defaults_for_timestamp',
  'local_infile',
  'log_bin',
  'log_bin_trust_function_creators',
  'max_allowed_packet',
  'read_only',
]
