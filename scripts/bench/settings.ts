/** Servers of the benchmarks: as for tests, with room for all rows, so that the disk is not what is measured, and for 200 connections to each side. */
import type { ServerSettings } from '../servers/server.js'
import type { BenchEngine } from './place.js'

export const BENCH_SETTINGS: Readonly<Record<BenchEngine, ServerSettings>> = {
  postgres: { shared_buffers: '1GB', max_wal_size: '16GB', max_connections: 1000 },
  mariadb: { innodb_buffer_pool_size: '2G', innodb_log_file_size: '2G', max_connections: 1000 },
}
