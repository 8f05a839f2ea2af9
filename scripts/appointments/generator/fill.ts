/** Values for columns that no recipe mentions: by type, and by name where the name says what is in it. */
import { parseType, type ColumnSpec } from '../../../src/plan/schema.js'
import { dateText, preciseTimeText } from './moments.js'
import type { Cell, RowContext } from './recipe.js'
import { CITIES, fitting, JSONS, PEOPLE, SENTENCES, USER_AGENTS } from './texts.js'

export type Filler = (row: RowContext) => Cell

const DAY_MS = 86_400_000
const DEFAULT_NULLS = 0.35

/** @param nulls share of NULLs where the column takes them. */
export function fillerOf(name: string, spec: ColumnSpec, isKey: boolean, nulls: number = DEFAULT_NULLS): Filler {
  if (isKey && spec.autoIncrement) return (row) => row.id
  const value = valueOf(name, spec)
  if (spec.notNull) return value
  // When a row was made is known nearly always.
  const share = name === 'created_at' || name === 'updated_at' ? 0.02 : name === 'deleted_at' ? 0.95 : nulls
  return (row) => (row.random.chance(share) ? null : value(row))
}

function valueOf(name: string, spec: ColumnSpec): Filler {
  const { kind, isUnsigned, length, precision, scale, values } = parseType(spec.type)
  switch (kind) {
    case 'bigint':
      // Not a key: a number that no double holds, beside ordinary ones. 2^63 - 1 is the most that both engines take.
      return ({ random }) => (random.chance(0.1) ? random.pick(BIG_NUMBERS) : random.between(1, 5_000))
    case 'int':
      return ({ random }) => {
        if (random.chance(0.03)) return isUnsigned ? random.pick([0, 4_294_967_295]) : random.pick(INT_LIMITS)
        return random.int(500)
      }
    case 'smallint':
      return ({ random }) => random.int(7)
    case 'double':
      return ({ random }) => (random.chance(0.1) ? random.pick(DOUBLES) : random.int(1_000_000) / 1_000)
    case 'boolean':
      return ({ random }) => random.chance(0.5)
    case 'decimal':
      return decimals(precision!, scale!)
    case 'json':
      return ({ random }) => random.pick(JSONS)
    case 'date':
      return ({ random, createdMs }) =>
        random.chance(0.03) ? random.pick(DATES) : dateText(createdMs + random.int(60) * DAY_MS)
    case 'time':
      return ({ random }) => random.pick(TIMES)
    case 'timestamp':
    case 'datetime':
      return moments(name)
    case 'enum':
      return ({ random }) => random.pick(values)
    case 'blob':
      throw new TypeError(`no values for the type of ${name}`)
    default:
      return textOf(name, kind === 'text' ? 10_000 : length!, kind === 'char')
  }
}

const BIG_NUMBERS = ['9007199254740993', '9223372036854775807', '9007199254740992', '4611686018427387905'] as const
const INT_LIMITS = [2_147_483_647, -2_147_483_648, 0, -1] as const
const DOUBLES = [
  '0.1',
  '0.30000000000000004',
  '123456789.12345679',
  '1e-10',
  '2.5e15',
  '-0.5',
  '0',
  '3.3333333333333335',
] as const
const DATES = ['2024-02-29', '1900-01-01', '9999-12-31', '1970-01-01', '2000-02-29'] as const
const TIMES = ['00:00:00', '08:30:00', '12:00:00', '17:45:00', '23:59:59', '02:30:00'] as const

/** Amounts, and one in fifty at the limits of the type. */
function decimals(precision: number, scale: number): Filler {
  const whole = '9'.repeat(precision - scale)
  const limit = `${whole === '' ? '0' : whole}.${'9'.repeat(scale)}`
  const least = `0.${'1'.padStart(scale, '0')}`
  const limits = [limit, `-${limit}`, least, `-${least}`, '0']
  const range = Math.min(10 ** (precision - scale), 500)
  return ({ random }) => (random.chance(0.02) ? random.pick(limits) : (random.float() * range * 0.999).toFixed(scale))
}

function moments(name: string): Filler {
  if (name === 'created_at')
    return ({ random, createdMs, world }) => preciseTimeText(createdMs, random, world.hasMicroseconds)
  const isFuture = /expires|until|reset_at|ends/.test(name)
  return ({ random, createdMs, world }) => {
    const distance = random.int(isFuture ? 40 : 3) * DAY_MS + random.int(50_000) * 1_000
    return preciseTimeText(createdMs + distance, random, world.hasMicroseconds)
  }
}

function textOf(name: string, length: number, isChar: boolean): Filler {
  if (isChar || name.endsWith('uuid')) return ({ random }) => random.uuid().slice(0, length)
  const list = listFor(name)
  if (list) {
    const words = fitting(list, length)
    return ({ random }) => random.pick(words)
  }
  if (/email|recipient/.test(name)) return ({ random }) => `kunde${random.int(100_000)}@beispiel.de`.slice(0, length)
  if (/phone|number|telefon|caller/.test(name)) return phone
  if (/ip$|ip_address/.test(name)) {
    return ({ random }) =>
      random.chance(0.2) ? `2001:db8::${random.hex(4)}` : `10.${random.int(256)}.${random.int(256)}.${random.int(256)}`
  }
  if (/url|website|file|path|link|logo/.test(name)) {
    return ({ random }) => `https://beispiel.de/${random.hex(8)}?q=ä&x=%20`.slice(0, length)
  }
  if (/token|key|secret|password|signature|hash|checksum|_id$|correlation/.test(name)) {
    const digits = Math.min(length, 32)
    return ({ random }) => random.hex(digits)
  }
  const sentences = fitting(SENTENCES, length)
  return ({ random }) => random.pick(sentences)
}

function listFor(name: string): readonly string[] | undefined {
  if (/user_agent/.test(name)) return USER_AGENTS
  if (/^city$|^state$/.test(name)) return CITIES
  if (/status|outcome|level|severity/.test(name)) return ['active', 'pending', 'completed', 'failed']
  if (/language/.test(name)) return ['de', 'en', 'tr', 'de-AT']
  if (/currency/.test(name)) return ['EUR', 'CHF']
  if (/country/.test(name)) return ['Deutschland', 'Österreich', 'DE', 'AT', 'CH']
  if (/timezone/.test(name)) return ['Europe/Berlin', 'Europe/Zurich']
  if (/(^|_)name$|person|actor/.test(name)) return PEOPLE
  if (/^method$/.test(name)) return ['GET', 'POST', 'PUT', 'DELETE']
  if (/provider|service$|^service/.test(name)) return ['calcom', 'retell', 'stripe', 'twilio']
  return undefined
}

const phone: Filler = ({ random }) =>
  `+49${random.pick(['30', '89', '221', '170'])}${String(random.int(10_000_000)).padStart(7, '0')}`
