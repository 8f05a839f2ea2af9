/**
 * Bad input, one test each: the error has its code, its exit code and a next step, and comes before any server is asked, so that nothing can
 * have changed. What needs a server is in bad-servers.db.test.ts.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { definePlan } from 'crossfade'
import { afterAll, describe, expect, test } from 'vitest'
import { exitCodeOfError } from '../../src/cli/exit-codes.js'
import { readUrls, requireJournal, requireUrls, type CommonFlags } from '../../src/cli/settings.js'
import { CrossfadeError } from '../../src/engines/errors.js'
import { loadPlan } from '../../src/plan/load.js'
import { readPlan } from '../../src/plan/parse.js'
import { createPlanFolder } from '../support/plan-file.js'
import { SHOP_PLAN } from '../support/shop.js'
import { CLEAN, PLAN_CASES } from './bad-plans.js'

const SECRET = 'hunter2'
const GREEN = 'postgres://127.0.0.1:1/shop?schema=green'

const folder = createPlanFolder()
afterAll(() => folder[Symbol.dispose]())

async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error
  }
}

function expectRefused(error: unknown, code: string, exitCode: number, message: RegExp): void {
  expect(error).toBeInstanceOf(CrossfadeError)
  const refusal = error as CrossfadeError
  expect({ code: refusal.code, exitCode: exitCodeOfError(refusal) }).toEqual({ code, exitCode })
  expect(refusal.message).toMatch(message)
  expect(refusal.hint.length).toBeGreaterThan(20)
  expect(`${refusal.message} ${String(refusal.cause)}`).not.toContain(SECRET)
}

/** URLs of blue. */
const URL_CASES: readonly (readonly [what: string, url: string, message: RegExp])[] = [
  ['words', 'nonsense', /the URL of blue is not a URL/],
  ['a host alone', '127.0.0.1:5432', /the URL of blue is not a URL|unknown scheme/],
  ['a libpq line', `host=db user=me password=${SECRET}`, /the URL of blue is not a URL/],
  ['an unknown scheme', `oracle://me:${SECRET}@host/shop`, /unknown scheme "oracle:"/],
  ['a scheme in the wrong place', `http://me:${SECRET}@host/shop`, /unknown scheme "http:"/],
  ['a port out of range', `postgres://me:${SECRET}@host:99999/shop`, /is not a URL/],
  ['a port of letters', `mysql://me:${SECRET}@host:port/shop`, /is not a URL/],
  ['no database', `postgres://me:${SECRET}@host`, /names no database: postgres:\/\/me:\*\*\*@host/],
  ['an empty database', `mysql://me:${SECRET}@host/`, /names no database/],
  ['two databases', `mysql://me:${SECRET}@host/shop/green`, /names no database/],
  ['a broken escape in the password', `mysql://me:${SECRET}%zz@host/shop`, /broken % escape/],
  ['a broken escape in the user', `postgres://m%e:${SECRET}@host/shop`, /broken % escape/],
  ['a broken escape in the database', `postgres://me:${SECRET}@host/sh%op`, /broken % escape/],
  ['a schema with a quote', `postgres://me:${SECRET}@host/shop?schema=a%22b`, /no schema or database name/],
  ['an empty schema', `postgres://me:${SECRET}@host/shop?schema=`, /no schema or database name/],
  ['a schema that begins with a digit', `postgres://me:${SECRET}@host/shop?schema=1st`, /no schema or database name/],
  [
    'a schema of 49 letters',
    `postgres://me:${SECRET}@host/shop?schema=${'s'.repeat(49)}`,
    /no schema or database name/,
  ],
  ['a database with a space', `mysql://me:${SECRET}@host/my%20shop`, /no schema or database name/],
  [
    'the namespace of Crossfade',
    `postgres://me:${SECRET}@host/shop?schema=crossfade`,
    /also the namespace of Crossfade/,
  ],
  ['the database of Crossfade', `mysql://me:${SECRET}@host/crossfade`, /also the namespace of Crossfade/],
  [
    'a TLS mode that may be talked down',
    `postgres://me:${SECRET}@host/shop?sslmode=prefer`,
    /sslmode=prefer is not accepted; use one of/,
  ],
  ['a TLS mode that nobody knows', `postgres://me:${SECRET}@host/shop?sslmode=maybe`, /sslmode=maybe is not accepted/],
  [
    'a TLS mode of MySQL that may be talked down',
    `mysql://me:${SECRET}@host/shop?ssl-mode=PREFERRED`,
    /ssl-mode=PREFERRED is not accepted/,
  ],
  ['a TLS mode of MySQL that nobody knows', `mysql://me:${SECRET}@host/shop?ssl-mode=x`, /ssl-mode=X is not accepted/],
]

describe('a URL with', () => {
  test.each(URL_CASES)('%s is refused with 2', async (_, url, message) => {
    const env = { CROSSFADE_BLUE_URL: url, CROSSFADE_GREEN_URL: GREEN }
    expectRefused(await errorOf(() => requireUrls({}, env)), 'URL_INVALID', 2, message)
  })
})

/** What flags and environment hold; `write` gives a file. */
const SETTING_CASES: readonly (readonly [what: string, flags: CommonFlags, env: NodeJS.ProcessEnv, message: RegExp])[] =
  [
    ['no URL at all', {}, {}, /not given: CROSSFADE_BLUE_URL \(or --blue\) and CROSSFADE_GREEN_URL/],
    ['no blue', {}, { CROSSFADE_GREEN_URL: GREEN }, /not given: CROSSFADE_BLUE_URL \(or --blue\)$/],
    ['no green', { blue: GREEN }, {}, /not given: CROSSFADE_GREEN_URL \(or --green\)$/],
    ['an empty blue', {}, { CROSSFADE_BLUE_URL: '', CROSSFADE_GREEN_URL: GREEN }, /not given: CROSSFADE_BLUE_URL/],
    [
      'a password in --blue',
      { blue: `postgres://me:${SECRET}@host/shop` },
      {},
      /--blue holds a password, which every user/,
    ],
    ['a password in --green', { green: `mysql://me:${SECRET}@host/shop` }, {}, /--green holds a password/],
    ['a password in --journal', { journal: `mysql://me:${SECRET}@host/shop` }, {}, /--journal holds a password/],
    [
      'a password as a parameter',
      { blue: `postgres://host/shop?user=me&password=${SECRET}` },
      {},
      /--blue holds a password/,
    ],
    [
      'a password in what is no URL by the letter',
      { blue: `mysql://me:${SECRET}#@host:1/shop` },
      {},
      /--blue holds a password/,
    ],
    [
      'a file that is not there',
      {},
      { CROSSFADE_BLUE_URL_FILE: '/nowhere.url' },
      /CROSSFADE_BLUE_URL_FILE cannot be read: ENOENT/,
    ],
    ['a folder for a file', {}, { CROSSFADE_GREEN_URL_FILE: '/' }, /CROSSFADE_GREEN_URL_FILE cannot be read: EISDIR/],
    [
      'a meta namespace with a dot',
      { meta: 'a.b', blue: GREEN },
      {},
      /names "a\.b", which is no schema or database name/,
    ],
    ['an empty meta namespace', { meta: '', blue: GREEN }, {}, /names "", which is no schema/],
    [
      'the meta namespace of green',
      { meta: 'green', blue: 'mysql://host/x', green: GREEN },
      {},
      /the URL of green has its tables in "green"/,
    ],
    ['a meta namespace from the environment', { blue: GREEN }, { CROSSFADE_META: 'x"y' }, /no schema or database name/],
  ]

describe('settings with', () => {
  test.each(SETTING_CASES)('%s are refused with 2', async (_, flags, env, message) => {
    expectRefused(await errorOf(() => requireUrls(flags, env)), 'URL_INVALID', 2, message)
  })

  test('neither journal nor blue are refused with 2', async () => {
    expectRefused(
      await errorOf(() => requireJournal({}, {})),
      'URL_INVALID',
      2,
      /CROSSFADE_JOURNAL_URL .* or CROSSFADE_BLUE_URL/,
    )
  })

  test('none of these are read', () => {
    expect(readUrls({ blue: 'postgres://me@host/shop', green: GREEN }, {}).blue).toBe('postgres://me@host/shop')
  })
})

const FILE_CASES: readonly (readonly [what: string, path: () => string, message: RegExp])[] = [
  ['is not there', () => join(folder.path, 'gone.ts'), /there is no file .*gone\.ts/],
  [
    'is an empty folder',
    () => (mkdirSync(join(folder.path, 'empty')), join(folder.path, 'empty')),
    /holds no plan\.ts, plan\.js or plan\.mjs/,
  ],
  [
    'is prose',
    () => folder.write('prose.ts', 'This is a plan: move everything.\n'),
    /could not be loaded: .*ParseError/,
  ],
  ['is empty', () => folder.write('void.ts', ''), /no default export made by definePlan/],
  ['throws', () => folder.write('throws.ts', `throw new Error('out of order')\n`), /could not be loaded: out of order/],
  ['throws no error', () => folder.write('text.ts', `throw 'out of order'\n`), /could not be loaded: out of order/],
  [
    'imports what is not there',
    () => folder.write('import.ts', `import './nowhere.js'\n`),
    /could not be loaded: Cannot find module/,
  ],
  ['exports null', () => folder.write('null.ts', 'export default null'), /no default export made by definePlan/],
  ['is JSON', () => folder.write('data.json', '{}'), /no default export made by definePlan/],
  ['is broken JSON', () => folder.write('broken.json', '{'), /could not be loaded/],
  [
    'exports by name only',
    () => folder.write('named.ts', 'export const plan = 1\n'),
    /no default export made by definePlan/,
  ],
  [
    'exports a function',
    () => folder.write('function.ts', 'export default () => 1\n'),
    /no default export made by definePlan/,
  ],
  [
    'exports a promise',
    () => folder.write('promise.ts', 'export default Promise.resolve({})\n'),
    /no default export made by definePlan/,
  ],
  ['is binary', () => folder.write('binary.ts', '\u0000\u0001\u0002'), /could not be loaded|no default export/],
  [
    'uses a callback that throws',
    () =>
      folder.write(
        'callback.ts',
        `import shop from ${JSON.stringify(SHOP_PLAN)}\nexport default { ...shop, input: { ...shop.input, tables: () => { throw new Error('no tables today') } } }\n`,
      ),
    /no tables today/,
  ],
]

describe('a plan file that', () => {
  test.each(FILE_CASES)('%s is refused with 4', async (_, path, message) => {
    expectRefused(await errorOf(() => loadPlan(path())), 'PLAN_INVALID', 4, message)
  })
})

describe('a plan with', () => {
  test('nothing wrong is read', () => {
    expect(readPlan(definePlan(CLEAN())).problems).toEqual([])
  })

  test.each(PLAN_CASES)('%s is refused at %s', (_, path, change, message) => {
    const input = CLEAN()
    change(input)
    const { plan, problems } = readPlan(definePlan(input))
    expect(plan).toBeUndefined()
    const found = problems.find((problem) => problem.path === path && message.test(problem.message))
    expect(found, JSON.stringify(problems)).toBeDefined()
    for (const { hint } of problems) expect(hint.length).toBeGreaterThan(10)
  })
})
