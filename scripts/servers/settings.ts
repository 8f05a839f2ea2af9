import type { ServerEngine, ServerSettings } from './server.ts'

/** What a server needs for Crossfade, and what makes a throwaway one fast. docker-compose.yml holds the same list. */
export const SERVER_SETTINGS = {
  postgres: {
    wal_level: 'logical',
    max_connections: 400,
    max_prepared_transactions: 20,
    max_wal_senders: 20,
    max_replication_slots: 40,
    shared_buffers: '256MB',
    max_wal_size: '4GB',
    timezone: 'UTC',
    // The data is thrown away: only a crash of the whole machine could damage it.
    fsync: 'off',
  },
  mariadb: {
    log_bin: 'binlog',
    binlog_format: 'ROW',
    binlog_row_image: 'FULL',
    binlog_row_metadata: 'FULL',
    gtid_strict_mode: 'ON',
    log_slave_updates: 'ON',
    server_id: 1,
    local_infile: 'ON',
    max_connections: 400,
    max_allowed_packet: '64M',
    innodb_buffer_pool_size: '512M',
    innodb_flush_log_at_trx_commit: 0,
    sync_binlog: 0,
    character_set_server: 'utf8mb4',
    collation_server: 'utf8mb4_unicode_ci',
    event_scheduler: 'OFF',
    skip_name_resolve: 'ON',
  },
  mysql: {
    log_bin: 'binlog',
    binlog_row_metadata: 'FULL',
    gtid_mode: 'ON',
    enforce_gtid_consistency: 'ON',
    server_id: 1,
    local_infile: 'ON',
    max_connections: 400,
    max_allowed_packet: '64M',
    innodb_buffer_pool_size: '512M',
    innodb_flush_log_at_trx_commit: 0,
    sync_binlog: 0,
    character_set_server: 'utf8mb4',
    collation_server: 'utf8mb4_0900_ai_ci',
    event_scheduler: 'OFF',
    skip_name_resolve: 'ON',
  },
} as const satisfies Record<ServerEngine, ServerSettings>

/** `-c name=value` for PostgreSQL, `--name=value` for the others. */
export const settingsToArgs = (engine: ServerEngine, settings: ServerSettings = {}): string[] =>
  Object.entries<string | number>({ ...SERVER_SETTINGS[engine], ...settings }).flatMap(([name, value]) =>
    engine === 'postgres' ? ['-c', `${name}=${value}`] : [`--${name.replaceAll('_', '-')}=${value}`],
  )
