/** DDL of the tables of a plan. Every statement may be repeated. */
import type { ColumnSpec, ForeignKeySpec, IndexSpec, SchemaSpec, TableSpec } from '../../plan/schema.js'
import { parseType, type ParsedType } from '../../plan/schema.js'
import { raw, type Sql } from '../sql.js'
import { boundedName, qualify, quoteIdentifier, quoteLiteral } from './literals.js'
import { defaultPartition, spreadOverMonths } from './partitions.js'
import { ddlType, isNativeEnum, isTextType, valueType } from './types.js'

export function createTables(namespace: string, schema: SchemaSpec): Sql[] {
  return [
    raw(makeNamespace(namespace)),
    ...enumTypes(schema).map(({ name, values }) => raw(makeEnum(namespace, name!, values))),
    ...Object.entries(schema).flatMap(([name, table]) => {
      const statements = [raw(createTable(namespace, name, table))]
      const month = table.partitionByMonth
      if (month !== undefined)
        statements.push(raw(defaultPartition(namespace, name)), raw(spreadOverMonths(namespace, name, month)))
      return statements
    }),
  ]
}

export function createIndexes(namespace: string, schema: SchemaSpec): Sql[] {
  const tables = Object.entries(schema)
  const months = tables.flatMap(([name, { partitionByMonth }]) =>
    partitionByMonth === undefined ? [] : [raw(spreadOverMonths(namespace, name, partitionByMonth))],
  )
  const indexes = tables.flatMap(([name, table]) => [
    ...Object.entries(table.unique ?? {}).map(([index, spec]) =>
      raw(createIndex(namespace, name, table, index, spec, true)),
    ),
    ...Object.entries(table.indexes ?? {}).map(([index, spec]) =>
      raw(createIndex(namespace, name, table, index, spec, false)),
    ),
  ])
  const foreignKeys = tables.flatMap(([name, table]) =>
    Object.entries(table.foreignKeys ?? {}).map(([key, spec]) => raw(addForeignKey(namespace, name, key, spec))),
  )
  const policies = tables.flatMap(([name, table]) =>
    table.tenantColumn === undefined ? [] : secureRows(namespace, name, table, table.tenantColumn).map(raw),
  )
  return [...months, ...indexes, ...foreignKeys, ...policies]
}

export function dropTables(namespace: string, schema: SchemaSpec): Sql[] {
  return [
    ...Object.keys(schema)
      .toReversed()
      .map((name) => raw(`DROP TABLE IF EXISTS ${qualify(namespace, name)} CASCADE`)),
    ...enumTypes(schema).map(({ name }) => raw(dropUnused(`TYPE IF EXISTS ${qualify(namespace, name!)}`))),
  ]
}

/** The enums that are types of their own, each once. */
function enumTypes(schema: SchemaSpec): ParsedType[] {
  const parsed = Object.values(schema).flatMap(({ columns }) =>
    Object.values(columns).map(({ type }) => parseType(type)),
  )
  return [...new Map(parsed.filter(({ name }) => name !== undefined).map((type) => [type.name, type])).values()]
}

function makeEnum(namespace: string, name: string, labels: readonly string[]): string {
  const exists = `SELECT 1 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ${quoteLiteral(namespace)} AND t.typname = ${quoteLiteral(name)}`
  const create = `CREATE TYPE ${qualify(namespace, name)} AS ENUM (${labels.map(quoteLiteral).join(', ')})`
  return `DO $crossfade$ BEGIN IF NOT EXISTS (${exists}) THEN ${create}; END IF; END $crossfade$`
}

/** What something else uses is not Crossfade's alone. */
function dropUnused(what: string): string {
  return `DO $crossfade$ BEGIN DROP ${what}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $crossfade$`
}

/** Never lowers a sequence. A column without one is left alone. */
export function setNextValue(namespace: string, table: string, column: string, next: string): Sql[] {
  if (!/^[1-9][0-9]{0,18}$/.test(next)) throw new TypeError(`"${next}" is no next value`)
  const sequence = `pg_get_serial_sequence(${quoteLiteral(qualify(namespace, table))}, ${quoteLiteral(column)})`
  const current = `coalesce(pg_sequence_last_value(s.name::regclass), 0)`
  return [
    raw(
      `SELECT setval(s.name::regclass, greatest(${next}, ${current} + 1), false) FROM (SELECT ${sequence} AS name) s WHERE s.name IS NOT NULL`,
    ),
  ]
}

/** Names of indexes are unique in a schema here, in a table elsewhere: the table goes in front where it is not already. */
export function indexName(table: string, name: string): string {
  return boundedName(name === table || name.startsWith(`${table}_`) ? name : `${table}_${name}`)
}

function makeNamespace(namespace: string): string {
  // Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to create also where it creates nothing.
  return `DO $crossfade$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ${quoteLiteral(namespace)}) THEN CREATE SCHEMA ${quoteIdentifier(namespace)}; END IF; END $crossfade$`
}

function createTable(namespace: string, name: string, table: TableSpec): string {
  const inByteOrder = byteOrderedColumns(table)
  const parts = Object.entries(table.columns).map(([column, spec]) =>
    columnDdl(namespace, column, spec, inByteOrder.has(column)),
  )
  for (const [column, { type }] of Object.entries(table.columns)) {
    const parsed = parseType(type)
    if (parsed.kind !== 'enum' || parsed.name !== undefined) continue
    const check = quoteIdentifier(boundedName(`${name}_${column}_check`))
    parts.push(
      `CONSTRAINT ${check} CHECK (${quoteIdentifier(column)} IN (${parsed.values.map(quoteLiteral).join(', ')}))`,
    )
  }
  if (table.primaryKey.length > 0) parts.push(`PRIMARY KEY (${columnList(table.primaryKey)})`)
  const partition =
    table.partitionByMonth === undefined ? '' : ` PARTITION BY RANGE (${quoteIdentifier(table.partitionByMonth)})`
  return `CREATE TABLE IF NOT EXISTS ${qualify(namespace, name)} (\n  ${parts.join(',\n  ')}\n)${partition}`
}

/**
 * Keys and codes are ordered by bytes, the same in indexes and in bounds of chunks, and both ends of a foreign key alike:
 * a comparison of two columns with different collations is an error.
 */
function byteOrderedColumns(table: TableSpec): ReadonlySet<string> {
  const fixed = Object.entries(table.columns).filter(([, { type }]) => parseType(type).kind === 'char')
  const foreign = Object.values(table.foreignKeys ?? {}).flatMap(({ columns }) => columns)
  return new Set([...table.primaryKey, ...foreign, ...fixed.map(([column]) => column)])
}

function columnDdl(namespace: string, name: string, column: ColumnSpec, isInByteOrder: boolean): string {
  const { name: enumName } = parseType(column.type)
  const type = enumName === undefined ? ddlType(column.type) : qualify(namespace, enumName)
  const words = [quoteIdentifier(name), type]
  if (isInByteOrder && isTextType(column.type) && enumName === undefined) words.push('COLLATE "C"')
  if (column.notNull) words.push('NOT NULL')
  if (column.autoIncrement) words.push('GENERATED BY DEFAULT AS IDENTITY')
  else if (column.default !== undefined) words.push(`DEFAULT ${defaultSql(column, type)}`)
  return words.join(' ')
}

function defaultSql({ type, default: value }: ColumnSpec, ddl: string): string {
  if (typeof value === 'object') {
    if ('uuid' in value) return 'gen_random_uuid()'
    // datetime has no zone and is UTC throughout, whatever the session's zone is.
    return parseType(type).kind === 'datetime' ? `(now() AT TIME ZONE 'UTC')` : 'now()'
  }
  if (parseType(type).kind === 'boolean') return value === true || value === 1 || value === '1' ? 'true' : 'false'
  return `${quoteLiteral(String(value)).trim()}::${isNativeEnum(type) ? ddl : valueType(type)}`
}

function createIndex(
  namespace: string,
  name: string,
  table: TableSpec,
  index: string,
  spec: IndexSpec,
  isUnique: boolean,
): string {
  const isGin = spec.method === 'gin'
  // A unique index of a partitioned table must hold the partition column; without it each partition would be on its own.
  const isPossible = table.partitionByMonth === undefined || spec.columns.includes(table.partitionByMonth)
  const unique = isUnique && isPossible ? 'UNIQUE ' : ''
  const include = spec.include && spec.include.length > 0 && !isGin ? ` INCLUDE (${columnList(spec.include)})` : ''
  const where = spec.whereNotNull === undefined ? '' : ` WHERE ${quoteIdentifier(spec.whereNotNull)} IS NOT NULL`
  const indexSql = quoteIdentifier(indexName(name, index))
  return `CREATE ${unique}INDEX IF NOT EXISTS ${indexSql} ON ${qualify(namespace, name)} USING ${isGin ? 'gin' : 'btree'} (${columnList(spec.columns)})${include}${where}`
}

function addForeignKey(namespace: string, table: string, name: string, key: ForeignKeySpec): string {
  const constraint = indexName(table, name)
  const target = qualify(namespace, table)
  const actions = `ON DELETE ${key.onDelete ?? 'NO ACTION'} ON UPDATE ${key.onUpdate ?? 'NO ACTION'}`
  const references = `${qualify(namespace, key.references)} (${columnList(key.referencedColumns)})`
  const exists = `SELECT 1 FROM pg_constraint WHERE conrelid = ${quoteLiteral(target)}::regclass AND conname = ${quoteLiteral(constraint)}`
  return `DO $crossfade$ BEGIN IF NOT EXISTS (${exists}) THEN
    ALTER TABLE ${target} ADD CONSTRAINT ${quoteIdentifier(constraint)} FOREIGN KEY (${columnList(key.columns)}) REFERENCES ${references} ${actions};
  END IF; END $crossfade$`
}

/** The tenant of a session is its setting `app.tenant`; without one it sees nothing. Owners of tables see everything. */
function secureRows(namespace: string, name: string, table: TableSpec, column: string): string[] {
  const target = qualify(namespace, name)
  const policy = quoteIdentifier(boundedName(`${name}_tenant`))
  const type = valueType(table.columns[column]!.type)
  const isOwn = `${quoteIdentifier(column)} = NULLIF(current_setting('app.tenant', true), '')::${type}`
  return [
    `ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY`,
    `DROP POLICY IF EXISTS ${policy} ON ${target}`,
    `CREATE POLICY ${policy} ON ${target} USING (${isOwn}) WITH CHECK (${isOwn})`,
  ]
}

function columnList(columns: readonly string[]): string {
  return columns.map(quoteIdentifier).join(', ')
}
