/** What an application writes into the tables of a bed, and what is there, as the server writes it. */
import fc from 'fast-check'
import type { Side } from '../../src/engines/engine.js'
import type { Bed } from './bed.js'
import type { ColumnCase, Literal } from './cases.js'
import { keyedOf, memberOf, plainOf } from './plan-text.js'

/** First ids of the rows that are tampered with, and of those that come later. */
export const NEAR_IDS = 1000
export const ALIKE_IDS = 2000
const LATER_IDS = 3000

/** What differs from engine to engine. */
export interface Tongue {
  /** Run before rows are read, so that their text says all. */
  readonly exactSession: readonly string[]
  /** The exact text of `v` of a column. */
  readonly exact: (one: ColumnCase) => string
  readonly jsonNull: Literal
  /** Behind an INSERT: a row whose key is taken is left out. */
  readonly orNothing: string
}

export interface Sample {
  readonly seed: number
  /** Generated values of each column. */
  readonly size: number
}

/** Values of a column: those that hurt, then generated ones, then NULL. */
export function valuesOf(one: ColumnCase, { seed, size }: Sample): Literal[] {
  const generated = one.generated ? fc.sample(one.generated, { seed, numRuns: size }) : []
  return [...one.values, ...generated, 'NULL']
}

const keyValuesOf = (one: ColumnCase, sample: Sample): Literal[] =>
  valuesOf({ ...one, ...one.keys }, sample).filter((v) => v !== 'NULL')
/** JSON null inside of JSON is NULL, so \`check\` refuses it there. */
const memberValuesOf = (one: ColumnCase, sample: Sample, { jsonNull }: Tongue): Literal[] =>
  valuesOf(one, sample).filter((value) => value !== jsonNull)
const jsonCases = (cases: readonly ColumnCase[]): ColumnCase[] => cases.filter((one) => one.notInJson === undefined)

export function firstRows(cases: readonly ColumnCase[], sample: Sample, tongue: Tongue): string[] {
  const { orNothing } = tongue
  const statements: string[] = []
  const insert = (table: string, rows: readonly string[], ending = ''): void => {
    if (rows.length > 0) statements.push(`INSERT INTO ${table} VALUES ${rows.join(', ')} ${ending}`)
  }
  for (const one of cases) {
    insert(
      plainOf(one),
      valuesOf(one, sample).map((value, index) => `(${index + 1}, ${value})`),
    )
    insert(
      plainOf(one),
      one.near.map(([left], index) => `(${NEAR_IDS + index}, ${left})`),
    )
    insert(
      plainOf(one),
      (one.alike ?? []).map(([left], index) => `(${ALIKE_IDS + index}, ${left})`),
    )
    if (one.isKey)
      insert(
        keyedOf(one),
        keyValuesOf(one, sample).map((value, index) => `(${value}, ${index})`),
        orNothing,
      )
  }
  const members = jsonCases(cases)
  const lists = members.map((one) => memberValuesOf(one, sample, tongue))
  const rows = Array.from({ length: Math.max(...lists.map((values) => values.length)) }, (_, row) =>
    lists.map((values) => values[row % values.length]!).join(', '),
  )
  insert(
    'wide',
    rows.map((values, index) => `(${index + 1}, ${values})`),
  )
  insert(
    'kids',
    rows.map((values, index) => `(${index + 1}, ${1 + (index % 7)}, ${values})`),
  )
  return statements
}

/** Inserts, updates, deletes and moved keys, of every column; `column` is the name of the value's column on that side. */
export function changes(cases: readonly ColumnCase[], sample: Sample, { orNothing }: Tongue, column: string): string[] {
  return cases.flatMap((one) => {
    const table = plainOf(one)
    const values = valuesOf(one, sample)
    const plain = [
      `DELETE FROM ${table} WHERE id IN (2, 5, ${sample.seed % 20})`,
      ...values.flatMap((value, index) =>
        index % 3 === sample.seed % 3
          ? [`UPDATE ${table} SET ${column} = ${value} WHERE id = ${1 + ((index + 1) % values.length)}`]
          : [],
      ),
      `INSERT INTO ${table} VALUES ${values.map((value, index) => `(${LATER_IDS + (sample.seed % 100) * 100 + index}, ${value})`).join(', ')}`,
    ]
    if (!one.isKey) return plain
    const keys = keyValuesOf(one, sample)
    const keyed = keyedOf(one)
    return [
      ...plain,
      `DELETE FROM ${keyed} WHERE v = ${keys[0]}`,
      `UPDATE ${keyed} SET n = n + 1000 WHERE v = ${keys[1]}`,
      // A key that moves to where another one was.
      `UPDATE ${keyed} SET v = ${keys[0]} WHERE v = ${keys[2] ?? keys[1]}`,
      `INSERT INTO ${keyed} VALUES ${keys.map((value, index) => `(${value}, ${5000 + index})`).join(', ')} ${orNothing}`,
    ]
  })
}

export type Rows = Readonly<Record<string, Readonly<Record<string, string | null>>>>

/** Every value of the plain and the keyed tables of a side by table and key. */
export async function readRows(bed: Bed, side: Side, cases: readonly ColumnCase[], tongue: Tongue): Promise<Rows> {
  const { exactSession, exact } = tongue
  const rows: Record<string, Record<string, string | null>> = {}
  const column = side === 'blue' ? 'v' : 'w'
  for (const one of cases) {
    const plain = await bed.sql(
      side,
      ...exactSession,
      `SELECT id AS k, ${exact(one)} AS t FROM (SELECT id, ${column} AS v FROM ${plainOf(one)}) s`,
    )
    rows[plainOf(one)] = byKey(plain)
    if (one.isKey)
      rows[keyedOf(one)] = byKey(
        await bed.sql(side, ...exactSession, `SELECT ${exact(one)} AS k, n AS t FROM ${keyedOf(one)}`),
      )
  }
  return rows
}

/** The rows that JSON was built of, each as one text. */
export async function readWide(bed: Bed, cases: readonly ColumnCase[], { exactSession, exact }: Tongue): Promise<Rows> {
  const rows: Record<string, Record<string, string | null>> = {}
  for (const one of jsonCases(cases))
    for (const table of ['wide', 'kids'])
      rows[`${table}.${one.name}`] = byKey(
        await bed.sql(
          'blue',
          ...exactSession,
          `SELECT id AS k, ${one.exactInJson ?? exact(one)} AS t FROM (SELECT id, ${memberOf(one)} AS v FROM ${table}) s`,
        ),
      )
  return rows
}

const byKey = (rows: readonly Record<string, unknown>[]): Record<string, string | null> =>
  Object.fromEntries(rows.map(({ k, t }) => [String(k), t === null ? null : String(t)]))
