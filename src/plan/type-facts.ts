/** What the plan has to know of each kind of type, whatever the engine. */
import { parseType, type ColumnType, type TypeKind } from './schema.js'

interface TypeFacts {
  /** What a NOT NULL column of blue gets for a row born in green that has nothing for it. */
  readonly zero: string
  /** Why rows cannot be found by it; undefined where it can be in a primary key. */
  readonly notInKeys?: string
}

const NO_EQUALITY = 'equal values of it may be written in several ways'
const FACTS: Readonly<Record<TypeKind, TypeFacts>> = {
  bigint: { zero: '0' },
  int: { zero: '0' },
  smallint: { zero: '0' },
  double: { zero: '0' },
  real: { zero: '0', notInKeys: 'its text is not its value' },
  decimal: { zero: '0' },
  boolean: { zero: 'false' },
  text: { zero: '' },
  char: { zero: '' },
  varchar: { zero: '' },
  blob: { zero: '' },
  json: { zero: '{}' },
  date: { zero: '1970-01-01' },
  time: { zero: '00:00:00' },
  timetz: { zero: '00:00:00+00', notInKeys: NO_EQUALITY },
  timestamp: { zero: '1970-01-01 00:00:01' },
  datetime: { zero: '1970-01-01 00:00:01' },
  interval: { zero: '00:00:00', notInKeys: NO_EQUALITY },
  year: { zero: '0', notInKeys: 'its text is not its number' },
  uuid: { zero: '00000000-0000-0000-0000-000000000000' },
  inet: { zero: '0.0.0.0' },
  cidr: { zero: '0.0.0.0/32' },
  macaddr: { zero: '00:00:00:00:00:00' },
  macaddr8: { zero: '00:00:00:00:00:00:00:00' },
  inet4: { zero: '0.0.0.0' },
  inet6: { zero: '::' },
  enum: { zero: '' },
  set: { zero: '', notInKeys: 'its order is not that of its text' },
  bit: { zero: '', notInKeys: 'its order is not that of its text' },
  varbit: { zero: '', notInKeys: 'its order is not that of its text' },
  array: { zero: '{}', notInKeys: NO_EQUALITY },
}

/** The zero of a type as text. */
export function zeroText(type: ColumnType): string {
  const { kind, values, length } = parseType(type)
  if (kind === 'enum') return values[0]!
  return kind === 'bit' ? '0'.repeat(length!) : FACTS[kind].zero
}

/** Why a column of this type cannot be in a primary key; undefined where it can. */
export function notInKeys(type: ColumnType): string | undefined {
  const { kind, name } = parseType(type)
  return kind === 'enum' && name !== undefined ? 'its order is not that of its text' : FACTS[kind].notInKeys
}

/** Kinds that only values of the same kind go into as they are: any other has to be cast, which says what becomes of the rest. */
const OWN_KIND: ReadonlySet<TypeKind> = new Set<TypeKind>([
  'real',
  'timetz',
  'interval',
  'year',
  'uuid',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
  'inet4',
  'inet6',
  'set',
  'bit',
  'varbit',
  'array',
])

export const hasOwnKind = (kind: TypeKind): boolean => OWN_KIND.has(kind)
