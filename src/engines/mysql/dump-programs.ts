/** The server's own dump and client programs. */
import { execFile, spawn } from 'node:child_process'
import { closeSync, createReadStream, createWriteStream, openSync, rmSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { CrossfadeError } from '../errors.js'
import { describe } from './classify-error.js'
import { connectionOptions } from './connection-options.js'
import { clientTlsLines } from './tls.js'

const run = promisify(execFile)

export interface FoundProgram {
  readonly name: string
  readonly path: string
  readonly version: string
}

/** A program of the server's family that is not older than the server; else why there is none. */
export async function findProgram(
  names: readonly string[],
  engine: 'mysql' | 'mariadb',
  serverVersion: string,
): Promise<FoundProgram | { readonly reason: string }> {
  const reasons: string[] = []
  for (const name of names) {
    const version = await run(name, ['--version']).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    )
    if (version === undefined) reasons.push(`${name} is not on PATH`)
    else if (/mariadb/i.test(version) !== (engine === 'mariadb')) reasons.push(`${name} is not of ${engine}`)
    else if (isOlder(version, serverVersion)) reasons.push(`${name} is older than the server`)
    else return { name, path: name, version }
  }
  return { reason: reasons.join(', ') }
}

/** By major and minor version. `Ver 10.19 Distrib 10.11.6-MariaDB` has the program's own number in front. */
function isOlder(program: string, server: string): boolean {
  const versionOf = (text: string) => /(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [0, 0]
  const text = /(?:Distrib|from) (\S+)/.exec(program)?.[1] ?? /Ver (\S+)/.exec(program)?.[1] ?? ''
  const [major, minor] = versionOf(text)
  const [serverMajor, serverMinor] = versionOf(server)
  return major! < serverMajor! || (major === serverMajor && minor! < serverMinor!)
}

interface RunOptions {
  /** Whose program it is: their words for TLS differ. */
  readonly engine: 'mysql' | 'mariadb'
  readonly input?: string
  readonly output?: string
  /** Sees the output on its way. */
  readonly watch?: (chunk: Buffer) => void
  readonly signal: AbortSignal
}

/** Its descriptor in the program. */
const OPTIONS_FD = 3

/** The password goes by a file without a name: arguments are visible to everybody, and a name would outlive a kill. */
export async function runProgram(
  path: string,
  url: string,
  args: readonly string[],
  { engine, input, output, watch, signal }: RunOptions,
): Promise<void> {
  const options = openUnnamed(clientOptions(url, engine))
  const child = spawn(path, [`--defaults-file=/dev/fd/${OPTIONS_FD}`, ...args], {
    signal,
    stdio: [input === undefined ? 'ignore' : 'pipe', output === undefined ? 'ignore' : 'pipe', 'pipe', options],
  })
  closeSync(options)
  if (watch) child.stdout?.on('data', watch)
  let complaint = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-2_000)
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [code] = await Promise.all([
    ended,
    output === undefined ? undefined : pipeline(child.stdout!, createWriteStream(output, { mode: 0o600 })),
    // A client that fails closes its end; its exit code says so.
    input === undefined ? undefined : pipeline(createReadStream(input), child.stdin!).catch(() => undefined),
  ])
  if (code !== 0) throw new CrossfadeError('BACKUP_UNPROVEN', `${path} ended with ${code}: ${withoutRows(complaint)}`)
}

/** @returns a descriptor of a file that has this text and no name any more. Nothing is awaited while it has one. */
function openUnnamed(text: string): number {
  const file = join(tmpdir(), `crossfade-${randomUUID()}`)
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
    return openSync(file, 'r')
  } finally {
    rmSync(file, { force: true })
  }
}

/** The client repeats the statement that failed, with its rows, between two lines of dashes; the server's message may quote a value. */
function withoutRows(complaint: string): string {
  const message = complaint
    .slice(complaint.lastIndexOf('--------------\n') + 1)
    .replace(/^-+\n/, '')
    .trim()
  const [, errno, text] = /^ERROR (\d+) [^:]*: (.*)$/s.exec(message) ?? []
  return text === undefined ? message : describe({ errno: Number(errno), message: text })
}

function clientOptions(url: string, engine: 'mysql' | 'mariadb'): string {
  const { host, port, socketPath, user, password } = connectionOptions(url)
  const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
  const lines = [
    '[client]',
    `user=${quote(user ?? '')}`,
    `password=${quote(password ?? '')}`,
    // Their own limit is 24 MB a row; the server's is the one that counts.
    'max-allowed-packet=1G',
    ...(socketPath ? [`socket=${quote(socketPath)}`] : [`host=${quote(host!)}`, `port=${port}`, 'protocol=tcp']),
    ...clientTlsLines(url, engine, quote),
  ]
  return `${lines.join('\n')}\n`
}
