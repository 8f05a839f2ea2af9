/** DDL of a {@link SchemaSpec}. Every statement may be repeated. */
import { type IndexSpec, type SchemaSpec, type TableSpec } from '../../plan/schema.js'
import { raw, type Sql } from '../sql.js'
import { columnDdl } from './column-ddl.js'
import type { Flavor } from './flavor.js'
import { indexColumns } from './index-ddl.js'
import { monthPartitions } from './partitions.js'
import { qualify, quoteIdentifier, quoteText } from './quote.js'
import { tenantView } from './tenant-view.js'

export interface SchemaDdlOptions {
  readonly namespace: string
  readonly flavor: Flavor
  readonly hasExplicitTimestamps: boolean
  /** Partitions are made around this moment. */
  readonly now: Date
}

export function createTables(schema: SchemaSpec, options: SchemaDdlOptions): Sql[] {
  const { namespace } = options
  return [
    raw(`CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(namespace)} CHARACTER SET utf8mb4`),
    ...Object.entries(schema).map(([name, table]) => {
      const keys = keyColumns(name, schema)
      const parts = Object.entries(table.columns).map(([column, spec]) => {
        // MySQL refuses a key that may be NULL; the other engines make it NOT NULL by themselves.
        const isNotNull = spec.notNull === true || table.primaryKey.includes(column)
        return columnDdl(column, { ...spec, notNull: isNotNull }, { ...options, isKey: keys.has(column) })
      })
      if (table.primaryKey.length > 0) parts.push(`PRIMARY KEY (${list(table.primaryKey)})`)
      const partitions = monthPartitions(table, options.now)
      return raw(
        `CREATE TABLE IF NOT EXISTS ${qualify(namespace, name)} (\n  ${parts.join(',\n  ')}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4${partitions}`,
      )
    }),
  ]
}

/** All indexes of a table in one ALTER, which reads it once; then foreign keys, when every key they refer to is there. */
export function createIndexes(schema: SchemaSpec, { namespace, flavor }: SchemaDdlOptions): Sql[] {
  const tables = Object.entries(schema)
  return [
    ...tables.flatMap(([name, table]) => addMissing(namespace, name, indexAdditions(name, table))),
    ...tables.flatMap(([name, table]) =>
      addMissing(namespace, name, foreignKeyAdditions(namespace, name, table, schema)),
    ),
    ...tables.flatMap(([name, table]) => (table.tenantColumn ? tenantView(namespace, name, table, flavor) : [])),
  ]
}

export function dropTables(schema: SchemaSpec, { namespace }: SchemaDdlOptions): Sql[] {
  return Object.entries(schema)
    .reverse()
    .flatMap(([name, table]) => [
      ...(table.tenantColumn ? [raw(`DROP VIEW IF EXISTS ${qualify(namespace, `${name}_tenant`)}`)] : []),
      raw(`DROP TABLE IF EXISTS ${qualify(namespace, name)}`),
    ])
}

/** Columns of the primary key, of unique keys and of foreign keys, on either end. */
function keyColumns(name: string, schema: SchemaSpec): ReadonlySet<string> {
  const table = schema[name]!
  const referenced = Object.values(schema).flatMap((other) =>
    Object.values(other.foreignKeys ?? {}).flatMap((key) => (key.references === name ? key.referencedColumns : [])),
  )
  return new Set([
    ...table.primaryKey,
    ...Object.values(table.unique ?? {}).flatMap((key) => key.columns),
    ...Object.values(table.foreignKeys ?? {}).flatMap((key) => key.columns),
    ...(table.tenantColumn ? [table.tenantColumn] : []),
    ...referenced,
  ])
}

interface Addition {
  /** SQL that is true when it is there already. */
  readonly exists: string
  readonly clause: string
}

function indexAdditions(name: string, table: TableSpec): Addition[] {
  const additions = (indexes: Readonly<Record<string, IndexSpec>> | undefined, isUnique: boolean) =>
    Object.entries(indexes ?? {}).flatMap(([index, spec]): Addition[] => {
      const columns = indexColumns(spec, table, isUnique)
      if (columns === undefined) return []
      const exists = `SELECT 1 FROM information_schema.statistics WHERE table_schema = %S AND table_name = ${quoteText(name)} AND index_name = ${quoteText(index)}`
      return [{ exists, clause: `ADD ${isUnique ? 'UNIQUE ' : ''}INDEX ${quoteIdentifier(index)} (${columns})` }]
    })
  return [...additions(table.unique, true), ...additions(table.indexes, false)]
}

/** Partitioned tables cannot have or be the end of a foreign key. */
function foreignKeyAdditions(namespace: string, name: string, table: TableSpec, schema: SchemaSpec): Addition[] {
  if (table.partitionByMonth) return []
  return Object.entries(table.foreignKeys ?? {}).flatMap(([constraint, key]) => {
    if (schema[key.references]?.partitionByMonth) return []
    const actions = `${key.onDelete ? ` ON DELETE ${key.onDelete}` : ''}${key.onUpdate ? ` ON UPDATE ${key.onUpdate}` : ''}`
    const exists = `SELECT 1 FROM information_schema.table_constraints WHERE constraint_schema = %S AND table_name = ${quoteText(name)} AND constraint_name = ${quoteText(constraint)}`
    const target = `${qualify(namespace, key.references)} (${list(key.referencedColumns)})`
    const clause = `ADD CONSTRAINT ${quoteIdentifier(constraint)} FOREIGN KEY (${list(key.columns)}) REFERENCES ${target}${actions}`
    return [{ exists, clause }]
  })
}

/** MySQL has no ADD INDEX IF NOT EXISTS: the statement is put together on the server, of what is missing. */
function addMissing(namespace: string, table: string, additions: readonly Addition[]): Sql[] {
  if (additions.length === 0) return []
  const clauses = additions.map(
    ({ exists, clause }) =>
      `IF(EXISTS(${exists.replace('%S', () => quoteText(namespace))}), NULL, ${quoteText(clause)})`,
  )
  const alter = quoteText(`ALTER TABLE ${qualify(namespace, table)} `)
  return [
    raw(`SET @crossfade_ddl = COALESCE(CONCAT(${alter}, NULLIF(CONCAT_WS(', ', ${clauses.join(', ')}), '')), 'DO 0')`),
    raw('PREPARE crossfade_ddl FROM @crossfade_ddl'),
    raw('EXECUTE crossfade_ddl'),
    raw('DEALLOCATE PREPARE crossfade_ddl'),
  ]
}

/** `next` comes from a count of keys and is digits. A value below the highest key is raised by the server. */
export function setNextValue(namespace: string, table: string, next: string): Sql[] {
  if (!/^\d+$/.test(next)) throw new TypeError(`"${next}" is no next value`)
  return [raw(`ALTER TABLE ${qualify(namespace, table)} AUTO_INCREMENT = ${next}`)]
}

function list(columns: readonly string[]): string {
  return columns.map(quoteIdentifier).join(', ')
}
