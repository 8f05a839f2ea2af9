import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildProgram } from './bench/built-program.js'
import { hasServer, type Server, type ServerEngine, startServer, URL_VARIABLES } from './servers/index.ts'
import { MYSQL_BIN } from './servers/install-mysql.ts'
import { watchdog } from './servers/watchdog.ts'
import { addCounts, type Counts, countVitestReport, formatCounts, listTroubles } from './test-counts.ts'

const { values } = parseArgs({
  options: {
    /** A vitest filter: runs the matching test files alone, without the static checks. */
    only: { type: 'string', multiple: true },
    /** The suites of MySQL as well, on a server that is brought where there is none. */
    mysql: { type: 'boolean', default: false },
  },
})

const CHECKS = [
  { name: 'type check', program: 'tsc', args: ['--noEmit'] },
  { name: 'lint', program: 'oxlint', args: ['--deny-warnings', '--type-aware'] },
  { name: 'format check', program: 'prettier', args: ['--check', '--log-level=warn', '.'] },
  { name: 'dead code check', program: 'knip', args: ['--no-progress'] },
] as const

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)))
}

/** Runs a program of node_modules with our terminal. Returns if it succeeded. */
const runStep = async (name: string, program: string, args: readonly string[], env = process.env): Promise<boolean> => {
  stopping.signal.throwIfAborted()
  const startedAt = performance.now()
  const code = await new Promise<number | null>((resolve) => {
    const child = spawn(join('node_modules', '.bin', program), args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env,
      // A group of its own, which the watchdog ends when we are killed: workers, and the commands that tests started.
      detached: true,
    })
    const { pid } = child
    if (pid !== undefined) watchdog.guardProgram(pid)
    const stop = () => child.kill('SIGTERM')
    stopping.signal.addEventListener('abort', stop)
    child.once('error', (error) => {
      console.error(error.message)
      resolve(null)
    })
    child.once('exit', (exitCode) => {
      stopping.signal.removeEventListener('abort', stop)
      if (pid !== undefined) watchdog.forgetProcess(pid)
      resolve(exitCode)
    })
  })
  stopping.signal.throwIfAborted()
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  return code === 0
}

const runChecks = async (): Promise<Counts> => {
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  for (const { name, program, args } of CHECKS) {
    const isOk = await runStep(name, program, args)
    counts = addCounts(counts, { passed: isOk ? 1 : 0, failed: isOk ? 0 : 1, skipped: 0 })
  }
  return counts
}

const startTestServers = async (started: Server[]): Promise<NodeJS.ProcessEnv> => {
  const engines: ServerEngine[] = ['postgres', 'mariadb']
  if (values.mysql || (await hasServer('mysql'))) engines.push('mysql')
  else console.log('mysql: not in this run (npm test -- --mysql brings a server, CROSSFADE_TEST_MYSQL_URL names one)')
  const env: NodeJS.ProcessEnv = { ...process.env }
  // With the server come the programs that dump it.
  if (engines.includes('mysql')) env['PATH'] = `${MYSQL_BIN}${delimiter}${env['PATH'] ?? ''}`
  for (const engine of engines) {
    stopping.signal.throwIfAborted()
    const server = await startServer({ engine })
    started.push(server)
    env[URL_VARIABLES[engine][0]] = server.url
  }
  return env
}

const runTests = async (filters: readonly string[]): Promise<Counts> => {
  const folder = await mkdtemp(join(tmpdir(), 'crossfade-report-'))
  watchdog.guardDirectory(folder)
  const started: Server[] = []
  try {
    const env = await startTestServers(started)
    await using program = await buildProgram()
    env['CROSSFADE_TEST_PROGRAM'] = program.main
    const report = join(folder, 'vitest.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const isOk = await runStep('tests', 'vitest', ['run', ...reporters, ...filters], env)
    const json = await readFile(report, 'utf8').catch(() => undefined)
    if (!isOk) for (const trouble of listTroubles(json)) console.log(trouble)
    return countVitestReport(json, isOk)
  } finally {
    await Promise.allSettled(started.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
    watchdog.forgetDirectory(folder)
  }
}

let counts: Counts = { passed: 0, failed: 0, skipped: 0 }
try {
  if (values.only === undefined) counts = await runChecks()
  counts = addCounts(counts, await runTests(values.only ?? []))
} catch (error) {
  console.error(stopping.signal.aborted ? stopping.signal.reason : error)
  counts = addCounts(counts, { passed: 0, failed: 1, skipped: 0 })
}
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
console.log(formatCounts(counts))
