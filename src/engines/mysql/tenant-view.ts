/** Row-level security: a view that shows the rows of one tenant. */
import { type TableSpec } from '../../plan/schema.js'
import { raw, type Sql } from '../sql.js'
import { BYTE_ORDER } from './byte-order.js'
import type { Flavor } from './flavor.js'
import { qualify, quoteIdentifier } from './quote.js'
import { castName, isTextType } from './types.js'

const FUNCTION = 'app_tenant'

/**
 * A view cannot name a variable, so a function reads `@app_tenant`, which the application sets after it has logged in.
 * Its meaning never changes, so one that is there is kept.
 */
export function tenantView(namespace: string, name: string, table: TableSpec, { engine }: Flavor): Sql[] {
  const column = table.tenantColumn!
  const { type } = table.columns[column]!
  const call = `${qualify(namespace, FUNCTION)}()`
  const tenant = isTextType(type) ? call : `CAST(${call} AS ${castName(type)})`
  const view = qualify(namespace, `${name}_tenant`)
  return [
    raw(
      `CREATE FUNCTION IF NOT EXISTS ${qualify(namespace, FUNCTION)}() RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE ${BYTE_ORDER[engine]} NO SQL DETERMINISTIC RETURN @app_tenant`,
    ),
    raw(
      `CREATE OR REPLACE SQL SECURITY DEFINER VIEW ${view} AS SELECT * FROM ${qualify(namespace, name)} WHERE ${quoteIdentifier(column)} = ${tenant} WITH CHECK OPTION`,
    ),
  ]
}
