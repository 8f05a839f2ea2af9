/**
 * A schema as plain data: what both sides of a plan are written in. Types are named by meaning; each engine renders them
 * (`boolean` is `tinyint(1)` on MySQL and MariaDB, `json` is `jsonb` on PostgreSQL, and so on).
 */

/** A column type by meaning: one of the words below, with its size where it has one. */
export type ColumnType =
  | 'bigint'
  | 'bigint unsigned'
  | 'int'
  | 'int unsigned'
  | 'smallint'
  | 'double'
  | 'boolean'
  | 'text'
  | 'json'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamp(6)'
  | 'datetime'
  | 'datetime(6)'
  | 'blob'
  | `char(${number})`
  | `varchar(${number})`
  | `decimal(${number},${number})`
  | `enum(${string})`

/** `{ now: true }` is the time of the insert, `{ uuid: true }` a random UUID; anything else is a literal. */
export type ColumnDefault = string | number | boolean | { readonly now: true } | { readonly uuid: true }

export interface ColumnSpec {
  readonly type: ColumnType
  /** Default false: the column takes NULL. */
  readonly notNull?: boolean
  readonly default?: ColumnDefault
  /** An identity column (PostgreSQL) or AUTO_INCREMENT (MySQL, MariaDB). */
  readonly autoIncrement?: boolean
}

/** `SET NULL` and `CASCADE` matter most: InnoDB applies them without firing a trigger. */
export type ReferentialAction = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL'

export interface ForeignKeySpec {
  readonly columns: readonly string[]
  readonly references: string
  readonly referencedColumns: readonly string[]
  /** Default `NO ACTION`. */
  readonly onDelete?: ReferentialAction
  /** Default `NO ACTION`. */
  readonly onUpdate?: ReferentialAction
}

export interface IndexSpec {
  readonly columns: readonly string[]
  /** Covering columns: INCLUDE on PostgreSQL, left out elsewhere. */
  readonly include?: readonly string[]
  /** `gin` on PostgreSQL for JSON columns; such an index is left out elsewhere. Default `btree`. */
  readonly method?: 'btree' | 'gin'
  /** Only rows where this column is not NULL are indexed (PostgreSQL); elsewhere NULLs never collide in a unique index. */
  readonly whereNotNull?: string
}

export interface TableSpec {
  readonly columns: Readonly<Record<string, ColumnSpec>>
  /** Empty for a table without a primary key; such a table can only be retired. */
  readonly primaryKey: readonly string[]
  /** Unique constraints by name. */
  readonly unique?: Readonly<Record<string, IndexSpec>>
  /** Secondary indexes by name. */
  readonly indexes?: Readonly<Record<string, IndexSpec>>
  /** Foreign keys by name. */
  readonly foreignKeys?: Readonly<Record<string, ForeignKeySpec>>
  /** The table is partitioned by month of this column, which must be part of the primary key. */
  readonly partitionByMonth?: string
  /** Row-level security by this column: a policy on PostgreSQL, a view `<table>_tenant` on MySQL and MariaDB. */
  readonly tenantColumn?: string
}

export type SchemaSpec = Readonly<Record<string, TableSpec>>

/** The column names of one table of a schema given as a type. */
export type ColumnsOf<S extends SchemaSpec, T extends keyof S> = Extract<keyof S[T]['columns'], string>

/** A parsed {@link ColumnType}. */
export interface ParsedType {
  readonly kind:
    | 'bigint'
    | 'int'
    | 'smallint'
    | 'double'
    | 'boolean'
    | 'text'
    | 'json'
    | 'date'
    | 'time'
    | 'timestamp'
    | 'datetime'
    | 'blob'
    | 'char'
    | 'varchar'
    | 'decimal'
    | 'enum'
  readonly isUnsigned: boolean
  /** Of char and varchar, in characters. */
  readonly length: number | undefined
  /** Of decimal. */
  readonly precision: number | undefined
  /** Of decimal, digits after the point; of timestamp and datetime, digits of the second (0 or 6). */
  readonly scale: number | undefined
  /** Of enum. */
  readonly values: readonly string[]
}

const TYPE_PATTERN =
  /^(bigint|int|smallint|double|boolean|text|json|date|timestamp|datetime|time|blob|char|varchar|decimal|enum)(?:\((.*)\))?( unsigned)?$/

/**
 * Takes a column type apart. Values of an enum are separated by commas and hold none.
 * @throws {TypeError} when the text is no {@link ColumnType}.
 */
export function parseType(type: string): ParsedType {
  const match = TYPE_PATTERN.exec(type)
  if (!match) throw new TypeError(`"${type}" is no column type`)
  const kind = match[1] as ParsedType['kind']
  const args = match[2]
  const numbers = args === undefined || kind === 'enum' ? [] : args.split(',').map(Number)
  if (numbers.some((value) => !Number.isInteger(value) || value < 0)) throw new TypeError(`"${type}" is no column type`)
  if ((kind === 'char' || kind === 'varchar') && numbers.length !== 1) throw new TypeError(`"${type}" needs a length`)
  if (kind === 'decimal' && numbers.length !== 2) throw new TypeError(`"${type}" needs precision and scale`)
  if (kind === 'enum' && !args) throw new TypeError(`"${type}" needs values`)
  return {
    kind,
    isUnsigned: match[3] !== undefined,
    length: kind === 'char' || kind === 'varchar' ? numbers[0] : undefined,
    precision: kind === 'decimal' ? numbers[0] : undefined,
    scale:
      kind === 'decimal' ? numbers[1] : kind === 'timestamp' || kind === 'datetime' ? (numbers[0] ?? 0) : undefined,
    values: kind === 'enum' ? args!.split(',') : [],
  }
}
