/** Servers of the benchmarks: as for tests, with room for all rows, so that the disk is not what is measured. */
import type { ServerSettings } from '../servers/server.js'
import type { BenchEngine } from './place.js'

export const BENCH_SETTINGS: Readonly<Record<BenchEngine, ServerSettings>> = {
  postgres: { shared_buffers: '1GB', max_wal_size: '16GB' },
  mariadb: { innodb_buffer_pool_size: '2G', innodb_log_file_size: '2G' },
}
