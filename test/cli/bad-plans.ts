/** Plans with one thing wrong. */
import { cast, concat, interleave, isNull, rawSql } from 'crossfade'

/** Untyped on purpose: a plan may be JavaScript, and nobody type-checks a plan before it runs. */
type Loose = any // oxlint-disable-line typescript/no-explicit-any

const big = { type: 'bigint', notNull: true }

/** A plan without problems, made anew for each test. */
export const CLEAN = (): Loose => ({
  name: 'small',
  blue: {
    leads: {
      columns: { id: big, name: { type: 'text' }, fax: { type: 'text' }, paid: { type: 'decimal(10,2)' } },
      primaryKey: ['id'],
    },
    notes: { columns: { id: big, lead_id: big, body: { type: 'text' } }, primaryKey: ['id'] },
    sessions: { columns: { token: { type: 'text' } }, primaryKey: [] },
  },
  green: {
    people: {
      columns: { id: big, name: { type: 'text' }, paid: { type: 'decimal(10,2)' }, notes: { type: 'json' } },
      primaryKey: ['id'],
    },
  },
  tables: (t: Loose) => tablesOf(t),
})

const LEADS = ({ d }: Loose): Loose => ({
  columns: { id: d.id, name: d.name, paid: d.paid },
  dropped: { fax: 'nobody has one' },
})
const NOTES = ({ c, d }: Loose): Loose => ({ by: [[c.lead_id, d.id]], shape: 'array', orderBy: [c.id] })

const tablesOf = (t: Loose, changed: Loose = {}): Loose => ({
  leads: t.map('leads', 'people', LEADS),
  notes: t.fold('notes', { owner: 'leads', column: 'notes' }, NOTES),
  sessions: t.retire('sessions', 'they end with the migration'),
  ...changed,
})

const tables =
  (changed: (t: Loose) => Loose) =>
  (input: Loose): void => {
    input.tables = (t: Loose) => tablesOf(t, changed(t))
  }
const map = (change: (tools: Loose) => Loose) =>
  tables((t) => ({ leads: t.map('leads', 'people', (tools: Loose) => ({ ...LEADS(tools), ...change(tools) })) }))
const columns = (change: (tools: Loose) => Loose) =>
  map((tools) => ({ columns: { ...LEADS(tools).columns, ...change(tools) } }))
const fold = (change: (tools: Loose) => Loose) =>
  tables((t) => ({
    notes: t.fold('notes', { owner: 'leads', column: 'notes' }, (tools: Loose) => ({
      ...NOTES(tools),
      ...change(tools),
    })),
  }))
const type = (text: string) => (input: Loose) => {
  input.green.people.columns.name.type = text
}

type PlanCase = readonly [what: string, path: string, change: (input: Loose) => void, message: RegExp]

const TYPE = 'green.people.columns.name.type'
const LEAD_NAME = 'tables.leads.columns.name'

export const PLAN_CASES: readonly PlanCase[] = [
  ['no name', 'name', (input) => delete input.name, /./],
  ['a name in capitals', 'name', (input) => (input.name = 'Small'), /lower-case/],
  ['a name of 42 letters', 'name', (input) => (input.name = 'n'.repeat(42)), /at most 41/],
  ['a part that nobody knows', 'retries', (input) => (input.retries = 3), /is not part of a plan/],
  ['no green', 'green', (input) => delete input.green, /./],
  ['a green without tables', 'green', (input) => (input.green = {}), /has no tables/],
  ['a blue that is a list', 'blue', (input) => (input.blue = []), /./],
  ['a table without columns', 'green.people.columns', (input) => (input.green.people.columns = {}), /has no columns/],
  ['a table without a name', 'blue.', (input) => (input.blue[''] = input.blue.sessions), /is no name/],
  [
    'a name of 64 bytes',
    `blue.${'é'.repeat(32)}`,
    (input) => (input.blue['é'.repeat(32)] = input.blue.sessions),
    /is no name/,
  ],
  [
    'a column with a NUL in its name',
    'blue.sessions.columns.a\0b',
    (input) => (input.blue.sessions.columns['a\0b'] = big),
    /is no name/,
  ],
  ['a type that nobody knows', TYPE, type('number'), /"number" is no column type/],
  ['a varchar without a length', TYPE, type('varchar'), /needs a length/],
  ['a decimal without a scale', TYPE, type('decimal(10)'), /needs precision and scale/],
  ['an enum without values', TYPE, type('enum()'), /needs values/],
  ['a set with an empty word', TYPE, type('set(a,,b)'), /empty word/],
  ['an unsigned text', TYPE, type('text unsigned'), /only int and bigint can be unsigned/],
  ['a length that is no number', TYPE, type('char(x)'), /is no column type/],
  ['an array of arrays', TYPE, type('int[][]'), /arrays hold no such elements/],
  ['an array of JSON', TYPE, type('json[]'), /arrays hold no such elements/],
  ['a size where there is none', TYPE, type('uuid(36)'), /is no column type/],
  ['a name for what is no enum', TYPE, type('text mood'), /is no column type/],
  [
    'a default that is none',
    'green.people.columns.name.default',
    (input) => (input.green.people.columns.name.default = []),
    /is no default/,
  ],
  [
    'a key of real numbers',
    'green.people.primaryKey',
    (input) => (input.green.people.columns.id = { type: 'real', notNull: true }),
    /rows cannot be found by it/,
  ],
  [
    'a key of intervals',
    'green.people.primaryKey',
    (input) => (input.green.people.columns.id = { type: 'interval', notNull: true }),
    /rows cannot be found by it/,
  ],
  [
    'a key of a column that is not there',
    'green.people.primaryKey',
    (input) => (input.green.people.primaryKey = ['nr']),
    /"nr" is not in the table/,
  ],
  [
    'a unique key of nothing',
    'green.people.unique.u.columns',
    (input) => (input.green.people.unique = { u: { columns: [] } }),
    /./,
  ],
  [
    'an index method that nobody knows',
    'green.people.indexes.i.method',
    (input) => (input.green.people.indexes = { i: { columns: ['name'], method: 'hash' } }),
    /./,
  ],
  [
    'a foreign key to nowhere',
    'green.people.foreignKeys.f',
    (input) =>
      (input.green.people.foreignKeys = { f: { columns: ['id'], references: 'x', referencedColumns: ['id'] } }),
    /not in green/,
  ],
  [
    'a foreign key of two columns to one',
    'green.people.foreignKeys.f',
    (input) =>
      (input.green.people.foreignKeys = {
        f: { columns: ['id', 'name'], references: 'people', referencedColumns: ['id'] },
      }),
    /pairs 2 columns with 1/,
  ],
  [
    'an action that nobody knows',
    'green.people.foreignKeys.f.onDelete',
    (input) =>
      (input.green.people.foreignKeys = {
        f: { columns: ['id'], references: 'people', referencedColumns: ['id'], onDelete: 'EXPLODE' },
      }),
    /./,
  ],
  [
    'partitions by what is no key',
    'green.people.partitionByMonth',
    (input) => (input.green.people.partitionByMonth = 'name'),
    /not part of the primary key/,
  ],
  [
    'a tenant column that is not there',
    'green.people.tenantColumn',
    (input) => (input.green.people.tenantColumn = 'tenant'),
    /not in the table/,
  ],
  ['bands that are no digits', 'bands.base', (input) => (input.bands = { base: '1e9' }), /integer in digits/],
  ['bands in the wrong order', 'bands', (input) => (input.bands = { base: '20', birthLine: '10' }), /./],
  ['a hold of more than 30 s', 'limits.holdBudgetMs', (input) => (input.limits = { holdBudgetMs: 30_001 }), /./],
  ['a soak below zero', 'limits.soakMs', (input) => (input.limits = { soakMs: -1 }), /./],
  ['a lease that is too short', 'limits.leaseMs', (input) => (input.limits = { leaseMs: 10 }), /./],
  ['half an attempt', 'limits.switchAttempts', (input) => (input.limits = { switchAttempts: 0.5 }), /./],
  [
    'a verification that may be infinitely old',
    'limits.maxVerificationAgeMs',
    (input) => (input.limits = { maxVerificationAgeMs: Infinity }),
    /./,
  ],
  [
    'an end of the validation that nobody knows',
    'limits.onFailedValidation',
    (input) => (input.limits = { onFailedValidation: 'shrug' }),
    /./,
  ],
  ['a hook at midnight', 'hooks.0.at', (input) => (input.hooks = [{ at: 'midnight', command: 'true' }]), /./],
  ['a hook without a command', 'hooks.0.command', (input) => (input.hooks = [{ at: 'complete' }]), /./],
  [
    'a hook without a time limit',
    'hooks.0.timeoutMs',
    (input) => (input.hooks = [{ at: 'complete', command: 'true', timeoutMs: 0 }]),
    /./,
  ],
  [
    'an invariant without SQL for green',
    'invariants.0.green',
    (input) => (input.invariants = [{ name: 'n', blue: { postgres: 'SELECT 1', mysql: 'SELECT 1' } }]),
    /./,
  ],
  [
    'an invariant with empty SQL',
    'invariants.0.blue.mysql',
    (input) =>
      (input.invariants = [
        { name: 'n', blue: { postgres: 'SELECT 1', mysql: '' }, green: { postgres: 'SELECT 1', mysql: 'SELECT 1' } },
      ]),
    /./,
  ],
  [
    'a probe without a limit',
    'probes.0.afterMs',
    (input) =>
      (input.probes = [
        {
          name: 'n',
          blue: { postgres: 'SELECT 1', mysql: 'SELECT 1' },
          green: { postgres: 'SELECT 1', mysql: 'SELECT 1' },
        },
      ]),
    /./,
  ],
  ['tables that are no function', 'tables', (input) => (input.tables = {}), /is not a function/],
  ['tables that are none', 'tables', (input) => (input.tables = () => 5), /./],
  ['a table of blue left out', 'tables.sessions', tables(() => ({ sessions: undefined })), /./],
  ['a table that blue has not', 'tables.ghosts', tables((t) => ({ ghosts: t.retire('ghosts', 'they are none') })), /./],
  [
    'a retirement without a reason',
    'tables.sessions',
    tables((t) => ({ sessions: t.retire('sessions', ' ') })),
    /reason/,
  ],
  [
    'a map into a table that green has not',
    'tables.leads',
    tables((t) => ({ leads: t.map('leads', 'folk', LEADS) })),
    /./,
  ],
  [
    'a map of a table without a key',
    'tables.sessions',
    tables((t) => ({ sessions: t.map('sessions', 'people', ({ d }: Loose) => ({ columns: { id: d.token } })) })),
    /primary key/,
  ],
  [
    'a map that throws',
    'tables.leads',
    tables((t) => ({
      leads: t.map('leads', 'people', () => {
        throw new Error('no')
      }),
    })),
    /no/,
  ],
  [
    'a map that returns nothing',
    'tables.leads',
    tables((t) => ({ leads: t.map('leads', 'people', () => undefined) })),
    /./,
  ],
  [
    'a column of green that nothing fills',
    'tables.leads.columns',
    map(({ d }) => ({ columns: { id: d.id, paid: d.paid }, dropped: { fax: 'x', name: 'x' } })),
    /./,
  ],
  ['a column that green has not', 'tables.leads.columns.age', columns(({ d }) => ({ age: d.name })), /./],
  ['a column that blue has not', 'tables.leads', columns(({ d }) => ({ name: d.nickname })), /nickname/],
  [
    'a column that is no expression',
    LEAD_NAME,
    columns(() => ({ name: { sum: 1 } })),
    /neither an expression nor a literal/,
  ],
  ['a column of blue that goes nowhere', 'tables.leads.fax', map(() => ({ dropped: {} })), /./],
  ['a column dropped without a reason', 'tables.leads.dropped.fax', map(() => ({ dropped: { fax: '' } })), /no reason/],
  ['a way that cannot come back', 'tables.leads.name', columns(({ d }) => ({ name: concat(d.name, '!') })), /./],
  [
    'a way back for a column that is not there',
    'tables.leads.back.age',
    map(() => ({ back: ({ g }: Loose) => ({ age: g.name }) })),
    /./,
  ],
  ['a filter that is no condition', 'tables.leads.where', map(() => ({ where: 'name' })), /./],
  ['a key function that nobody knows', 'tables.leads.key.type', map(() => ({ key: { type: 'hash' } })), /./],
  [
    'a slot that does not exist',
    'tables.leads.key',
    map(({ d, key }) => ({ key: interleave(2, 2), columns: { id: key(d.id), name: d.name, paid: d.paid } })),
    /./,
  ],
  [
    'a narrower column',
    'tables.leads.columns.paid',
    (input) => (input.green.people.columns.paid.type = 'decimal(10,1)'),
    /cannot hold exactly/,
  ],
  [
    'a text that becomes a uuid without a cast',
    LEAD_NAME,
    (input) => (input.green.people.columns.name.type = 'uuid'),
    /cannot hold exactly/,
  ],
  [
    'a cast to a type that nobody knows',
    `${LEAD_NAME}.to`,
    columns(({ d }) => ({ name: cast(d.name, 'string' as Loose) })),
    /./,
  ],
  [
    'raw SQL of one engine only',
    LEAD_NAME,
    columns(({ d }) => ({ name: rawSql({ postgres: '{n}' } as Loose, { n: d.name }, 'text') })),
    /./,
  ],
  [
    'a fold into a column that is no JSON',
    'tables.notes',
    (input) => (input.green.people.columns.notes.type = 'text'),
    /./,
  ],
  [
    'a fold into a table that is not mapped',
    'tables.notes',
    tables((t) => ({ notes: t.fold('notes', { owner: 'sessions', column: 'notes' }, NOTES) })),
    /./,
  ],
  ['a fold that is owned by no key', 'tables.notes.by', fold(({ c, d }) => ({ by: [[c.lead_id, d.name]] })), /./],
  ['a fold of a shape that nobody knows', 'tables.notes.shape', fold(() => ({ shape: 'heap' })), /./],
  ['a fold as a map without names', 'tables.notes.mapKey', fold(() => ({ shape: 'map' })), /./],
  ['a fold in no order', 'tables.notes.orderBy', fold(() => ({ orderBy: 'id' })), /./],
  ['a fold whose filter is of another row', 'tables.notes', fold(({ d }) => ({ where: isNull(d.name) })), /./],
]
