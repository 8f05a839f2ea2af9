/** What goes wrong before any server is asked: flags, URLs and plan files. Nothing here has a server to change. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createPlanFolder } from '../support/plan-file.js'
import { CROSSFADE } from '../support/program.js'
import { finished, SHOP_PLAN, type CliResult } from '../support/shop.js'

const COMMANDS = [
  'check',
  'run',
  'status',
  'verify',
  'cutover',
  'rollback',
  'pause',
  'resume',
  'complete',
  'abort',
  'report',
]
const FORM =
  'Use postgres://user:password@host:port/database?schema=name or mysql://user:password@host:port/database; files that it names must be readable.'

const folder = createPlanFolder()
afterAll(() => folder[Symbol.dispose]())

/** The command line with no URL in its environment but those given. */
function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  const { PATH, HOME } = process.env
  return finished(spawn(process.execPath, [...CROSSFADE, ...args], { env: { PATH, HOME, ...env } }))
}

const refusal = (exitCode: number, stderr: string): object => ({ exitCode, stdout: '', stderr })

describe('flags', () => {
  test('that nobody knows are refused with 2, and so are commands and missing plans', async () => {
    const [flag, command, plan, phase, several, nothing] = await Promise.all([
      cli(['run', SHOP_PLAN, '--force']),
      cli(['migrate', SHOP_PLAN]),
      cli(['run']),
      cli(['run', SHOP_PLAN, '--until', 'halfway']),
      cli(['report', SHOP_PLAN, '--html', '--junit']),
      cli([]),
    ])
    const help = '(`crossfade --help` shows the commands)'
    expect(flag).toMatchObject(refusal(2, `error: unknown option '--force'\n${help}\n`))
    expect(command).toMatchObject(refusal(2, `error: unknown command 'migrate'\n${help}\n`))
    expect(plan).toMatchObject(refusal(2, `error: missing required argument 'plan'\n${help}\n`))
    expect(phase.exitCode).toBe(2)
    expect(phase.stderr).toContain(
      "error: option '--until <phase>' argument 'halfway' is invalid. One of backup, parallel-schema, dual-write-sync, cutover, validate, complete, rollback.",
    )
    expect(several.exitCode).toBe(2)
    expect(several.stderr).toContain("error: option '--html' cannot be used with option '--junit'")
    expect(nothing.exitCode).toBe(2)
    expect(nothing.stderr).toContain('Usage: crossfade')
  })

  test('for help and version are no errors', async () => {
    const [help, version, ofRun] = await Promise.all([cli(['--help']), cli(['--version']), cli(['run', '--help'])])
    expect([help.exitCode, version.exitCode, ofRun.exitCode]).toEqual([0, 0, 0])
    for (const command of COMMANDS) expect(help.stdout).toContain(`  ${command} `)
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    for (const flag of [
      '--blue',
      '--green',
      '--journal',
      '--meta',
      '--yes',
      '--until',
      '--wait',
      '--backup-dir',
      '--log-file',
    ])
      expect(ofRun.stdout).toContain(flag)
  })
})

describe('URLs', () => {
  test('that are missing are named, by flag and variable, whatever the command', async () => {
    const both = 'not given: CROSSFADE_BLUE_URL (or --blue) and CROSSFADE_GREEN_URL (or --green)'
    const commands = ['run', 'verify', 'abort', 'report']
    for (const result of await Promise.all(commands.map((name) => cli([name, SHOP_PLAN]))))
      expect(result).toMatchObject(refusal(2, `crossfade: ${both}\n${FORM}\n`))
    const [status, green, json] = await Promise.all([
      cli(['status', SHOP_PLAN]),
      cli(['run', SHOP_PLAN], { CROSSFADE_BLUE_URL: 'postgres://127.0.0.1:1/shop' }),
      cli(['run', SHOP_PLAN, '--json']),
    ])
    expect(status).toMatchObject(
      refusal(
        2,
        `crossfade: not given: CROSSFADE_JOURNAL_URL (or --journal) or CROSSFADE_BLUE_URL (or --blue)\n${FORM}\n`,
      ),
    )
    expect(green.stderr).toBe(`crossfade: not given: CROSSFADE_GREEN_URL (or --green)\n${FORM}\n`)
    // Under --json an error is a line like any other, and standard error stays empty.
    expect(json).toMatchObject({ exitCode: 2, stderr: '' })
    expect(json.lines).toEqual([{ v: 1, type: 'error', code: 'URL_INVALID', message: both, hint: FORM, exitCode: 2 }])
  })

  test('with a password are refused as a flag, and not repeated', async () => {
    const message = (name: string): string =>
      `--${name} holds a password, which every user of this machine can read; set CROSSFADE_${name.toUpperCase()}_URL or CROSSFADE_${name.toUpperCase()}_URL_FILE instead, or --ask-password`
    const results = await Promise.all([
      cli(['run', SHOP_PLAN, '--json', '--blue', 'postgres://me:hunter2@127.0.0.1:1/shop']),
      cli(['run', SHOP_PLAN, '--json', '--green=postgres://127.0.0.1:1/shop?user=me&password=hunter2']),
      // No URLs by the letter.
      cli(['run', SHOP_PLAN, '--json', '--blue', 'mysql://me:hunter2#@127.0.0.1:1/shop']),
      cli(['status', SHOP_PLAN, '--json', '--journal', 'mysql://me:hunter2@127.0.0.1:port/shop']),
    ])
    for (const [index, name] of ['blue', 'green', 'blue', 'journal'].entries()) {
      const { exitCode, lines, stdout, stderr } = results[index]!
      expect(exitCode).toBe(2)
      expect(lines).toMatchObject([{ code: 'URL_INVALID', message: message(name), hint: FORM, exitCode: 2 }])
      expect(stdout + stderr).not.toContain('hunter2')
    }
  })

  test('that nothing can be done with are told without their password, before any server is asked', async () => {
    const cases: [string, string][] = [
      ['nonsense', 'the URL of blue is not a URL'],
      ['oracle://me:hunter2@host/shop', 'the URL of blue has the unknown scheme "oracle:"'],
      ['postgres://me:hunter2@host', 'the URL of blue names no database: postgres://me:***@host'],
      ['mysql://me:hunter2%zz@host/shop', 'the URL of blue has a broken % escape'],
      [
        'postgres://me:hunter2@host/shop?schema=a%22b',
        'the URL of blue names "a"b", which is no schema or database name that Crossfade accepts',
      ],
      [
        'postgres://me:hunter2@host/shop?schema=crossfade',
        `the URL of blue has its tables in "crossfade", which is also the namespace of Crossfade's own objects`,
      ],
    ]
    const commands = ['run', 'check', 'status', 'verify', 'cutover', 'report']
    const results = await Promise.all(
      cases.map(([url], index) =>
        cli([commands[index]!, SHOP_PLAN], {
          CROSSFADE_BLUE_URL: url,
          CROSSFADE_GREEN_URL: 'postgres://127.0.0.1:1/shop?schema=green',
        }),
      ),
    )
    for (const [index, { exitCode, stderr, stdout }] of results.entries()) {
      expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: `crossfade: ${cases[index]![1]}\n${FORM}\n` })
      expect(stdout).not.toContain('hunter2')
    }
  })

  test('come from a file, which must be there', async () => {
    const file = folder.write('blue.url', 'oracle://me:hunter2@host/shop\n')
    const [found, missing] = await Promise.all([
      cli(['status', SHOP_PLAN], { CROSSFADE_BLUE_URL_FILE: file }),
      cli(['status', SHOP_PLAN], { CROSSFADE_BLUE_URL_FILE: `${file}.gone` }),
    ])
    expect(found).toMatchObject(refusal(2, `crossfade: the URL of blue has the unknown scheme "oracle:"\n${FORM}\n`))
    expect(missing.exitCode).toBe(2)
    expect(missing.stderr).toContain('crossfade: CROSSFADE_BLUE_URL_FILE cannot be read: ENOENT')
  })
})

describe('a plan file', () => {
  const HINT = 'Mend the places named above and run `crossfade check` again.'
  const URLS = {
    CROSSFADE_BLUE_URL: 'postgres://127.0.0.1:1/shop?schema=blue',
    CROSSFADE_GREEN_URL: 'postgres://127.0.0.1:1/shop?schema=green',
  }

  test('that is missing, or does not run, is refused with 4 by every command before any server is asked', async () => {
    mkdirSync(join(folder.path, 'empty'), { recursive: true })
    const cases: [string, string | RegExp][] = [
      [join(folder.path, 'gone.ts'), `there is no file ${join(folder.path, 'gone.ts')}`],
      [join(folder.path, 'empty'), `the folder ${join(folder.path, 'empty')} holds no plan.ts, plan.js or plan.mjs`],
      [folder.write('prose.ts', 'This is a plan: move everything.\n'), /prose\.ts could not be loaded: .*ParseError/],
      [
        folder.write('throws.ts', `\nthrow new Error('out of order')\n`),
        /throws\.ts could not be loaded: out of order \(throws\.ts:2\)/,
      ],
      [folder.write('import.ts', `import './nowhere.js'\n`), /import\.ts could not be loaded: Cannot find module/],
      [
        folder.write('data.json', '{}'),
        /the plan has 1 problem:\n {2}\(plan\): the file has no default export made by definePlan/,
      ],
      [
        folder.write('nothing.ts', 'export const plan = 1\n'),
        /the file has no default export made by definePlan\. Write `export default definePlan/,
      ],
    ]
    const results = await Promise.all(cases.map(([path]) => cli(['run', path, '--json'], URLS)))
    for (const [index, { exitCode, lines, stderr }] of results.entries()) {
      expect({ exitCode, stderr }, cases[index]![0]).toEqual({ exitCode: 4, stderr: '' })
      const [, message] = cases[index]!
      expect(lines).toEqual([
        {
          v: 1,
          type: 'error',
          code: 'PLAN_INVALID',
          message: typeof message === 'string' ? message : expect.stringMatching(message),
          hint: HINT,
          exitCode: 4,
        },
      ])
    }
    const gone = join(folder.path, 'gone.ts')
    for (const result of await Promise.all(['check', 'status', 'cutover'].map((name) => cli([name, gone], URLS))))
      expect(result).toMatchObject(refusal(4, `crossfade: there is no file ${gone}\n${HINT}\n`))
  })

  test('with several problems tells all of them at once, each with its path and what to do', async () => {
    const plan = folder.shopWith(
      'wrong.ts',
      `{
        limits: { holdBudgetMs: 60_000, patience: 1 },
        hooks: [{ at: 'midnight', command: 'true' }],
        green: { ...shop.input.green, orders: { columns: { id: { type: 'number' } }, primaryKey: ['nr'] } },
      }`,
    )
    const [check, json, run] = await Promise.all([
      cli(['check', plan]),
      cli(['check', plan, '--json']),
      cli(['run', plan], URLS),
    ])
    expect(json.exitCode).toBe(4)
    expect(json.lines.map(({ path, type, outcome, problems }) => path ?? { type, outcome, problems })).toEqual([
      'limits.holdBudgetMs',
      'limits',
      'hooks.0.at',
      'green.orders.columns.id.type',
      { type: 'summary', outcome: 'refused', problems: 4 },
    ])
    expect(check.exitCode).toBe(4)
    expect(check.stdout).toMatch(/\nThe plan has 4 problems\.\n$/)
    expect(run.exitCode).toBe(4)
    expect(run.stderr).toMatch(/^crossfade: the plan has 4 problems:\n/)
    for (const { type, path, message, hint } of json.lines)
      if (type === 'problem') {
        expect(check.stdout).toContain(`${String(path)}: ${String(message)}. ${String(hint)}\n`)
        expect(run.stderr).toContain(`  ${String(path)}: ${String(message)}. ${String(hint)}\n`)
      }
  })

  test('is also one in JavaScript, and a folder that holds it', async () => {
    folder.write(
      'plan.mjs',
      `import shop from ${JSON.stringify(SHOP_PLAN)}\nexport default { ...shop, input: { ...shop.input, name: 'by-folder' } }\n`,
    )
    const { exitCode, lines } = await cli(['check', folder.path, '--json'])
    expect(exitCode).toBe(0)
    expect(lines.at(-1)).toMatchObject({ type: 'summary', outcome: 'ok', plan: 'by-folder', isLive: false })
  })
})

describe('check without databases', () => {
  test('prints what becomes of each table of the appointments, and counts them', async () => {
    const plan = new URL('../../plans/appointments', import.meta.url).pathname
    const [text, json] = await Promise.all([cli(['check', plan]), cli(['check', plan, '--json'])])
    expect([text.exitCode, json.exitCode]).toEqual([0, 0])
    expect(text.stderr).toBe('')
    expect(text.stdout).toContain('85 tables to 18: 44 mapped, 18 folded, 23 retired; ')
    expect(text.stdout).toContain(
      'Not looked at: the databases (CROSSFADE_BLUE_URL and CROSSFADE_GREEN_URL say where they are).',
    )
    const tables = json.lines.filter(({ type }) => type === 'table')
    const of = (kind: string): number => tables.filter((row) => row['kind'] === kind).length
    expect([tables.length, of('map'), of('fold'), of('retire')]).toEqual([85, 44, 18, 23])
    expect(json.lines.at(-1)).toMatchObject({
      v: 1,
      type: 'summary',
      outcome: 'ok',
      plan: 'appointments',
      blueTables: 85,
      greenTables: 18,
      mapped: 44,
      folded: 18,
      retired: 23,
      blocking: 0,
      isLive: false,
    })
    // One row for each table: its name, what becomes of it, where to, and its way back.
    const rows = text.stdout.split('\n')
    for (const { table, kind, into, wayBack } of tables)
      expect(rows.filter((row) => new RegExp(`^${String(table)} +${String(kind)} `).test(row))).toEqual([
        expect.stringMatching(new RegExp(` ${String(into).replaceAll('.', '\\.')} +${String(wayBack)}`)),
      ])
    for (const { columns, kind, reasons } of tables)
      if (kind === 'retire') expect(reasons).toEqual({ '*': expect.stringMatching(/\w/) })
      else expect(Object.keys(columns as object).length).toBeGreaterThan(0)
  })
})
