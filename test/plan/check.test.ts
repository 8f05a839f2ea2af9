/** Every way in which a plan can be wrong: where, what, and what to do about it. */
import { and, cast, concat, definePlan, interleave, isNull, keep, rawSql, same, uuidOf, valueTable } from 'crossfade'
import { describe, expect, test } from 'vitest'
import { CrossfadeError } from '../../src/engines/errors.js'
import { parsePlan, readPlan } from '../../src/plan/parse.js'
import type { PlanProblem } from '../../src/plan/plan.js'

/** Untyped on purpose: a plan may be JavaScript, and nobody type-checks a plan before it runs. */
type Loose = any // oxlint-disable-line typescript/no-explicit-any

const big = { type: 'bigint', notNull: true }

/** A plan without problems, made anew for each test. */
function makeInput(): Loose {
  return {
    name: 'small',
    blue: {
      leads: { columns: { id: big, name: { type: 'text' }, fax: { type: 'text' } }, primaryKey: ['id'] },
      customers: { columns: { id: big, name: { type: 'text' } }, primaryKey: ['id'] },
      notes: { columns: { id: big, lead_id: big, body: { type: 'text' } }, primaryKey: ['id'] },
      sessions: { columns: { token: { type: 'text' } }, primaryKey: [] },
    },
    green: {
      people: {
        columns: { id: big, kind: { type: 'text' }, name: { type: 'text' }, notes: { type: 'json' } },
        primaryKey: ['id'],
      },
    },
    tables: (t: Loose) => tablesOf(t),
  }
}

const leads = ({ d, key }: Loose): Loose => ({
  key: interleave(0, 2),
  columns: { id: key(d.id), kind: 'lead', name: d.name },
  dropped: { fax: 'nobody has one' },
})
const customers = ({ d }: Loose): Loose => ({ columns: { id: d.id, kind: 'customer', name: d.name } })
const notes = ({ c, d }: Loose): Loose => ({ by: [[c.lead_id, d.id]], shape: 'array', orderBy: [c.id] })

const tablesOf = (t: Loose, changed: Loose = {}): Loose => ({
  leads: t.map('leads', 'people', leads),
  customers: t.map('customers', 'people', customers),
  notes: t.fold('notes', { owner: 'leads', column: 'notes' }, notes),
  sessions: t.retire('sessions', 'they end with the migration'),
  ...changed,
})

function problemsOf(change: (input: Loose) => void): readonly PlanProblem[] {
  const input = makeInput()
  change(input)
  return readPlan(definePlan(input)).problems
}

/** The problems when some tables are described otherwise. */
const tables = (changed: (t: Loose) => Loose): readonly PlanProblem[] =>
  problemsOf((input) => {
    input.tables = (t: Loose) => tablesOf(t, changed(t))
  })

/** The problems when the map of `leads` is changed. */
const lead = (change: (tools: Loose) => Loose): readonly PlanProblem[] =>
  tables((t) => ({ leads: t.map('leads', 'people', (tools: Loose) => ({ ...leads(tools), ...change(tools) })) }))

/** The problems when the fold of `notes` is changed. */
const note = (change: (tools: Loose) => Loose): readonly PlanProblem[] =>
  tables((t) => ({
    notes: t.fold('notes', { owner: 'leads', column: 'notes' }, (tools: Loose) => ({
      ...notes(tools),
      ...change(tools),
    })),
  }))

const SHAPE = 'See docs/plan.md for the shape of a plan.'

describe('a plan', () => {
  test('without problems is read', () => {
    expect(problemsOf(() => {})).toEqual([])
  })

  test('is what definePlan returns', () => {
    const expected = {
      path: '',
      message: 'the file has no default export made by definePlan',
      hint: 'Write `export default definePlan({ ... })`.',
    }
    for (const value of [undefined, null, 5, 'plan', {}, () => {}, { isCrossfadePlan: true, input: null }])
      expect(readPlan(value).problems).toEqual([expected])
  })

  test('with several problems tells all of them at once, and in one error', () => {
    const change = (input: Loose): void => {
      input.name = 'Small Plan'
      input.limit = {}
      input.limits = { soakMs: -1, soak: 1 }
      input.blue.notes.foreignKeys = { owner: { columns: ['lead'], references: 'lead', referencedColumns: ['id'] } }
      delete input.green
    }
    const problems = problemsOf(change)
    expect(problems.map(({ path }) => path)).toEqual([
      'limit',
      'name',
      'limits.soakMs',
      'limits',
      'blue.notes.foreignKeys.owner',
      'blue.notes.foreignKeys.owner',
      'green',
    ])
    const input = makeInput()
    change(input)
    const error = catchError(() => parsePlan(definePlan(input)))
    expect(error).toMatchObject({ code: 'PLAN_INVALID', hint: expect.stringContaining('crossfade check') })
    expect(error.message).toMatch(/^the plan has 7 problems:\n/)
    for (const { path, message, hint } of problems) expect(error.message).toContain(`  ${path}: ${message}. ${hint}`)
  })

  test('has only parts that are known, of the right shape', () => {
    expect(problemsOf((input) => (input.retries = 3))).toEqual([
      {
        path: 'retries',
        message: 'is not part of a plan',
        hint: 'Known: name, blue, green, bands, tables, invariants, probes, hooks, limits.',
      },
    ])
    expect(problemsOf((input) => (input.name = 'A'))).toEqual([
      { path: 'name', message: 'must be lower-case letters, digits and dashes, at most 41', hint: SHAPE },
    ])
    expect(problemsOf((input) => (input.tables = {}))).toEqual([
      {
        path: 'tables',
        message: 'is not a function',
        hint: 'Write `tables: (t) => ({ ... })`, with one entry for each blue table.',
      },
    ])
    const pathsOf = (change: (input: Loose) => void): string[] => problemsOf(change).map(({ path }) => path)
    expect(pathsOf((input) => (input.limits = { holdBudgetMs: 30_001, leaseMs: 999, switchAttempts: 0.5 }))).toEqual([
      'limits.holdBudgetMs',
      'limits.switchAttempts',
      'limits.leaseMs',
    ])
    expect(pathsOf((input) => (input.hooks = [{ at: 'sometimes', command: '' }]))).toEqual([
      'hooks.0.at',
      'hooks.0.command',
    ])
    expect(pathsOf((input) => (input.invariants = [{ name: 'a', blue: 'SELECT 1', green: {} }]))).toEqual([
      'invariants.0.blue',
      'invariants.0.green.postgres',
      'invariants.0.green.mysql',
    ])
  })

  test('has bands of digits, one above the other', () => {
    expect(problemsOf((input) => (input.bands = { base: '5', birthLine: '5' }))).toEqual([
      {
        path: 'bands',
        message: 'base 5 is not below birthLine 5',
        hint: 'Keys run: kept < base <= interleaved < birthLine <= born in green.',
      },
    ])
    expect(problemsOf((input) => (input.bands = { base: '1e5', birthLine: 12 })).map(({ path }) => path)).toEqual([
      'bands.base',
      'bands.birthLine',
    ])
  })

  test('gives each invariant and each probe a name of its own', () => {
    const question = { postgres: 'SELECT 1', mysql: 'SELECT 1' }
    const same_ = { name: 'one', blue: question, green: question }
    expect(problemsOf((input) => (input.invariants = [same_, same_]))).toEqual([
      { path: 'invariants.one', message: 'the name is used twice', hint: 'Give each its own name.' },
    ])
    const probe = { ...same_, afterMs: 5 }
    expect(problemsOf((input) => (input.probes = [probe, probe])).map(({ path }) => path)).toEqual(['probes.one'])
  })
})

describe('a schema', () => {
  const blue = (change: (schema: Loose) => void): readonly PlanProblem[] => problemsOf((input) => change(input.blue))

  test('has tables, with columns of a known type and names that an engine takes', () => {
    expect(problemsOf((input) => (input.green = {}))).toEqual([
      { path: 'green', message: 'has no tables', hint: SHAPE },
    ])
    expect(blue((schema) => (schema.notes = {})).map(({ path }) => path)).toEqual([
      'blue.notes.columns',
      'blue.notes.primaryKey',
    ])
    expect(blue((schema) => (schema.notes.columns = {})).map(({ path, message }) => `${path} ${message}`)).toContain(
      'blue.notes.columns has no columns',
    )
    expect(blue((schema) => (schema.notes.columns.body.type = 'varchar'))).toEqual([
      { path: 'blue.notes.columns.body.type', message: '"varchar" needs a length', hint: SHAPE },
    ])
    expect(blue((schema) => (schema.notes.columns.body.nullable = true)).map(({ path }) => path)).toEqual([
      'blue.notes.columns.body',
    ])
    // PostgreSQL would cut it without a word.
    const long = 'x'.repeat(64)
    expect(blue((schema) => (schema.notes.indexes = { [long]: { columns: ['body'] } }))).toEqual([
      { path: `blue.notes.indexes.${long}`, message: `"${long}" is no name: 1 to 63 bytes`, hint: SHAPE },
    ])
  })

  test.each([
    ['primaryKey', (table: Loose) => (table.primaryKey = ['nr'])],
    ['unique.one', (table: Loose) => (table.unique = { one: { columns: ['nr'] } })],
    ['indexes.one', (table: Loose) => (table.indexes = { one: { columns: ['body'], include: ['nr'] } })],
    ['indexes.two', (table: Loose) => (table.indexes = { two: { columns: ['body'], whereNotNull: 'nr' } })],
    ['tenantColumn', (table: Loose) => (table.tenantColumn = 'nr')],
    [
      'foreignKeys.one',
      (table: Loose) =>
        (table.foreignKeys = { one: { columns: ['nr'], references: 'leads', referencedColumns: ['id'] } }),
    ],
  ])('names only columns that the table has: %s', (where, change) => {
    expect(blue((schema) => change(schema.notes))).toContainEqual({
      path: `blue.notes.${where}`,
      message: 'column "nr" is not in the table',
      hint: 'Name a column of this table.',
    })
  })

  test('is closed: foreign keys refer to tables and columns of the same side', () => {
    const withKey = (key: Loose): readonly PlanProblem[] =>
      blue((schema) => (schema.notes.foreignKeys = { owner: { columns: ['lead_id'], ...key } }))
    expect(withKey({ references: 'people', referencedColumns: ['id'] })).toEqual([
      {
        path: 'blue.notes.foreignKeys.owner',
        message: 'refers to table "people", which is not in blue',
        hint: 'Name a table of the same schema.',
      },
    ])
    expect(withKey({ references: 'leads', referencedColumns: ['nr'] })).toEqual([
      {
        path: 'blue.notes.foreignKeys.owner',
        message: 'refers to column "leads.nr", which does not exist',
        hint: 'Name a column of the referenced table.',
      },
    ])
    expect(withKey({ references: 'leads', referencedColumns: ['id', 'name'] })).toEqual([
      {
        path: 'blue.notes.foreignKeys.owner',
        message: 'pairs 1 columns with 2',
        hint: 'Name as many columns on both ends.',
      },
    ])
    expect(withKey({ references: 'constructor', referencedColumns: ['name'] }).map(({ message }) => message)).toEqual([
      'refers to table "constructor", which is not in blue',
    ])
  })

  test('may have foreign keys in a circle, and to the table itself', () => {
    const refer = (column: string, references: string): Loose => ({
      [column]: { columns: [column], references, referencedColumns: ['id'] },
    })
    const table = (column: string, references: string): Loose => ({
      columns: { id: big, [column]: { type: 'bigint' }, self: { type: 'bigint' } },
      primaryKey: ['id'],
      foreignKeys: { ...refer(column, references) },
    })
    const schema: Loose = { a: table('b_id', 'b'), b: table('c_id', 'c'), c: table('a_id', 'a') }
    schema.a.foreignKeys.self = refer('self', 'a').self
    const map = ({ d }: Loose): Loose => ({ columns: { ...d } })
    const { plan, problems } = readPlan(
      definePlan({
        name: 'circle',
        blue: schema,
        green: schema,
        tables: (t: Loose) => ({ a: t.map('a', 'a', map), b: t.map('b', 'b', map), c: t.map('c', 'c', map) }),
      } as Loose),
    )
    expect(problems).toEqual([])
    // Referenced tables first; the circle is cut where it closes.
    expect(plan?.forward.map(({ name }) => name)).toEqual(['c', 'b', 'a'])
  })

  test('partitions by a column of the primary key', () => {
    expect(blue((schema) => (schema.notes.partitionByMonth = 'body'))).toEqual([
      {
        path: 'blue.notes.partitionByMonth',
        message: '"body" is not part of the primary key',
        hint: 'Both engines ask for the partition column in the primary key.',
      },
    ])
  })
})

describe('the tables of a plan', () => {
  test('account for every blue table, and for no other', () => {
    expect(
      problemsOf((input) => {
        input.tables = (t: Loose) => {
          const { sessions: _, ...rest } = tablesOf(t)
          return rest
        }
      }),
    ).toEqual([
      {
        path: 'tables.sessions',
        message: 'the blue table is not accounted for',
        hint: 'Give it a map, fold or retire with a reason.',
      },
    ])
    expect(tables((t) => ({ caches: t.retire('caches', 'filled again') }))).toEqual([
      { path: 'tables.caches', message: 'is not a table of blue', hint: 'Name a table of the blue schema.' },
    ])
    expect(tables((t) => ({ sessions: t.retire('notes', 'wrong name') }))).toEqual([
      {
        path: 'tables.sessions',
        message: 'describes table "notes"',
        hint: 'Use the same name in both places.',
      },
    ])
    expect(problemsOf((input) => (input.tables = () => null))).toEqual([
      { path: 'tables', message: expect.stringContaining('expected record'), hint: SHAPE },
    ])
    expect(
      problemsOf((input) => {
        input.tables = () => {
          throw new Error('out of order')
        }
      }),
    ).toEqual([{ path: 'tables', message: 'out of order', hint: 'Name a table and column of the schema.' }])
  })

  test('are maps, folds or retirements, each with a reason for what stays behind', () => {
    expect(tables(() => ({ notes: { kind: 'ignore' } }))).toEqual([
      { path: 'tables.notes.kind', message: 'is none of map, fold and retire', hint: SHAPE },
    ])
    expect(tables((t) => ({ notes: t.map('notes', 'people', 'not a function') }))).toEqual([
      { path: 'tables.notes.define', message: 'must be a function', hint: SHAPE },
    ])
    expect(tables((t) => ({ sessions: t.retire('sessions', '  ') }))).toEqual([
      { path: 'tables.sessions', message: 'is retired without a reason', hint: 'Say why its rows are only archived.' },
    ])
    expect(lead(() => ({ dropped: { fax: ' ' } }))).toEqual([
      { path: 'tables.leads.dropped.fax', message: 'has no reason', hint: SHAPE },
    ])
    expect(lead(() => ({ frozen: { fax: '' }, dropped: {} })).map(({ path }) => path)).toEqual([
      'tables.leads.frozen.fax',
    ])
    expect(note(() => ({ dropped: { body: '' } })).map(({ path }) => path)).toEqual(['tables.notes.dropped.body'])
  })

  test('lead into tables of green, all of which are filled', () => {
    expect(tables((t) => ({ customers: t.map('customers', 'persons', customers) }))).toEqual([
      {
        path: 'tables.customers',
        message: 'maps into "persons", which is not a table of green',
        hint: 'Name a table of the green schema.',
      },
    ])
    expect(problemsOf((input) => (input.green.empty = { columns: { id: big }, primaryKey: ['id'] }))).toEqual([
      {
        path: 'green.empty',
        message: 'no blue table maps into it',
        hint: 'Map a table into it or leave it out of green.',
      },
    ])
  })

  test('whose rows come along have a primary key', () => {
    expect(tables((t) => ({ sessions: t.map('sessions', 'people', () => ({ columns: {} })) }))).toEqual([
      {
        path: 'tables.sessions',
        message: 'has no primary key',
        hint: 'Only tables with a primary key can be mapped; retire it or add a key.',
      },
    ])
    expect(
      tables((t) => ({
        sessions: t.fold('sessions', { owner: 'customers', column: 'notes' }, ({ c, d }: Loose) => ({
          by: [[cast(c.token, 'bigint'), d.id]],
          shape: 'array',
          orderBy: [],
        })),
      })),
    ).toEqual([
      {
        path: 'tables.sessions',
        message: 'has no primary key',
        hint: 'Only tables with a primary key can be folded; retire it or add a key.',
      },
    ])
  })
})

describe('a map', () => {
  test('fills every green column, once, and no other', () => {
    expect(lead(({ d }) => ({ columns: { id: d.id, kind: 'lead' } })).map(({ message }) => message)).toEqual([
      'green column "people.name" is not filled',
      'the column is not accounted for on the way back',
    ])
    expect(lead(({ d, key }) => ({ columns: { ...leads({ d, key }).columns, mail: d.name } }))).toEqual([
      {
        path: 'tables.leads.columns.mail',
        message: 'is not a column of green "people"',
        hint: 'Name a column of the green schema.',
      },
    ])
    expect(lead(({ d, key }) => ({ columns: { ...leads({ d, key }).columns, notes: null } }))).toEqual([
      {
        path: 'tables.leads.columns.notes',
        message: 'is also filled by the fold of "notes"',
        hint: 'Leave it to the fold.',
      },
    ])
  })

  test('reads columns that are there', () => {
    const hint = 'Name a table and column of the schema.'
    expect(lead(({ d, key }) => ({ columns: { id: key(d.id), kind: 'lead', name: d.vorname } }))).toEqual([
      { path: 'tables.leads', message: 'column "leads.vorname" does not exist', hint },
    ])
    expect(lead(({ d }) => ({ columns: { id: d.id, kind: 'lead', name: d } }))).toEqual([
      { path: 'tables.leads', message: expect.stringMatching(/^column "leads\.\w+" does not exist$/), hint },
    ])
    expect(lead(() => ({ back: ({ g }: Loose) => ({ fax: g.telefax }), dropped: {} }))).toContainEqual({
      path: 'tables.leads.back',
      message: 'column "people.telefax" does not exist',
      hint: 'Name a column of the green table.',
    })
    expect(lead(() => ({ bornHere: ({ g }: Loose) => same(g.typ, 'lead') }))).toEqual([
      { path: 'tables.leads.bornHere', message: 'column "people.typ" does not exist', hint },
    ])
  })

  test('has members and expressions of the language only', () => {
    // A misspelt `where` would map every row.
    expect(lead(({ d }) => ({ filter: isNull(d.name) }))).toEqual([
      { path: 'tables.leads', message: 'Unrecognized key: "filter"', hint: SHAPE },
    ])
    const column = (value: unknown): readonly PlanProblem[] =>
      lead(({ d, key }) => ({ columns: { ...leads({ d, key }).columns, name: value } }))
    const neither = {
      path: 'tables.leads.columns.name',
      message: 'is neither an expression nor a literal',
      hint: SHAPE,
    }
    for (const value of [{ op: 'shout' }, [], () => 'x', Number.NaN, 12n, { op: 'concat', args: 'x' }])
      expect(column(value)).toEqual([neither])
    expect(column(cast({ op: 'literal', value: 'x' }, 'varchar' as Loose))).toEqual([
      { path: 'tables.leads.columns.name.to', message: '"varchar" needs a length', hint: SHAPE },
    ])
    expect(lead(() => ({ where: true }))).toHaveLength(1)
    expect(lead(() => ({ key: 'keep' }))[0]).toMatchObject({ path: 'tables.leads.key' })
    expect(tables((t) => ({ leads: t.map('leads', 'people', () => undefined) }))[0]).toMatchObject({
      path: 'tables.leads',
    })
  })

  test('does not use the row of another callback', () => {
    let stolen: Loose
    expect(
      tables((t) => ({
        leads: t.map('leads', 'people', (tools: Loose) => {
          stolen = tools.lookup('customers', (l: Loose) => [[l.id, tools.d.id]]).name
          return leads(tools)
        }),
        customers: t.map('customers', 'people', ({ d }: Loose) => ({
          columns: { id: d.id, kind: 'customer', name: stolen },
          frozen: { name: 'not asked here' },
        })),
      })),
    ).toEqual([
      {
        path: 'tables.customers',
        message: 'reads "name" of a row it cannot see (l1)',
        hint: 'Use the references that this callback was given.',
      },
    ])
  })

  test('looks rows up by a unique key of a table that is there', () => {
    const hint = 'Name a table and column of the schema.'
    const looking = (table: string, on: (l: Loose, d: Loose) => Loose): readonly PlanProblem[] =>
      lead(({ lookup, d }) => {
        lookup(table, (l: Loose) => on(l, d))
        return {}
      })
    expect(looking('customers', (l, d) => [[l.id, d.id]])).toEqual([])
    expect(looking('persons', (l, d) => [[l.id, d.id]])).toEqual([
      { path: 'tables.leads', message: 'lookup table "persons" is not in blue', hint },
    ])
    expect(looking('customers', (l, d) => [[l.name, d.name]])).toEqual([
      {
        path: 'tables.leads.lookup(customers)',
        message: 'joins on (name), which is no unique key of "customers"',
        hint: 'Look rows up by a primary or unique key.',
      },
    ])
    expect(looking('customers', (l) => [[l.id, { op: 'column', alias: 'c', column: 'id' }]])).toEqual([
      {
        path: 'tables.leads.lookup(customers)',
        message: 'reads a row it cannot see',
        hint: 'Use the driving row or an earlier lookup.',
      },
    ])
    expect(looking('customers', () => 'id')[0]).toMatchObject({ path: 'tables.leads.lookup(customers)' })
    expect(lead(({ keyOf, d }) => ({ columns: { id: keyOf('sessions', d.id) } }))).toEqual([
      { path: 'tables.leads', message: 'keyOf("sessions"): that table has no map', hint },
    ])
  })

  test('brings its primary key to green', () => {
    expect(lead(({ d }) => ({ columns: { id: cast(d.name, 'bigint'), kind: 'lead', name: d.name } }))).toContainEqual({
      path: 'tables.leads.columns',
      message: 'the primary key (id) does not reach the primary key of "people"',
      hint: 'Give green key columns as d.<key> or key(d.<key>).',
    })
  })
})

describe('the way back', () => {
  const unaccounted = (column: string): PlanProblem => ({
    path: `tables.leads.${column}`,
    message: 'the column is not accounted for on the way back',
    hint: 'Map it invertibly, declare it under `back`, or list it under `frozen` or `dropped` with a reason.',
  })

  test('accounts for every blue column: derived, declared, frozen or dropped', () => {
    expect(lead(() => ({ dropped: {} }))).toEqual([unaccounted('fax')])
    expect(lead(() => ({ dropped: {}, frozen: { fax: 'kept' } }))).toEqual([])
    expect(lead(() => ({ dropped: {}, back: ({ g }: Loose) => ({ fax: g.name }) }))).toEqual([])
  })

  test.each([
    ['concat', (d: Loose) => concat(d.name, '!')],
    ['two keys of one value', (d: Loose) => valueTable(d.name, { a: 'x', b: 'x' })],
    ['SQL of its own', (d: Loose) => rawSql({ postgres: 'upper({n})', mysql: 'upper({n})' }, { n: d.name }, 'text')],
  ])('is asked for where an expression has no inverse: %s', (_, make) => {
    expect(lead(({ d, key }) => ({ columns: { id: key(d.id), kind: 'lead', name: make(d) } }))).toEqual([
      unaccounted('name'),
    ])
  })

  test('names columns that are there', () => {
    expect(lead(() => ({ back: () => ({ telefax: 'x' }) }))).toEqual([
      {
        path: 'tables.leads.back.telefax',
        message: 'is not a column of the blue table',
        hint: 'Name a column of the blue schema.',
      },
    ])
    expect(lead(() => ({ dropped: { fax: 'gone', telefax: 'gone too' } }))).toEqual([
      {
        path: 'tables.leads.dropped.telefax',
        message: 'is not a column of the blue table',
        hint: 'Name a column of the blue schema.',
      },
    ])
    expect(lead(() => ({ back: () => 'fax' }))[0]).toMatchObject({ path: 'tables.leads.back', hint: SHAPE })
  })

  test('brings the primary key', () => {
    expect(lead(() => ({ dropped: { id: 'not wanted', fax: 'gone' } }))).toEqual([
      {
        path: 'tables.leads.id',
        message: 'the primary key does not come back',
        hint: 'Map the key with d.<key> or key(d.<key>).',
      },
    ])
  })
})

describe('keys of tables that share a green table', () => {
  const customersWith = (change: (tools: Loose) => Loose): ((t: Loose) => Loose) => {
    const define = (tools: Loose): Loose => ({
      ...customers(tools),
      columns: { ...customers(tools).columns, id: tools.key(tools.d.id) },
      ...change(tools),
    })
    return (t) => ({ customers: t.map('customers', 'people', define) })
  }

  test('are in disjoint bands', () => {
    expect(lead(({ d }) => ({ key: keep(), columns: { id: d.id, kind: 'lead', name: d.name } }))).toEqual([
      {
        path: 'tables.customers.key',
        message: 'keeps its keys, as "leads" does in the same green table',
        hint: 'Use interleave for one of them.',
      },
    ])
    expect(tables(customersWith(() => ({ key: interleave(0, 2) })))).toEqual([
      {
        path: 'tables.customers.key',
        message: 'shares its keys (slot 0) with "leads"',
        hint: 'Give each table its own slot or space.',
      },
    ])
    expect(tables(customersWith(() => ({ key: interleave(1, 3) })))).toEqual([
      {
        path: 'tables.customers.key',
        message: 'counts 3 slots where another table counts 2',
        hint: 'All tables of one green table use the same number of slots.',
      },
    ])
    expect(tables(customersWith(() => ({ key: interleave(1, 2) })))).toEqual([])
  })

  test('are slots and spaces that exist', () => {
    for (const [slot, slots] of [
      [2, 2],
      [-1, 2],
      [0.5, 2],
      [0, 0],
    ] as const)
      expect(lead(() => ({ key: interleave(slot, slots) }))).toContainEqual({
        path: 'tables.leads.key',
        message: `slot ${slot} of ${slots} is not a slot`,
        hint: 'Slots count from 0 to slots - 1.',
      })
    expect(lead(() => ({ key: uuidOf('0d07') }))).toContainEqual({
      path: 'tables.leads.key',
      message: '"0d07" is not 8 hexadecimal digits',
      hint: 'Give the first group of the UUIDs.',
    })
  })

  test('are not shared by two UUID spaces that differ in case only', () => {
    const input = makeInput()
    input.green.people.columns.id = { type: 'char(36)', notNull: true }
    const as = (space: string): ((tools: Loose) => Loose) => {
      return ({ d, key }) => ({ key: uuidOf(space), columns: { id: key(d.id), kind: space, name: d.name } })
    }
    input.tables = (t: Loose) => ({
      ...tablesOf(t),
      leads: t.map('leads', 'people', (tools: Loose) => ({ ...as('0d071ce5')(tools), dropped: { fax: 'gone' } })),
      customers: t.map('customers', 'people', as('0D071CE5')),
    })
    expect(readPlan(definePlan(input)).problems).toEqual([
      {
        path: 'tables.customers.key',
        message: 'shares its keys (space 0d071ce5) with "leads"',
        hint: 'Give each table its own slot or space.',
      },
    ])
  })
})

describe('a fold', () => {
  test('is owned by the whole key of a mapped table', () => {
    expect(tables((t) => ({ notes: t.fold('notes', { owner: 'sessions', column: 'notes' }, notes) }))).toEqual([
      {
        path: 'tables.notes',
        message: 'the owner "sessions" is not a mapped table',
        hint: 'A fold goes into the rows of a table with a map.',
      },
    ])
    expect(note(({ c, d }) => ({ by: [[c.body, d.name]] }))).toEqual([
      {
        path: 'tables.notes.by',
        message: 'each pair must end in a primary key column of "leads"',
        hint: 'A fold is owned by the key of its owner.',
      },
    ])
    expect(note(() => ({ by: [] }))).toEqual([
      {
        path: 'tables.notes.by',
        message: 'names 0 of 1 key columns of "leads"',
        hint: 'Name the whole key of the owner.',
      },
    ])
  })

  test('goes into a JSON column of its own', () => {
    for (const column of ['name', 'comments', 'constructor'])
      expect(tables((t) => ({ notes: t.fold('notes', { owner: 'leads', column }, notes) }))).toContainEqual({
        path: 'tables.notes',
        message: `"people.${column}" is not a JSON column of green`,
        hint: 'Fold into a column of type json.',
      })
    expect(
      problemsOf((input) => {
        input.blue.memos = input.blue.notes
        input.tables = (t: Loose) => tablesOf(t, { memos: t.fold('memos', { owner: 'leads', column: 'notes' }, notes) })
      }),
    ).toEqual([
      {
        path: 'tables.memos',
        message: 'folds into "people.notes", as "notes" does',
        hint: 'Give each fold its own column.',
      },
    ])
  })

  test('of shape map names its members', () => {
    expect(note(() => ({ shape: 'map' }))).toEqual([
      {
        path: 'tables.notes.mapKey',
        message: 'is missing',
        hint: 'A fold of shape `map` needs the member name of each row.',
      },
    ])
    expect(note(() => ({ shape: 'list' }))[0]).toMatchObject({ path: 'tables.notes.shape', hint: SHAPE })
  })

  test('has an order in which no two rows are equal', () => {
    const input = makeInput()
    input.tables = (t: Loose) =>
      tablesOf(t, {
        notes: t.fold('notes', { owner: 'leads', column: 'notes' }, ({ c, d }: Loose) => ({
          by: [[c.lead_id, d.id]],
          shape: 'array',
          orderBy: [c.body],
        })),
      })
    const { plan } = readPlan(definePlan(input))
    const column = plan?.forward.find(({ name }) => name === 'leads')?.arms[0]?.columns['notes']
    // Rows of equal bodies would change places between two looks, and read as differences.
    expect(column).toMatchObject({
      op: 'fold',
      fold: { orderBy: [{ column: 'body' }, { column: 'id', alias: 'c' }] },
    })
  })

  test('takes the rows that the filter of a map leaves out, of the same table', () => {
    expect(
      tables((t) => ({
        customers: t.map('customers', 'people', customers, t.fold('notes', { owner: 'leads', column: 'notes' }, notes)),
      })),
    ).toContainEqual({
      path: 'tables.customers',
      message: 'its second fold is of another table',
      hint: 'Fold the rows that the filter leaves out.',
    })
  })
})

describe('a merge by natural key', () => {
  /** `leads` and `customers` become one table by name. */
  function problemsOfMerge(change: { leads?: Loose; customers?: Loose } = {}): readonly PlanProblem[] {
    const merged = (rank: number): Loose => ({ rank, sources: 'sources', scope: ['name', 'name'] })
    return readPlan(
      definePlan({
        name: 'merge',
        blue: { leads: makeInput().blue.customers, customers: makeInput().blue.customers },
        green: {
          people: {
            columns: {
              name: { type: 'varchar(80)', notNull: true },
              note: { type: 'text' },
              sources: { type: 'json' },
            },
            primaryKey: ['name'],
          },
        },
        tables: (t: Loose) => ({
          leads: t.map('leads', 'people', ({ d }: Loose) => ({
            columns: { name: d.name, note: null },
            merge: merged(1),
            ...change.leads,
          })),
          customers: t.map('customers', 'people', ({ d }: Loose) => ({
            columns: { name: d.name, note: null },
            merge: merged(2),
            ...change.customers,
          })),
        }),
      } as Loose),
    ).problems
  }
  const of = (change: Loose): Loose => ({ rank: 2, sources: 'sources', scope: ['name', 'name'], ...change })

  test('without problems is read', () => {
    expect(problemsOfMerge()).toEqual([])
  })

  test('has a precedence', () => {
    expect(problemsOfMerge({ customers: { merge: of({ rank: 1 }) } })).toEqual([
      { path: 'green.people', message: 'two tables merge with the same rank', hint: 'Give each its own rank.' },
    ])
    expect(problemsOfMerge({ customers: { merge: of({ rank: undefined }) } })[0]).toMatchObject({
      path: 'tables.customers.merge.rank',
    })
  })

  test('is one of all tables, by one scope and one column for the contributors', () => {
    expect(problemsOfMerge({ customers: { merge: undefined } })).toContainEqual({
      path: 'green.people',
      message: 'some tables merge into it and some do not',
      hint: 'Give every map into it a `merge`, or none.',
    })
    expect(problemsOfMerge({ customers: { merge: of({ sources: 'note' }) } })).toContainEqual({
      path: 'tables.customers.merge.sources',
      message: '"note" is not a JSON column of green',
      hint: 'Name the column that holds every contributor.',
    })
    expect(problemsOfMerge({ customers: { merge: of({ scope: ['mail', 'note'] }) } })).toEqual(
      expect.arrayContaining([
        {
          path: 'tables.customers.merge.scope',
          message: '"mail" is not a column of blue',
          hint: 'Name a column of the blue table.',
        },
        {
          path: 'tables.customers.merge.scope',
          message: '"note" is not part of the primary key of green',
          hint: 'The scope is the part of the natural key that is a plain column.',
        },
      ]),
    )
    expect(problemsOfMerge({ customers: { where: and() } })).toEqual([])
  })
})

function catchError(work: () => unknown): CrossfadeError {
  try {
    work()
  } catch (error) {
    if (error instanceof CrossfadeError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
