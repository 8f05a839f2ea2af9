export { knexConfig } from './client.js'
export { postgresDialect } from './dialect.js'
export { openPostgresSide } from './open-side.js'
