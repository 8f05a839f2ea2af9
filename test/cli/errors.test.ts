/** What can go wrong between a user and the servers: exit code, message and hint, and that nothing was changed by it. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { footprint } from '../support/footprint.js'
import { createPlanFolder } from '../support/plan-file.js'
import { describeEachEngine, getServerUrl, runSql } from '../support/servers.js'
import { createShop, SHOP_PLAN, type CliResult, type Shop } from '../support/shop.js'

const LOGIN_HINT = 'Check host, port, user, password and database of the URL; the server must accept this user.'

const withUrl = (url: string, change: (url: URL) => void): string => {
  const changed = new URL(url)
  change(changed)
  return changed.href
}
/** The last line of `--json`, which is the error. */
const errorOf = ({ exitCode, lines, stderr }: CliResult): unknown => ({ exitCode, stderr, line: lines.at(-1) })
const failure = (exitCode: number, line: object): unknown => ({
  exitCode,
  stderr: '',
  line: { v: 1, type: 'error', exitCode, ...line },
})

describeEachEngine('before a migration', (engine) => {
  let shop: Shop
  let before: unknown
  const folder = createPlanFolder()
  const { user, password } = { user: `limited_${randomBytes(4).toString('hex')}`, password: 'hunter2' }
  beforeAll(async () => {
    shop = await createShop(engine)
    before = await footprint(shop)
  })
  afterAll(async () => {
    folder[Symbol.dispose]()
    await shop[Symbol.asyncDispose]()
    await runSql(
      engine,
      getServerUrl(engine),
      engine === 'postgres' ? `DROP ROLE IF EXISTS ${user}` : `DROP USER IF EXISTS ${user}@'%'`,
    )
  })

  test('a server that does not answer, does not let in, or has no such database ends with 1', async () => {
    const closed = withUrl(shop.blueUrl, (url) => (url.port = '1'))
    const wrong = withUrl(shop.blueUrl, (url) => (url.password = 'hunter2'))
    const nowhere = withUrl(shop.blueUrl, (url) => (url.pathname = '/nowhere'))
    const results = await Promise.all([
      shop.cli(['run', SHOP_PLAN, '--json'], { CROSSFADE_BLUE_URL: closed }),
      shop.cli(['run', SHOP_PLAN, '--json'], {
        CROSSFADE_GREEN_URL: withUrl(shop.greenUrl, (url) => (url.port = '1')),
      }),
      shop.cli(['check', SHOP_PLAN, '--json'], { CROSSFADE_BLUE_URL: wrong }),
      shop.cli(['status', SHOP_PLAN, '--json'], { CROSSFADE_BLUE_URL: nowhere }),
    ])
    const reasons = [
      /ECONNREFUSED/,
      /ECONNREFUSED/,
      engine === 'postgres' ? /password authentication failed.*28P01/ : /Access denied for user.*1045/,
      engine === 'postgres' ? /database "nowhere" does not exist/ : /Unknown database 'nowhere'/,
    ]
    for (const [index, result] of results.entries()) {
      expect(errorOf(result)).toEqual(
        failure(1, { code: 'CONNECT_FAILED', message: expect.stringMatching(reasons[index]!), hint: LOGIN_HINT }),
      )
      expect(result.stdout).toMatch(/cannot connect to \S+/)
      expect(result.stdout).not.toContain('hunter2')
      expect(result.stdout).not.toContain(new URL(shop.blueUrl).password + '@')
    }
    expect(await footprint(shop)).toEqual(before)
  })

  test('two engines are refused with 2', async () => {
    const other = engine === 'postgres' ? 'mariadb' : 'postgres'
    const url = withUrl(
      getServerUrl(other),
      (changed) => (changed.pathname = other === 'postgres' ? 'postgres' : 'mysql'),
    )
    for (const command of ['run', 'check'])
      expect(errorOf(await shop.cli([command, SHOP_PLAN, '--json'], { CROSSFADE_GREEN_URL: url }))).toEqual(
        failure(2, {
          code: 'URL_INVALID',
          message: `blue is ${engine} and green is ${other}; both sides must be of one engine`,
          hint: expect.stringContaining('postgres://'),
        }),
      )
    expect(await footprint(shop)).toEqual(before)
  })

  test('commands that need a migration are refused with 4', async () => {
    const commands = ['status', 'verify', 'cutover', 'pause', 'abort', 'report']
    for (const command of commands)
      expect(errorOf(await shop.cli([command, SHOP_PLAN, '--json']))).toEqual(
        failure(4, {
          code: 'NO_MIGRATION',
          message: 'there is no migration of plan "shop" in this journal',
          hint: '`crossfade run` begins one. One that goes on elsewhere is found by its --journal and --meta.',
        }),
      )
    expect(await footprint(shop)).toEqual(before)
  })

  test('a blue that is not as the plan says is refused with 4, every difference at once', async () => {
    await shop.sql('blue', 'ALTER TABLE orders ADD COLUMN surprise int', 'ALTER TABLE shops DROP COLUMN fax')
    const drifted = await footprint(shop)
    const found = [
      {
        side: 'blue',
        code: 'missing-column',
        message: 'the column shops.fax of the plan is not there',
        hint: 'Mend the schema of the plan or make what is missing.',
      },
      {
        side: 'blue',
        code: 'unknown-column',
        message: 'blue has the column orders.surprise, which the plan does not know',
        hint: 'Add the column to the schema of the plan and say where it goes.',
      },
    ]
    const blocking = ({ lines }: CliResult): unknown[] => lines.filter(({ severity }) => severity === 'blocking')
    const check = await shop.cli(['check', SHOP_PLAN, '--json'])
    expect(check.exitCode).toBe(4)
    expect(blocking(check)).toMatchObject(found)
    expect(check.lines.at(-1)).toMatchObject({ type: 'summary', outcome: 'refused', blocking: 2, isLive: true })
    expect(await footprint(shop)).toEqual(drifted)

    const run = await shop.cli(['run', SHOP_PLAN, '--json'])
    expect(blocking(run)).toMatchObject(found)
    expect(run.lines.at(-1)).toEqual({
      v: 1,
      type: 'exit',
      outcome: 'refused',
      reason: found.map(({ message, hint }) => `${message}. ${hint}`).join('\n'),
      exitCode: 4,
    })
    // The run keeps its journal, so that `report` can tell; an abort takes that away as well.
    expect((await shop.cli(['abort', SHOP_PLAN])).exitCode).toBe(0)
    expect(await footprint(shop)).toEqual(drifted)
    await shop.sql('blue', 'ALTER TABLE orders DROP COLUMN surprise', 'ALTER TABLE shops ADD COLUMN fax varchar(40)')
    await shop.sql('blue', `UPDATE shops SET fax = '123' WHERE id = 1`)
    expect(await footprint(shop)).toEqual(before)
  })

  test('an invariant and a probe that blue cannot be asked are refused with 4', async () => {
    const both = (text: string): string => JSON.stringify({ postgres: text, mysql: text })
    const plan = folder.shopWith(
      'impossible.ts',
      `{
        invariants: [...shop.input.invariants, { name: 'hashes', blue: ${both('SELECT NO_SUCH_HASH(reference) FROM orders')}, green: ${both('SELECT 1')} }],
        probes: [...shop.input.probes, { name: 'lost', blue: ${both('SELECT 1;\nSELECT lost FROM orders')}, green: ${both('SELECT 1')}, afterMs: 100 }],
      }`,
    )
    const check = await shop.cli(['check', plan, '--json'])
    expect(check.exitCode, check.stdout).toBe(4)
    expect(check.lines.filter(({ severity }) => severity === 'blocking')).toMatchObject([
      { code: 'impossible-question', message: expect.stringMatching(/invariant "hashes" .* on blue: .*no_such_hash/i) },
      { code: 'impossible-question', message: expect.stringMatching(/probe "lost" .* on blue: .*lost/) },
    ])
    expect(await footprint(shop)).toEqual(before)
  })

  test('a permission that is missing is named with the statement that grants it', async () => {
    if (engine === 'postgres')
      await runSql(
        engine,
        shop.blueUrl,
        `CREATE ROLE ${user} LOGIN PASSWORD '${password}'`,
        `GRANT USAGE ON SCHEMA blue, green TO ${user}`,
        `GRANT SELECT ON ALL TABLES IN SCHEMA blue TO ${user}`,
      )
    else {
      const database = new URL(shop.blueUrl).pathname.slice(1)
      await runSql(
        engine,
        getServerUrl(engine),
        `CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`,
        `GRANT SELECT ON \`${database}\`.* TO ${user}@'%'`,
        `GRANT SELECT ON \`${new URL(shop.greenUrl).pathname.slice(1)}\`.* TO ${user}@'%'`,
      )
    }
    const as = (url: string): string =>
      withUrl(url, (changed) => {
        changed.username = user
        changed.password = password
      })
    const env = { CROSSFADE_BLUE_URL: as(shop.blueUrl), CROSSFADE_GREEN_URL: as(shop.greenUrl) }
    const check = await shop.cli(['check', SHOP_PLAN, '--json'], env)
    expect(check.stderr).toBe('')
    expect(check.exitCode, check.stdout).toBe(4)
    const blocking = check.lines.filter(({ severity }) => severity === 'blocking')
    const codes = new Set(blocking.map(({ side, code }) => `${String(side)} ${String(code)}`))
    if (engine === 'postgres')
      expect(codes).toEqual(
        new Set([
          'blue replication-role',
          'blue missing-permission',
          'blue not-owner',
          'green replication-role',
          'green missing-permission',
        ]),
      )
    else expect([...codes]).toEqual(expect.arrayContaining(['blue missing-permission', 'green missing-permission']))
    for (const { hint } of blocking) expect(hint).toMatch(/GRANT|superuser|owner/i)

    const run = await shop.cli(['run', SHOP_PLAN, '--json'], env)
    expect(errorOf(run)).toEqual(
      failure(1, {
        code: 'PERMISSION_DENIED',
        message: expect.stringMatching(engine === 'postgres' ? /permission denied/ : /denied/),
        hint: 'Grant the permission named above; docs/permissions.md has the roles.',
      }),
    )
    for (const { stdout } of [check, run]) expect(stdout).not.toContain(password)
    expect(await footprint(shop)).toEqual(before)
    if (engine === 'postgres') await runSql(engine, shop.blueUrl, `DROP OWNED BY ${user}`)
  })
})
