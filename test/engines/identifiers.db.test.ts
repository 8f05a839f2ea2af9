/** Whatever a name holds, it is a name: tables and columns with hostile names are what they are called, and nothing else happens. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Session, SideTools } from '../../src/engines/engine.js'
import { openSide } from '../../src/engines/open-side.js'
import { raw, sql } from '../../src/engines/sql.js'
import type { SchemaSpec } from '../../src/plan/schema.js'
import { SEED } from '../data/seed.js'
import { createDatabase, describeEachEngine, runSql } from '../support/servers.js'

const PIECES = [
  ...[
    `"`,
    `""`,
    '`',
    '``',
    `'`,
    `''`,
    '\\',
    '\\\\',
    `\\'`,
    `\\"`,
    '\\`',
    '%',
    '%s',
    '%I',
    '_',
    '$1',
    '$$',
    '$crossfade$',
    '?',
  ],
  ...[
    '??',
    ':x',
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    ';',
    '--',
    '-- ',
    '#',
    '/*',
    '*/',
    '/*!',
    '\n',
    '\r',
    '\t',
    '\u0001',
    '\u001a',
  ],
  ...[
    '\u00a0',
    '\u200b',
    '\u202e',
    '.',
    ',',
    ' ',
    'é',
    'e\u0301',
    'ß',
    'ﬀ',
    '中',
    '😀',
    'DROP TABLE canary',
    'a',
    'B',
    '0',
  ],
  ...[`"; DROP TABLE canary; --`, '`; DROP TABLE canary; -- ', `'; DROP TABLE canary; -- `],
]

const isTooLong = (name: string): boolean => Buffer.byteLength(name) > 40
/** Neither engine takes them: no name, and MySQL's do not end with a blank. */
const isNoName = (name: string): boolean => name === '' || /\s$/u.test(name)
const hostileName = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 })
  .map((pieces) => pieces.join(''))
  .filter((name) => !isTooLong(name) && !isNoName(name))

/** One table with a name that two hostile ones make, and a column, an index and a check of the same kind. */
const hostileTable = fc
  .uniqueArray(hostileName, { minLength: 4, maxLength: 4, selector: (name) => name.normalize('NFKD').toLowerCase() })
  .map(([table, key, text, index]) => ({ table: table!, key: key!, text: text!, index: index! }))

type Names = { readonly [name in 'table' | 'key' | 'text' | 'index']: string }

const schemaOf = ({ table, key, text, index }: Names): SchemaSpec => ({
  [table]: {
    columns: { [key]: { type: 'bigint', notNull: true }, [text]: { type: 'varchar(60)', default: text.slice(0, 20) } },
    primaryKey: [key],
    indexes: { [index]: { columns: [text] } },
  },
})

/** MySQL and MariaDB keep names in three bytes a character; others are refused before they are sent. */
const isBeyondMysql = (names: Names): boolean =>
  Object.values(names).some((name: string) => /[\u{10000}-\u{10ffff}]/u.test(name))

async function makeAndRead(side: SideTools, session: Session, names: Names): Promise<void> {
  const { quote, qualify } = side.dialect
  const schema = schemaOf(names)
  const table = raw(qualify(side.location.namespace, names.table))
  for (const statement of [...side.schema.createTables(schema), ...side.schema.createIndexes(schema)])
    await session.execute(statement)
  const columns = raw(`${quote(names.key)}, ${quote(names.text)}`)
  await session.execute(sql`INSERT INTO ${table} (${columns}) VALUES (${'7'}, ${names.text})`)
  await session.execute(sql`INSERT INTO ${table} (${raw(quote(names.key))}) VALUES (${'8'})`)
  const rows = await session.query(sql`SELECT ${columns} FROM ${table} ORDER BY 1`)
  expect(rows.map((row) => row.map(String))).toEqual([
    ['7', names.text],
    ['8', names.text.slice(0, 20)],
  ])
  const found = await side.schema.introspect(session)
  expect(Object.keys(found).toSorted()).toEqual(['canary', names.table].toSorted())
  // Sorted: JavaScript puts names that look like a number in front.
  expect(Object.keys(found[names.table]!.columns).toSorted()).toEqual([names.key, names.text].toSorted())
  expect(found[names.table]!.primaryKey).toEqual([names.key])
  for (const statement of side.schema.dropTables(schema)) await session.execute(statement)
  expect(Object.keys(await side.schema.introspect(session))).toEqual(['canary'])
}

describeEachEngine('identifiers', (engine) => {
  test('keep every character, and none of them ends the name', async () => {
    await using database = await createDatabase(engine)
    await runSql(engine, database.url, 'CREATE TABLE canary (id int PRIMARY KEY)')
    await using side = await openSide(database.url, 'blue', 'crossfade')
    await using session = await side.connect('names')
    const property = fc.asyncProperty(hostileTable, async (names) => {
      if (engine !== 'postgres' && isBeyondMysql(names)) {
        await expect(makeAndRead(side, session, names)).rejects.toThrow(TypeError)
        expect(Object.keys(await side.schema.introspect(session))).toEqual(['canary'])
        return
      }
      try {
        await makeAndRead(side, session, names)
      } catch (error) {
        // Each try begins with an empty namespace, or what is shrunk is another failure.
        for (const statement of side.schema.dropTables(schemaOf(names))) await session.execute(statement).catch(() => 0)
        throw error
      }
    })
    await fc.assert(property, { numRuns: 60, seed: SEED })
  })

  test('with a NUL are refused before they are sent', async () => {
    await using database = await createDatabase(engine)
    await using side = await openSide(database.url, 'blue', 'crossfade')
    expect(() => side.dialect.quote('a\0b')).toThrow(TypeError)
  })
})
