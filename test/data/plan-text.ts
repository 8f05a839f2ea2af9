/** The plan of a bed: each column in a table of its own, all of them in one JSON object, keyed tables, a fold. */
import type { TableSpec } from '../../src/plan/schema.js'
import type { ColumnCase } from './cases.js'

const key = { id: { type: 'bigint', notNull: true } } as const

/** Names of the tables of a column. */
export const plainOf = ({ name }: ColumnCase): string => `t_${name}`
/** Its column in the tables that JSON is built of: not a word of SQL. */
export const memberOf = ({ name }: ColumnCase): string => `m_${name}`
export const keyedOf = ({ name }: ColumnCase): string => `k_${name}`

const inJson = (cases: readonly ColumnCase[]): ColumnCase[] => cases.filter(({ notInJson }) => notInJson === undefined)
const keyed = (cases: readonly ColumnCase[]): ColumnCase[] => cases.filter(({ isKey }) => isKey === true)

export function planText(cases: readonly ColumnCase[]): string {
  const blue: Record<string, TableSpec> = {}
  const green: Record<string, TableSpec> = {}
  const maps: string[] = []
  for (const one of cases) {
    const table = plainOf(one)
    blue[table] = { columns: { ...key, v: { type: one.type } }, primaryKey: ['id'] }
    green[table] = { columns: { ...key, w: { type: one.type } }, primaryKey: ['id'] }
    maps.push(`${table}: t.map('${table}', '${table}', ({ d }) => ({ columns: { id: d.id, w: d.v } }))`)
  }
  for (const one of keyed(cases)) {
    const table = keyedOf(one)
    const columns = { v: { type: one.type, notNull: true }, n: { type: 'int' } } as const
    blue[table] = { columns, primaryKey: ['v'] }
    green[table] = { columns, primaryKey: ['v'] }
    maps.push(`${table}: t.map('${table}', '${table}', ({ d }) => ({ columns: { v: d.v, n: d.n } }))`)
  }
  const members = Object.fromEntries(inJson(cases).map((one) => [memberOf(one), { type: one.type }]))
  const objects = Object.keys(members).map((name) => `${name}: d.${name}`)
  blue['wide'] = { columns: { ...key, ...members }, primaryKey: ['id'] }
  blue['kids'] = { columns: { ...key, wide_id: { type: 'bigint', notNull: true }, ...members }, primaryKey: ['id'] }
  green['wide'] = { columns: { ...key, body: { type: 'json' }, kids: { type: 'json' } }, primaryKey: ['id'] }
  maps.push(
    `wide: t.map('wide', 'wide', ({ d }) => ({ columns: { id: d.id, body: object({ ${objects.join(', ')} }) } }))`,
    `kids: t.fold('kids', { owner: 'wide', column: 'kids' }, ({ c, d }) => ({ by: [[c.wide_id, d.id]], shape: 'array', orderBy: [c.id] }))`,
  )
  return `import { definePlan, object } from 'crossfade'
export default definePlan({
  name: 'data',
  blue: ${JSON.stringify(blue)},
  green: ${JSON.stringify(green)},
  tables: (t) => ({
    ${maps.join(',\n    ')},
  }),
  limits: { soakMs: 0 },
})
`
}

/** The tables of blue in the server's words. */
export function blueTables(cases: readonly ColumnCase[], suffix = ''): string[] {
  const columns = inJson(cases).map((one) => `${memberOf(one)} ${one.server} NULL`)
  return [
    ...cases.map(
      (one) => `CREATE TABLE ${plainOf(one)} (id bigint NOT NULL PRIMARY KEY, v ${one.server} NULL)${suffix}`,
    ),
    ...keyed(cases).map((one) => `CREATE TABLE ${keyedOf(one)} (v ${one.server} NOT NULL PRIMARY KEY, n int)${suffix}`),
    `CREATE TABLE wide (id bigint NOT NULL PRIMARY KEY, ${columns.join(', ')})${suffix}`,
    `CREATE TABLE kids (id bigint NOT NULL PRIMARY KEY, wide_id bigint NOT NULL, ${columns.join(', ')})${suffix}`,
  ]
}
