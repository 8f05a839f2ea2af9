/** pg_dump and pg_restore: where they are, whether they suit the server, and how they are run. */
import { execFile, spawn } from 'node:child_process'
import { access, constants, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { CrossfadeError } from '../errors.js'
import { deleteTlsParameters, setLibpqTls } from './tls.js'

const run = promisify(execFile)
const DEBIAN = '/usr/lib/postgresql'
/** Enough to see what went wrong. */
const MAX_COMPLAINT_LENGTH = 2_000

export interface Program {
  readonly path: string
  readonly version: string
  readonly major: number
}

/** The newest one that is not older than the server: pg_dump refuses newer servers. */
export async function findProgram(
  name: 'pg_dump' | 'pg_restore',
  serverMajor: number,
): Promise<Program | { reason: string }> {
  const found: Program[] = []
  for (const directory of await directories()) {
    const program = await probe(join(directory, name))
    if (program) found.push(program)
  }
  const [best] = found.filter(({ major }) => major >= serverMajor).toSorted((a, b) => a.major - b.major)
  if (best) return best
  const [newest] = found.toSorted((a, b) => b.major - a.major)
  return {
    reason: newest
      ? `${name} ${newest.version} is older than the server (${serverMajor})`
      : `there is no ${name} on this machine`,
  }
}

async function directories(): Promise<string[]> {
  const versions = await readdir(DEBIAN).catch(() => [])
  return [
    ...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean),
    ...versions.map((version) => join(DEBIAN, version, 'bin')),
  ]
}

async function probe(path: string): Promise<Program | undefined> {
  try {
    // A process for each folder of a long PATH, to learn that it is not there, takes seconds on a small machine.
    await access(path, constants.X_OK)
    const { stdout } = await run(path, ['--version'])
    const [, version, major] = /\(PostgreSQL\) ((\d+)\S*)/.exec(stdout) ?? []
    return version === undefined ? undefined : { path, version, major: Number(major) }
  } catch {
    return undefined
  }
}

/** A network that drops packets would keep the program for hours: its kernel is to find out within half a minute. */
const KEEP_ALIVE = {
  keepalives_idle: '10',
  keepalives_interval: '5',
  keepalives_count: '4',
  tcp_user_timeout: '30000',
} as const

/** Runs a program of libpq against `url`. The password goes by the environment: arguments are visible to everybody. */
export async function runProgram(
  path: string,
  url: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const target = new URL(url)
  target.searchParams.delete('schema')
  deleteTlsParameters(target)
  setLibpqTls(target, url)
  const password = decodeURIComponent(target.password)
  target.password = ''
  for (const [name, value] of Object.entries(KEEP_ALIVE))
    if (!target.searchParams.has(name)) target.searchParams.set(name, value)
  const child = spawn(path, [...args, `--dbname=${target.href}`], {
    env: { ...process.env, ...(password === '' ? {} : { PGPASSWORD: password }), PGAPPNAME: 'crossfade/backup' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  return finish(child, path)
}

/** Runs a program that talks to no server. */
export async function runLocally(path: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return finish(spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], signal }), path)
}

async function finish(child: ReturnType<typeof spawn>, path: string): Promise<string> {
  const output: Buffer[] = []
  let complaint = ''
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-MAX_COMPLAINT_LENGTH)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return Buffer.concat(output).toString()
  throw new CrossfadeError('STATEMENT_FAILED', `${path} ended with code ${code}: ${withoutRows(complaint)}`)
}

/** The server's message may end with a value of a row; what follows it (DETAIL, CONTEXT, Command was) quotes whole ones. */
function withoutRows(complaint: string): string {
  const lines = complaint.split('\n').filter((line) => /^pg_|^(?:ERROR|FATAL|HINT)/.test(line))
  return lines.map((line) => line.replace(/: ".*"$/, ': "…"')).join('\n')
}
