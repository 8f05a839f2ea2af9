/** The tables of a schema as the server has them. */
import type { ColumnSpec, ColumnType, ForeignKeySpec, ReferentialAction, TableSpec } from '../../plan/schema.js'
import type { Session } from '../engine.js'
import { sql } from '../sql.js'

/** A table with the server's own names of its column types, which say more than ours. */
export interface FoundTable {
  readonly spec: TableSpec
  readonly serverTypes: Readonly<Record<string, string>>
  /** Columns that the server computes. */
  readonly generated: readonly string[]
}

interface RawColumn {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly identity: boolean
  readonly generated: boolean
  /** Of an enum type in the schema of the table: one elsewhere is not dumped with it. */
  readonly enumName: string | null
  readonly labels: readonly string[] | null
}

interface RawKey {
  readonly name: string
  readonly columns: readonly string[]
}

interface RawForeignKey extends RawKey {
  readonly references: string
  readonly referencedColumns: readonly string[]
  readonly onDelete: string
  readonly onUpdate: string
}

interface RawTable {
  readonly columns: readonly RawColumn[] | null
  readonly primaryKey: readonly string[] | null
  readonly indexes:
    | readonly (RawKey & { readonly isUnique: boolean; readonly method: string; readonly include: readonly string[] })[]
    | null
  readonly foreignKeys: readonly RawForeignKey[] | null
  readonly checks: readonly string[] | null
}

/** Tables and partitioned tables; partitions are part of theirs. */
export async function introspect(session: Session, namespace: string): Promise<Readonly<Record<string, FoundTable>>> {
  const rows = await session.query(sql`SELECT c.relname, json_build_object(
      'columns', (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
          'notNull', a.attnotnull, 'generated', a.attgenerated <> '', 'identity', a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false),
          'enumName', (SELECT t.typname FROM pg_type t WHERE t.oid = a.atttypid AND t.typtype = 'e' AND t.typnamespace = c.relnamespace),
          'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid)) ORDER BY a.attnum)
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
      'primaryKey', (SELECT json_agg(a.attname ORDER BY k.n)
        FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attnum = k.num
        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND k.n <= i.indnkeyatts),
      'indexes', (SELECT json_agg(json_build_object('name', x.relname, 'isUnique', i.indisunique, 'method', m.amname,
          'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k(num, n)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num WHERE k.n <= i.indnkeyatts),
          'include', (SELECT coalesce(json_agg(a.attname ORDER BY k.n), '[]') FROM unnest(i.indkey) WITH ORDINALITY k(num, n)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num WHERE k.n > i.indnkeyatts)) ORDER BY x.relname)
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
        WHERE i.indrelid = c.oid AND NOT i.indisprimary AND 0 <> ALL (i.indkey)),
      'foreignKeys', (SELECT json_agg(json_build_object('name', f.conname, 'references', r.relname, 'onDelete', f.confdeltype, 'onUpdate', f.confupdtype,
          'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY k(num, n)
            JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num),
          'referencedColumns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY k(num, n)
            JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num)) ORDER BY f.conname)
        FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid WHERE f.conrelid = c.oid AND f.contype = 'f'),
      'checks', (SELECT json_agg(pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${namespace} AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname`)
  return Object.fromEntries(
    rows.map(([name, json]) => [String(name), foundTable(JSON.parse(String(json)) as RawTable)]),
  )
}

function foundTable(table: RawTable): FoundTable {
  const enums = new Map((table.checks ?? []).flatMap(enumOfCheck))
  const indexes = (table.indexes ?? []).map(({ name, columns, include, method, isUnique }) => ({
    name,
    isUnique,
    spec: {
      columns,
      ...(include.length > 0 ? { include } : {}),
      ...(method === 'gin' ? { method: 'gin' as const } : {}),
    },
  }))
  const pick = (isUnique: boolean) =>
    indexes.filter((index) => index.isUnique === isUnique).map(({ name, spec }) => [name, spec] as const)
  return {
    generated: (table.columns ?? []).filter(({ generated }) => generated).map(({ name }) => name),
    serverTypes: Object.fromEntries((table.columns ?? []).map(({ name, type }) => [name, type])),
    spec: {
      columns: Object.fromEntries(
        (table.columns ?? []).map((column) => [column.name, columnSpec(column, enums.get(column.name))]),
      ),
      primaryKey: table.primaryKey ?? [],
      unique: Object.fromEntries(pick(true)),
      indexes: Object.fromEntries(pick(false)),
      foreignKeys: Object.fromEntries((table.foreignKeys ?? []).map((key) => [key.name, foreignKey(key)])),
    },
  }
}

function columnSpec(
  { type, notNull, identity, enumName, labels }: RawColumn,
  values: readonly string[] | undefined,
): ColumnSpec {
  const checked = type === 'text' && values ? (`enum(${values.join(',')})` as const) : undefined
  const native = enumName !== null && labels ? (`enum ${enumName}(${labels.join(',')})` as const) : undefined
  return {
    type: native ?? checked ?? columnTypeOf(type),
    ...(notNull ? { notNull } : {}),
    ...(identity ? { autoIncrement: true } : {}),
  }
}

/** The server's type in our words; one that has none is given as it is. */
export function columnTypeOf(type: string): ColumnType {
  const plain: Readonly<Record<string, ColumnType>> = {
    bigint: 'bigint',
    integer: 'int',
    smallint: 'smallint',
    'double precision': 'double',
    boolean: 'boolean',
    text: 'text',
    'character varying': 'text',
    json: 'json',
    jsonb: 'json',
    date: 'date',
    bytea: 'blob',
    real: 'real',
    uuid: 'uuid',
    inet: 'inet',
    cidr: 'cidr',
    macaddr: 'macaddr',
    macaddr8: 'macaddr8',
    interval: 'interval',
    'time with time zone': 'timetz',
    'bit varying': 'varbit',
    'time without time zone': 'time',
    'timestamp with time zone': 'timestamp(6)',
    'timestamp without time zone': 'datetime(6)',
    'timestamp(0) with time zone': 'timestamp',
    'timestamp(0) without time zone': 'datetime',
  }
  if (type.endsWith('[]')) return `${columnTypeOf(type.slice(0, -2))}[]`
  const [, base, size] = /^(character varying|character|numeric|bit varying|bit)\((.*)\)$/.exec(type) ?? []
  if (base === 'numeric') return `decimal(${size})` as ColumnType
  if (base?.startsWith('bit')) return `${base === 'bit' ? 'bit' : 'varbit'}(${size})` as ColumnType
  if (base !== undefined) return `${base === 'character' ? 'char' : 'varchar'}(${size})` as ColumnType
  return plain[type] ?? (type as ColumnType)
}

/** `CHECK ((status = ANY (ARRAY['a'::text, 'b'::text])))`, as the server writes a list of values. */
function enumOfCheck(check: string): [column: string, values: string[]][] {
  const [, column, list] = /^CHECK \(\(\(?"?([^"\s()]+)"?\)? = (?:ANY \(ARRAY\[(?=')|(?='))(.*)$/s.exec(check) ?? []
  if (column === undefined || list === undefined) return []
  const values = [...list.matchAll(/'((?:[^']|'')*)'::text/g)].map((match) => match[1]!.replaceAll("''", "'"))
  return values.length === 0 ? [] : [[column, values]]
}

function foreignKey({ columns, references, referencedColumns, onDelete, onUpdate }: RawForeignKey): ForeignKeySpec {
  return { columns, references, referencedColumns, onDelete: actionOf(onDelete), onUpdate: actionOf(onUpdate) }
}

function actionOf(letter: string): ReferentialAction {
  const actions: Readonly<Record<string, ReferentialAction>> = { r: 'RESTRICT', c: 'CASCADE', n: 'SET NULL' }
  return actions[letter] ?? 'NO ACTION'
}
