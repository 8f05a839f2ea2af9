/** Passwords and values of rows are nowhere: not in output, log file, journal, report, backup or the list of processes. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tamper } from '../support/crossfade-session.js'
import { createPlanFolder } from '../support/plan-file.js'
import { describeEachEngine, getServerUrl, runSql } from '../support/servers.js'
import { createShop, SHOP_PLAN, type Shop } from '../support/shop.js'
import { watch } from '../support/watch.js'

// In a URL it looks different.
const PASSWORD = 'hunter2@%secret'
const ROW = 'somebody@example.org'
const FAILING = JSON.stringify({
  postgres: `SELECT CAST(reference AS integer) FROM orders WHERE reference LIKE '%@%'`,
  mysql: `SELECT EXTRACTVALUE(1, CONCAT('~', reference)) FROM orders WHERE reference LIKE '%@%'`,
  // Takes constant paths only. No error of a question that it has holds a value.
  mariadb: `SELECT 18446744073709551615 + LENGTH(reference) FROM orders WHERE reference LIKE '%@%'`,
})

/** Command lines of all processes, as every user of the machine can read them. */
function processList(): string {
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return '' // It has ended.
      }
    })
  return lines.join('\n')
}

async function journalText(shop: Shop): Promise<string> {
  const tables = ['migrations', 'events', 'commands', 'progress', 'lease', 'clients', 'gate']
  const texts = []
  for (const table of tables)
    texts.push(JSON.stringify(await runSql(shop.engine, shop.blueUrl, `SELECT * FROM ${shop.meta}.${table}`)))
  return texts.join('\n')
}

describeEachEngine('a secret', (engine) => {
  test('is nowhere to be read, whether all goes well or not', async () => {
    const user = `xf_${randomBytes(4).toString('hex')}`
    const [create, drop] =
      engine === 'postgres'
        ? [`CREATE ROLE ${user} SUPERUSER LOGIN PASSWORD '${PASSWORD}'`, `DROP ROLE IF EXISTS ${user}`]
        : [`CREATE USER ${user}@'%' IDENTIFIED BY '${PASSWORD}'`, `DROP USER IF EXISTS ${user}@'%'`]
    await runSql(engine, getServerUrl(engine), create)
    if (engine !== 'postgres')
      await runSql(engine, getServerUrl(engine), `GRANT ALL PRIVILEGES ON *.* TO ${user}@'%' WITH GRANT OPTION`)
    try {
      await using shop = await createShop(engine)
      using folder = createPlanFolder()
      const as = (url: string, password: string): string => {
        const changed = new URL(url)
        changed.username = user
        changed.password = encodeURIComponent(password)
        return changed.href
      }
      await shop.sql('blue', `UPDATE orders SET reference = '${ROW}' WHERE reference = 'a'`)
      const log = join(folder.path, 'run.log')
      const backups = join(folder.path, 'backup')
      const env = {
        CROSSFADE_BACKUP_DIR: backups,
        CROSSFADE_BLUE_URL: as(shop.blueUrl, PASSWORD),
        CROSSFADE_GREEN_URL: as(shop.greenUrl, PASSWORD),
      }
      const seen: string[] = []
      const look = setInterval(() => seen.push(processList()), 5)
      const outputs: string[] = []
      const cli = async (...args: string[]): Promise<number | null> => {
        const { exitCode, stdout, stderr } = await watch(shop.spawn(args, env)).result
        outputs.push(stdout, stderr)
        return exitCode
      }
      expect(await cli('check', SHOP_PLAN)).toBe(0)
      expect(await cli('run', SHOP_PLAN, '--log-file', log, '--until', 'dual-write-sync')).toBe(0)
      // The server's own words for this hold the row.
      const failing = folder.shopWith(
        'failing.ts',
        `{ invariants: [{ name: 'fails', blue: ${FAILING}, green: ${FAILING} }] }`,
      )
      expect(await cli('run', failing, '--json', '--log-file', log, '--yes')).toBe(1)
      await tamper(shop, 'green', `UPDATE orders SET reference = 'other' WHERE reference = '${ROW}'`)
      expect(await cli('verify', SHOP_PLAN)).toBe(3)
      expect(await cli('status', SHOP_PLAN)).toBe(0)
      expect(await cli('report', SHOP_PLAN, '--markdown')).toBe(0)
      expect(await cli('run', SHOP_PLAN, '--blue', as(shop.blueUrl, PASSWORD))).toBe(2)
      clearInterval(look)

      const wrong = await shop.cli(['status', SHOP_PLAN], { CROSSFADE_BLUE_URL: as(shop.blueUrl, `not-${PASSWORD}`) })
      expect(wrong.exitCode).toBe(1)
      outputs.push(wrong.stdout, wrong.stderr)

      const backup = readdirSync(backups, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.json'))
        .map((file) => readFileSync(join(backups, file), 'utf8'))
      expect(backup.length).toBeGreaterThan(0)
      const logged = readFileSync(log, 'utf8')
      expect(logged).toContain('a phase failed')
      const places = {
        outputs: outputs.join('\n'),
        logged,
        journal: await journalText(shop),
        backup: backup.join('\n'),
      }
      for (const [place, text] of Object.entries(places)) {
        expect(text.length, place).toBeGreaterThan(100)
        for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(text.includes(secret), place).toBe(false)
        expect(text.includes(ROW), `a value in ${place}`).toBe(false)
      }
      // The command of this test itself that has a password in a flag is the only one.
      const processes = seen
        .flatMap((list) => list.split('\n'))
        .filter((line) => line.includes(encodeURIComponent(PASSWORD)) || line.includes(PASSWORD))
      expect(processes.filter((line) => !line.includes('--blue'))).toEqual([])
      expect(seen.some((list) => /main\.[jt]s run/.test(list))).toBe(true)
    } finally {
      await runSql(engine, getServerUrl(engine), drop)
    }
  })

  test('is in no file while a dump program runs, where a kill would leave it', async () => {
    await using shop = await createShop(engine)
    using folder = createPlanFolder()
    const [bin, temporary, found] = ['bin', 'tmp', 'found'].map((name) => join(folder.path, name))
    for (const path of [bin!, temporary!]) mkdirSync(path)
    const { password } = new URL(shop.blueUrl)
    // The real program, behind a look at what lies in the temporary folder when it starts.
    for (const program of ['pg_dump', 'pg_restore', 'mariadb-dump', 'mariadb', 'mysqldump', 'mysql'])
      writeFileSync(
        join(bin!, program),
        `#!/bin/sh
case "$*" in *--version*) ;; *) echo "$0" >> '${found}'; grep -rlF '${password}' '${temporary}' >> '${found}' ;; esac
PATH="\${PATH#*:}" exec ${program} "$@"
`,
        { mode: 0o755 },
      )
    const env = { PATH: `${bin}:${process.env['PATH']}`, TMPDIR: temporary }
    const { exitCode, lines, stdout } = await watch(shop.spawn(['run', SHOP_PLAN, '--until', 'backup', '--json'], env))
      .result
    expect(exitCode, stdout).toBe(0)
    const tool = lines.find(({ type }) => type === 'backup')?.['tool']
    const started = existsSync(found!) ? readFileSync(found!, 'utf8').trim().split('\n') : []
    expect(started.filter((line) => !line.startsWith(bin!))).toEqual([])
    // Where the server has no dump program on this machine, nothing was started.
    if (tool === 'built-in') expect(started).toEqual([])
    else expect(started).toContain(join(bin!, String(tool)))
  })
})
