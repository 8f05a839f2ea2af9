/** MySQL and MariaDB. */
export { knexConfig } from './connection-options.js'
export { mysqlDialect } from './dialect.js'
export { openMysqlSide, type MysqlSideOptions } from './side.js'
