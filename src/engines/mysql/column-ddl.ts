/** One column of a {@link TableSpec} as DDL. */
import { parseType, type ColumnDefault, type ColumnSpec, type ParsedType } from '../../plan/schema.js'
import { BYTE_ORDER } from './byte-order.js'
import type { Flavor } from './flavor.js'
import { numberText, quoteIdentifier, quoteText } from './quote.js'

/** A key has a longest length; longer bytes are refused by the server. */
const KEY_BYTES = 'VARBINARY(255)'

export interface ColumnDdlOptions {
  readonly flavor: Flavor
  /** Text of keys compares by code point, so that order and equality are the same everywhere. */
  readonly isKey: boolean
  /** False on servers that give the first NOT NULL TIMESTAMP a default and ON UPDATE by themselves. */
  readonly hasExplicitTimestamps: boolean
}

export function columnDdl(name: string, spec: ColumnSpec, options: ColumnDdlOptions): string {
  const parsed = parseType(spec.type)
  const quoted = quoteIdentifier(name)
  const collation =
    options.isKey && isText(parsed) ? ` CHARACTER SET utf8mb4 COLLATE ${BYTE_ORDER[options.flavor.engine]}` : ''
  const nullable = spec.notNull ? ' NOT NULL' : ' NULL'
  const check = parsed.kind === 'json' ? options.flavor.jsonCheck(quoted) : ''
  const identity = spec.autoIncrement ? ' AUTO_INCREMENT' : ''
  const value =
    spec.default === undefined
      ? implicitDefault(spec, parsed, options)
      : ` DEFAULT ${defaultText(spec.default, parsed)}`
  const typeOfColumn = options.isKey && parsed.kind === 'blob' ? KEY_BYTES : typeName(parsed, options.flavor)
  return `${quoted} ${typeOfColumn}${collation}${nullable}${value}${identity}${check}`
}

function isText({ kind }: ParsedType): boolean {
  return kind === 'char' || kind === 'varchar' || kind === 'text' || kind === 'enum' || kind === 'set'
}

function typeName(parsed: ParsedType, flavor: Flavor): string {
  const unsigned = parsed.isUnsigned ? ' UNSIGNED' : ''
  switch (parsed.kind) {
    case 'boolean':
      return 'TINYINT(1)'
    case 'text':
      return 'LONGTEXT'
    case 'blob':
      return 'LONGBLOB'
    case 'json':
      return flavor.jsonColumn
    case 'time':
      return 'TIME(6)'
    case 'char':
    case 'varchar':
      return `${parsed.kind.toUpperCase()}(${parsed.length})`
    case 'decimal':
      return `DECIMAL(${parsed.precision},${parsed.scale})`
    case 'real':
      return 'FLOAT'
    case 'bit':
      return `BIT(${parsed.length})`
    case 'set':
    case 'enum':
      return `${parsed.kind.toUpperCase()}(${parsed.values.map(quoteText).join(',')})`
    case 'timestamp':
    case 'datetime':
      return `${parsed.kind.toUpperCase()}${parsed.scale === 6 ? '(6)' : ''}`
    default:
      return `${parsed.kind.toUpperCase()}${unsigned}`
  }
}

function defaultText(value: ColumnDefault, parsed: ParsedType): string {
  if (typeof value === 'object') {
    if ('uuid' in value) return '(UUID())'
    if (parsed.kind === 'date') return '(CURRENT_DATE)'
    if (parsed.kind === 'time') return '(CURRENT_TIME(6))'
    return `CURRENT_TIMESTAMP${parsed.scale === 6 ? '(6)' : ''}`
  }
  const text =
    typeof value === 'boolean' ? (value ? '1' : '0') : typeof value === 'number' ? numberText(value) : quoteText(value)
  if (parsed.kind === 'bit' && typeof value === 'string') return numberText(Number(value))
  // Long texts, blobs and JSON take a default only as an expression.
  return parsed.kind === 'text' || parsed.kind === 'blob' || parsed.kind === 'json' ? `(${text})` : text
}

function implicitDefault(spec: ColumnSpec, parsed: ParsedType, { hasExplicitTimestamps }: ColumnDdlOptions): string {
  if (parsed.kind !== 'timestamp' || !spec.notNull) return parsed.kind === 'timestamp' ? ' DEFAULT NULL' : ''
  return hasExplicitTimestamps ? '' : ` DEFAULT CURRENT_TIMESTAMP${parsed.scale === 6 ? '(6)' : ''}`
}
