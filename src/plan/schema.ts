/**
 * A schema as plain data: what both sides of a plan are written in. Types are named by meaning; each engine renders them
 * (`boolean` is `tinyint(1)` on MySQL and MariaDB, `json` is `jsonb` on PostgreSQL, and so on).
 */

/** A column type by meaning: one of the words below, with its size where it has one. Not every engine has each of them. */
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
  /** A native type of PostgreSQL by its name, with its labels in order; a plain enum elsewhere. */
  | `enum ${string}(${string})`
  | 'real'
  | 'uuid'
  | 'inet'
  | 'cidr'
  | 'macaddr'
  | 'macaddr8'
  | 'inet4'
  | 'inet6'
  | 'interval'
  | 'timetz'
  | 'year'
  | `set(${string})`
  | `bit(${number})`
  | 'varbit'
  | `varbit(${number})`
  /** An array of PostgreSQL. */
  | `${string}[]`

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

/** The kinds of types whose words may have arguments. */
type SizedKind = 'timestamp' | 'datetime' | 'char' | 'varchar' | 'decimal' | 'enum' | 'set' | 'bit' | 'varbit'
type PlainKind =
  | 'bigint'
  | 'int'
  | 'smallint'
  | 'double'
  | 'real'
  | 'boolean'
  | 'text'
  | 'json'
  | 'date'
  | 'time'
  | 'timetz'
  | 'interval'
  | 'year'
  | 'blob'
  | 'uuid'
  | 'inet'
  | 'cidr'
  | 'macaddr'
  | 'macaddr8'
  | 'inet4'
  | 'inet6'

export type TypeKind = PlainKind | SizedKind | 'array'

/** A parsed {@link ColumnType}. */
export interface ParsedType {
  readonly kind: TypeKind
  readonly isUnsigned: boolean
  /** Of char and varchar, in characters; of bit and varbit, in bits. */
  readonly length: number | undefined
  /** Of decimal. */
  readonly precision: number | undefined
  /** Of decimal, digits after the point; of timestamp and datetime, digits of the second (0 or 6). */
  readonly scale: number | undefined
  /** Of enum and set. */
  readonly values: readonly string[]
  /** Of an enum that is a type of its own on PostgreSQL: its name. */
  readonly name: string | undefined
  /** Of an array: the type of its elements, which is none itself. */
  readonly element: ColumnType | undefined
}

const WORDS =
  'bigint|int|smallint|double|real|boolean|text|json|date|timestamp|datetime|time|timetz|interval|year|blob|uuid|inet|cidr|macaddr|macaddr8|inet4|inet6|char|varchar|decimal|enum|set|bit|varbit'
const TYPE_PATTERN = new RegExp(`^(${WORDS})(?: (?!unsigned)([A-Za-z_]\\w*))?(?:\\((.*)\\))?( unsigned)?$`)

/** Words that take arguments, with how many numbers: a text list has none to count. */
const ARGUMENTS: Readonly<Partial<Record<TypeKind, readonly number[]>>> = {
  char: [1],
  varchar: [1],
  decimal: [2],
  timestamp: [0, 1],
  datetime: [0, 1],
  bit: [1],
  varbit: [0, 1],
}
/** What no array of elements can be told apart by, or what PostgreSQL has no arrays of. */
const NO_ELEMENTS: readonly TypeKind[] = ['json', 'char', 'enum', 'blob', 'array', 'year', 'set', 'inet4', 'inet6']

/**
 * Takes a column type apart. Values of an enum or set are separated by commas and hold none.
 * @throws {TypeError} when the text is no {@link ColumnType}.
 */
export function parseType(type: string): ParsedType {
  const fail = (reason: string): never => {
    throw new TypeError(`"${type}" ${reason}`)
  }
  if (type.endsWith('[]')) return { ...NOTHING, kind: 'array', element: elementOf(type, fail) }
  const match = TYPE_PATTERN.exec(type) ?? fail('is no column type')
  const kind = match[1] as SizedKind | PlainKind
  const [, , name, args] = match
  const isUnsigned = match[4] !== undefined
  if (isUnsigned && kind !== 'bigint' && kind !== 'int') fail('is no column type: only int and bigint can be unsigned')
  if (name !== undefined && kind !== 'enum') fail('is no column type')
  if (kind === 'enum' || kind === 'set') {
    if (!args) fail('needs values')
    const values = args!.split(',')
    if (kind === 'set' && values.includes('')) fail('has an empty word, which cannot be told from no word at all')
    return { ...NOTHING, kind, values, name }
  }
  const numbers =
    args === undefined ? [] : args.split(',').map((digits) => (/^\d+$/.test(digits) ? Number(digits) : -1))
  if (numbers.includes(-1)) fail('is no column type')
  const allowed = ARGUMENTS[kind] ?? [0]
  if (!allowed.includes(numbers.length))
    fail(kind === 'decimal' ? 'needs precision and scale' : allowed[0] === 1 ? 'needs a length' : 'is no column type')
  const isMoment = kind === 'timestamp' || kind === 'datetime'
  return {
    ...NOTHING,
    kind,
    isUnsigned,
    length: isMoment || kind === 'decimal' ? undefined : numbers[0],
    precision: kind === 'decimal' ? numbers[0] : undefined,
    scale: kind === 'decimal' ? numbers[1] : isMoment ? (numbers[0] ?? 0) : undefined,
  }
}

const NOTHING: Omit<ParsedType, 'kind'> = {
  isUnsigned: false,
  length: undefined,
  precision: undefined,
  scale: undefined,
  values: [],
  name: undefined,
  element: undefined,
}

function elementOf(type: string, fail: (reason: string) => never): ColumnType {
  const element = type.slice(0, -2) as ColumnType
  const { kind, isUnsigned } = parseType(element)
  if (isUnsigned || NO_ELEMENTS.includes(kind)) fail('is no column type: arrays hold no such elements')
  return element
}
