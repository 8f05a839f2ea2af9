/** The tables of a side as the server has them. */
import type {
  ColumnSpec,
  ColumnType,
  ForeignKeySpec,
  IndexSpec,
  ReferentialAction,
  TableSpec,
} from '../../plan/schema.js'
import { sql, type Sql } from '../sql.js'
import type { Flavor } from './flavor.js'
import type { MysqlSession } from './session.js'

interface MutableTable {
  serverTypes: Record<string, string>
  generated: string[]
  columns: Record<string, ColumnSpec>
  primaryKey: string[]
  unique: Record<string, { columns: string[] }>
  indexes: Record<string, { columns: string[] }>
  foreignKeys: Record<string, ForeignKeySpec & { columns: string[]; referencedColumns: string[] }>
}

/** A table with the server's own words for its columns, which say more than ours. */
export interface FoundTable extends TableSpec {
  readonly serverTypes: Readonly<Record<string, string>>
  /** Columns that the server computes. */
  readonly generated: readonly string[]
}

export async function introspect(
  session: MysqlSession,
  namespace: string,
  flavor: Flavor,
): Promise<Readonly<Record<string, FoundTable>>> {
  const texts = async (query: Sql) =>
    (await session.query(query)).map((row) => row.map((cell) => (cell === null ? null : String(cell))))
  const tables = new Map<string, MutableTable>()
  const named = await texts(
    sql`SELECT table_name FROM information_schema.tables WHERE table_schema = ${namespace} AND table_type = 'BASE TABLE' ORDER BY table_name`,
  )
  for (const [name] of named)
    tables.set(name!, {
      serverTypes: {},
      generated: [],
      columns: {},
      primaryKey: [],
      unique: {},
      indexes: {},
      foreignKeys: {},
    })
  const checks = await readJsonChecks(session, namespace, flavor)
  const columns = await texts(
    sql`SELECT table_name, column_name, column_type, is_nullable, extra FROM information_schema.columns
      WHERE table_schema = ${namespace} ORDER BY table_name, ordinal_position`,
  )
  for (const [table, name, type, nullable, extra] of columns) {
    const entry = tables.get(table!)
    if (!entry) continue
    entry.serverTypes[name!] = type!
    if (/GENERATED|PERSISTENT/i.test(extra ?? '') && !/DEFAULT_GENERATED/i.test(extra ?? ''))
      entry.generated.push(name!)
    entry.columns[name!] = {
      type: columnTypeOf(type!, checks.has(`${table}.${name}`)),
      ...(nullable === 'NO' ? { notNull: true } : {}),
      ...(extra?.includes('auto_increment') ? { autoIncrement: true } : {}),
    }
  }
  const indexes = await texts(
    sql`SELECT table_name, index_name, non_unique, column_name FROM information_schema.statistics
      WHERE table_schema = ${namespace} ORDER BY table_name, index_name, seq_in_index`,
  )
  for (const [table, index, nonUnique, column] of indexes) {
    const entry = tables.get(table!)
    if (!entry || column === null) continue
    if (index === 'PRIMARY') entry.primaryKey.push(column!)
    else
      (
        ((nonUnique === '0' ? entry.unique : entry.indexes)[index!] ??= { columns: [] }) satisfies IndexSpec
      ).columns.push(column!)
  }
  for (const key of await readForeignKeys(session, namespace)) {
    const entry = tables.get(key.table)
    if (entry)
      entry.foreignKeys[key.name] = { ...key, columns: [...key.columns], referencedColumns: [...key.referencedColumns] }
  }
  return Object.fromEntries(tables)
}

export interface ForeignKey {
  readonly name: string
  readonly table: string
  readonly columns: readonly string[]
  readonly references: string
  readonly referencedColumns: readonly string[]
  readonly onDelete: ReferentialAction
  readonly onUpdate: ReferentialAction
}

/** Foreign keys within one database. */
export async function readForeignKeys(session: MysqlSession, namespace: string): Promise<ForeignKey[]> {
  const rows = await session.query(
    sql`SELECT k.constraint_name, k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name,
        r.delete_rule, r.update_rule
      FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
        ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
      WHERE k.constraint_schema = ${namespace} AND k.table_schema = ${namespace} AND k.referenced_table_schema = ${namespace}
      ORDER BY k.table_name, k.constraint_name, k.ordinal_position`,
  )
  const keys = new Map<
    string,
    { -readonly [K in keyof ForeignKey]: ForeignKey[K] } & { columns: string[]; referencedColumns: string[] }
  >()
  for (const row of rows) {
    const [name, table, column, references, referencedColumn, onDelete, onUpdate] = row.map(String)
    const id = `${table}.${name}`
    const key = keys.get(id) ?? {
      name: name!,
      table: table!,
      columns: [],
      references: references!,
      referencedColumns: [],
      onDelete: onDelete as ReferentialAction,
      onUpdate: onUpdate as ReferentialAction,
    }
    key.columns.push(column!)
    key.referencedColumns.push(referencedColumn!)
    keys.set(id, key)
  }
  return [...keys.values()]
}

/** `table.column` of columns whose check says that they hold JSON: MariaDB's JSON type is no more than that. */
async function readJsonChecks(session: MysqlSession, namespace: string, flavor: Flavor): Promise<ReadonlySet<string>> {
  const query = flavor.jsonChecks(namespace)
  const rows = query ? await session.query(query) : []
  const found = new Set<string>()
  for (const [table, clause] of rows) {
    const column = /json_valid\(`([^`]+)`\)/i.exec(String(clause))?.[1]
    if (column) found.add(`${String(table)}.${column}`)
  }
  return found
}

/** The server's type in our words; one that has none is given as it is. */
export function columnTypeOf(type: string, isJson: boolean): ColumnType {
  const text = type.toLowerCase()
  const [, base = text, args, rest = ''] = /^([a-z]+)(?:\((.*)\))?(.*)$/s.exec(text) ?? []
  const unsigned = rest.includes('unsigned') ? ' unsigned' : ''
  switch (base) {
    case 'tinyint':
      return (args === '1' ? 'boolean' : 'smallint') as ColumnType
    case 'bigint':
      return `bigint${unsigned}` as ColumnType
    case 'int':
      return `int${unsigned}` as ColumnType
    case 'mediumint':
      return 'int'
    case 'smallint':
      return unsigned ? 'int' : 'smallint'
    case 'float':
      return args === undefined && rest === '' ? 'real' : (type as ColumnType)
    case 'year':
      return 'year'
    case 'double':
      return 'double'
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
      return isJson ? 'json' : 'text'
    case 'json':
    case 'date':
      return base
    case 'time':
      return 'time'
    case 'timestamp':
    case 'datetime':
      return args === undefined || args === '0' ? base : `${base}(6)`
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
    case 'binary':
    case 'varbinary':
      return 'blob'
    case 'set':
    case 'enum': {
      const original = /^(?:enum|set)\((.*)\)$/is.exec(type)?.[1] ?? ''
      return `${base}(${[...original.matchAll(/'((?:[^']|'')*)'/g)].map((match) => match[1]!.replaceAll("''", "'")).join(',')})`
    }
    case 'decimal':
      return `decimal(${args ?? '10,0'})` as ColumnType
    case 'char':
    case 'varchar':
      return `${base}(${args})` as ColumnType
    default:
      return type as ColumnType
  }
}
