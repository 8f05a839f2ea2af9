import { definePlan } from 'crossfade'
import { describe, expect, test } from 'vitest'
import { blue } from '../../plans/appointments/blue.js'
import { green } from '../../plans/appointments/green.js'
import { invariants } from '../../plans/appointments/invariants.js'
import appointments from '../../plans/appointments/plan.js'
import { probes } from '../../plans/appointments/probes.js'
import type { TableSpec } from '../../src/plan/schema.js'
import { readPlan } from '../../src/plan/parse.js'

const { plan, problems } = readPlan(appointments)

const tablesOf = (kind: 'map' | 'fold' | 'retire'): string[] =>
  plan!.coverage.filter((table) => table.kind === kind).map(({ table }) => table)

describe('the appointments plan', () => {
  test('has no problems', () => {
    expect(problems).toEqual([])
  })

  test('accounts for 85 tables with 1,188 columns, none of which is dropped or frozen', () => {
    expect(plan!.coverage.map(({ table }) => table).sort()).toEqual(Object.keys(blue).sort())
    expect(Object.values<TableSpec>(blue).flatMap(({ columns }) => Object.keys(columns))).toHaveLength(1188)
    for (const { table, kind, columns } of plan!.coverage) {
      if (kind === 'retire') continue
      expect(Object.keys(columns).sort(), table).toEqual(
        Object.keys((blue as Record<string, TableSpec>)[table]!.columns).sort(),
      )
      expect(Object.values(columns), table).not.toContain('dropped')
      expect(Object.values(columns), table).not.toContain('frozen')
    }
  })

  test('maps 44 tables, folds 18 and retires 23, each with a reason, into 18 green tables', () => {
    expect(tablesOf('map')).toHaveLength(44)
    expect(tablesOf('fold')).toHaveLength(18)
    expect(tablesOf('retire')).toHaveLength(23)
    for (const { kind, reasons } of plan!.coverage) if (kind === 'retire') expect(reasons['*']).toMatch(/\w/)
    expect(new Set(plan!.forward.map(({ destination }) => destination))).toEqual(new Set(Object.keys(green)))
    expect(Object.keys(green)).toHaveLength(18)
  })

  test('holds keys above 2^53 in each band', () => {
    const base = BigInt(plan!.bands.base)
    const birthLine = BigInt(plan!.bands.birthLine)
    const beyondDouble = 2n ** 53n + 1n
    expect(beyondDouble).toBeLessThan(base)
    expect(base + beyondDouble * 10n + 9n).toBeLessThan(birthLine)
  })

  test('replaces 43 secondary indexes of appointments by seven, beside the one for JSON', () => {
    const { indexes, unique } = green.appointments as TableSpec
    const all = [...Object.values(indexes ?? {}), ...Object.values(unique ?? {})]
    expect(Object.keys(blue.appointments.indexes)).toHaveLength(43)
    expect(all.filter(({ method }) => method !== 'gin')).toHaveLength(7)
    // MySQL and MariaDB make an index for a foreign key that has none: each must find one that starts with its column.
    const leading = new Set(all.map(({ columns }) => columns[0]))
    for (const { columns } of Object.values((green.appointments as TableSpec).foreignKeys ?? {}))
      expect(leading).toContain(columns[0])
  })

  test('keeps index names apart from each other and from tables on both sides, as PostgreSQL asks for', () => {
    for (const schema of [blue, green] as readonly Record<string, TableSpec>[]) {
      const names = Object.values(schema).flatMap(({ indexes, unique }) => [
        ...Object.keys(indexes ?? {}),
        ...Object.keys(unique ?? {}),
      ])
      expect(new Set([...names, ...Object.keys(schema)]).size).toBe(names.length + Object.keys(schema).length)
      expect(names.filter((name) => name.length > 63)).toEqual([])
    }
  })

  test('has foreign keys whose columns are of the type they refer to', () => {
    for (const schema of [blue, green] as readonly Record<string, TableSpec>[])
      for (const table of Object.values(schema))
        for (const key of Object.values(table.foreignKeys ?? {}))
          expect(key.columns.map((name) => table.columns[name]!.type)).toEqual(
            key.referencedColumns.map((name) => schema[key.references]!.columns[name]!.type),
          )
  })

  test('indexes tenants first: every green table with a company has an index that starts with it', () => {
    for (const [name, { columns, indexes, unique, tenantColumn }] of Object.entries<TableSpec>(green)) {
      if (!('company_id' in columns)) continue
      expect(tenantColumn, name).toBe('company_id')
      const leading = [...Object.values(indexes ?? {}), ...Object.values(unique ?? {})].map((index) => index.columns[0])
      expect(leading, name).toContain('company_id')
    }
  })

  test('asks at least 20 questions of both sides, and has a probe for each that one query or a few can answer', () => {
    expect(invariants.length).toBeGreaterThanOrEqual(20)
    expect(probes.map(({ name }) => name)).toEqual([
      'appointment by call',
      'appointment by booking of the provider',
      'customer availability',
      'appointments of a branch in a range',
      'bytes of all indexes',
      'monthly revenue of a company',
      'dashboard sums',
      'free slots of a day',
      'list of 100 appointments with relations',
    ])
  })

  test('does not compile with names that the schemas do not have', () => {
    definePlan({
      name: 'wrong',
      blue,
      green,
      // @ts-expect-error most tables are not accounted for
      tables: (t) => ({
        // @ts-expect-error no such blue table
        customer: t.map('customer', 'customers', () => ({ columns: {} })),
        // @ts-expect-error no such green table
        notes: t.map('notes', 'note', () => ({ columns: {} })),
        kunden: t.map('kunden', 'customers', ({ d }) => ({
          columns: {
            // @ts-expect-error no such blue column
            name: d.vorname,
          },
        })),
        // @ts-expect-error no such green column
        users: t.map('users', 'users', ({ d }) => ({ columns: { mail: d.email } })),
        // @ts-expect-error no such owner
        tax_rates: t.fold('tax_rates', { owner: 'company', column: 'tax_rates' }, () => ({
          by: [],
          shape: 'array',
          orderBy: [],
        })),
        gdpr_requests: t.fold('gdpr_requests', { owner: 'customers', column: 'privacy_requests' }, ({ c, d }) => ({
          // @ts-expect-error no such column of the child
          by: [[c.customer, d.id]],
          shape: 'array',
          orderBy: [c.id],
        })),
        cache: t.retire('cache', 'filled again by itself'),
        // @ts-expect-error no such blue table
        caches: t.retire('caches', 'filled again by itself'),
      }),
    })
  })
})
