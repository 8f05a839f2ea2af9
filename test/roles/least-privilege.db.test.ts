/** The roles of scripts/roles.ts are enough for a whole migration there and back, and the application's is not enough for a command. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createPool } from '../../src/pool/index.ts'
import { blue } from '../fixtures/plans/shop.ts'
import { describeEachEngine, getServerUrl, runSql, type ServerEngine } from '../support/servers.ts'
import { createShop, SHOP_PLAN, type Shop } from '../support/shop.ts'

const PASSWORD = `it's \\ a "secret" %`
const ROLES = new URL('../../scripts/roles.ts', import.meta.url).pathname
const run = promisify(execFile)

interface Roles {
  readonly crossfade: string
  readonly application: string
  readonly owner: string
}

function as(url: string, role: string): string {
  const changed = new URL(url)
  changed.username = role
  changed.password = encodeURIComponent(PASSWORD)
  return changed.href
}

const namespaceOf = (engine: ServerEngine, url: string): string =>
  engine === 'postgres' ? new URL(url).searchParams.get('schema')! : new URL(url).pathname.slice(1)

/** What a company has before Crossfade comes: an owner of blue, and a role of the application that works with it. */
async function prepareApplication(shop: Shop, { application, owner }: Roles): Promise<void> {
  const text = PASSWORD.replaceAll("'", "''")
  if (shop.engine === 'postgres') {
    const tables = Object.keys(blue)
    await shop.sql(
      'blue',
      `CREATE ROLE ${owner} NOLOGIN`,
      `CREATE ROLE ${application} LOGIN PASSWORD '${text}'`,
      `ALTER SCHEMA blue OWNER TO ${owner}`,
      ...tables.map((table) => `ALTER TABLE ${table} OWNER TO ${owner}`),
      `GRANT USAGE ON SCHEMA blue TO ${application}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA blue TO ${application}`,
      `GRANT USAGE ON ALL SEQUENCES IN SCHEMA blue TO ${application}`,
    )
    return
  }
  await shop.sql(
    'blue',
    // Otherwise triggers need SUPER where there is a binary log.
    'SET GLOBAL log_bin_trust_function_creators = 1',
    `CREATE USER ${application}@'%' IDENTIFIED BY '${text.replaceAll('\\', '\\\\')}'`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${namespaceOf(shop.engine, shop.blueUrl)}.* TO ${application}@'%'`,
  )
}

async function makeRoles(shop: Shop, { crossfade, application, owner }: Roles): Promise<void> {
  const { engine, blueUrl, greenUrl, meta } = shop
  const [left, right] = [namespaceOf(engine, blueUrl), namespaceOf(engine, greenUrl)]
  const wishes = ['--engine', engine, '--role', crossfade, '--blue', left, '--green', right, '--meta', meta]
  const others = ['--application', application, ...(engine === 'postgres' ? ['--owner', owner] : [])]
  const env = { ...process.env, CROSSFADE_ADMIN_URL: blueUrl.split('?')[0], CROSSFADE_ROLE_PASSWORD: PASSWORD }
  const arguments_ = ['--import', 'tsx', ROLES, ...wishes, ...others]
  // Once more is harmless.
  for (let round = 0; round < 2; round += 1) await run(process.execPath, [...arguments_, '--apply'], { env })
  const { stdout } = await run(process.execPath, arguments_, { env })
  expect(stdout).toContain('GRANT')
  expect(stdout).not.toContain(PASSWORD)
}

async function dropRoles(engine: ServerEngine, roles: Roles): Promise<void> {
  for (const role of Object.values(roles) as string[]) {
    if (engine !== 'postgres') await runSql(engine, getServerUrl(engine), `DROP USER IF EXISTS ${role}@'%'`)
    else if (
      (await runSql(engine, getServerUrl(engine), `SELECT 1 FROM pg_roles WHERE rolname = '${role}'`)).length > 0
    )
      await runSql(engine, getServerUrl(engine), `DROP OWNED BY ${role}`, `DROP ROLE ${role}`)
  }
}

describeEachEngine('the least privileges', (engine) => {
  test('are enough for a migration there and back, and the application cannot command it', async () => {
    const suffix = randomBytes(4).toString('hex')
    const roles: Roles = { crossfade: `xf_${suffix}`, application: `app_${suffix}`, owner: `owner_${suffix}` }
    try {
      await using shop = await createShop(engine)
      await prepareApplication(shop, roles)
      await makeRoles(shop, roles)
      const env = {
        CROSSFADE_BLUE_URL: as(shop.blueUrl, roles.crossfade),
        CROSSFADE_GREEN_URL: as(shop.greenUrl, roles.crossfade),
      }
      const cli = async (exitCode: number, ...args: string[]) => {
        const result = await shop.cli([...args, '--json'], env)
        expect(result.exitCode, result.stdout + result.stderr).toBe(exitCode)
        return result.lines
      }

      const findings = (await cli(0, 'check', SHOP_PLAN)).filter(({ type }) => type === 'finding')
      const aboutRights = [
        'missing-permission',
        'not-owner',
        'replication-role',
        'row-security',
        'blind',
        'not-checked',
      ]
      expect(findings.filter(({ code }) => aboutRights.includes(String(code)))).toEqual([])

      const there = await cli(0, 'run', SHOP_PLAN, '--yes', '--until', 'validate')
      const backup = there.find(({ type }) => type === 'backup')
      expect(backup).toMatchObject({ isProven: true })
      expect(there.filter(({ type }) => type === 'switched')).toHaveLength(1)

      // The application finds green through the gate board, and may write there.
      const pool = createPool({
        blue: as(shop.blueUrl, roles.application),
        green: as(shop.greenUrl, roles.application),
        journal: as(shop.blueUrl, roles.application),
        meta: shop.meta,
        min: 1,
        max: 2,
      })
      try {
        await pool.query(`INSERT INTO orders (item_id, reference, status, cents) VALUES (1, 'in green', 'pending', 7)`)
        const { rows } = await pool.query(`SELECT count(*) AS n FROM orders WHERE reference = 'in green'`)
        expect(Number(rows[0]?.['n'])).toBe(1)
      } finally {
        await pool.end()
      }

      // The mark of Crossfade's sessions opens the fence to Crossfade's role alone; MySQL and MariaDB know no such members.
      if (engine === 'postgres') {
        const past = ["SET crossfade.sync = 'on'", 'UPDATE blue.orders SET cents = 99 WHERE id = 1']
        const closed = runSql(engine, as(shop.blueUrl, roles.application).split('?')[0]!, ...past)
        await expect(closed).rejects.toThrow('crossfade: side blue is closed')
      }

      const asApplication = as(shop.blueUrl, roles.application).split('?')[0]!
      for (const statement of [
        `INSERT INTO ${shop.meta}.commands (migration_id, plan) VALUES (1, 'shop')`,
        `UPDATE ${shop.meta}.migrations SET authority = 'blue'`,
        `SELECT * FROM ${shop.meta}.events`,
        `DELETE FROM ${shop.meta}.lease`,
        `UPDATE ${shop.meta}.gate SET side = 'blue'`,
      ])
        await expect(runSql(engine, asApplication, statement), statement).rejects.toThrow(/denied/)

      await cli(5, 'rollback', SHOP_PLAN)
      const [kept] = await shop.sql('blue', `SELECT count(*) AS n FROM orders WHERE reference = 'in green'`)
      expect(Number(kept?.['n'])).toBe(1)
      await cli(0, 'complete', SHOP_PLAN)
      expect(await shop.remains()).toEqual([])
    } finally {
      await dropRoles(engine, roles)
    }
  })
})
