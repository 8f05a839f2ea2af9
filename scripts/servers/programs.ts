import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { watchdog } from './watchdog.ts'

export interface OsUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface RunOptions {
  readonly user?: OsUser
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
}

/** The longest of them, an installation over a slow line, takes minutes; more than this is a program that hangs. */
const MAX_RUN_MS = 600_000

/** Runs a program to its end and returns what it printed. Throws with the output when it fails or takes too long. */
export const run = (program: string, args: readonly string[], options: RunOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      uid: options.user?.uid,
      gid: options.user?.gid,
      // A group of its own, because some of these programs are scripts: a kill must reach what they started.
      detached: true,
    })
    const { pid } = child
    if (pid !== undefined) watchdog.guardProcess(pid)
    const deadline = setTimeout(
      () => pid !== undefined && process.kill(-pid, 'SIGKILL'),
      options.timeoutMs ?? MAX_RUN_MS,
    )
    let output = ''
    child.stdout.on('data', (text: Buffer) => (output += text.toString()))
    child.stderr.on('data', (text: Buffer) => (output += text.toString()))
    child.on('error', (error) => {
      clearTimeout(deadline)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(deadline)
      if (pid !== undefined) watchdog.forgetProcess(pid)
      if (code === 0) resolve(output)
      else reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}:\n${output.trim()}`))
    })
  })

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

// Debian keeps servers out of an ordinary user's PATH, Red Hat keeps mariadbd in libexec.
const EXTRA_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/usr/libexec', '/usr/local/libexec', '/opt/homebrew/bin']

/** Full paths of a program, those on PATH first. */
export const findPrograms = async (name: string, moreFolders: readonly string[] = []): Promise<string[]> => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...moreFolders, ...EXTRA_FOLDERS]
  const paths = [...new Set(folders.filter(Boolean))].map((folder) => join(folder, name))
  const found = await Promise.all(paths.map(isExecutable))
  return paths.filter((_, index) => found[index])
}

/** `/usr/lib/postgresql/<major>/bin`, newest first. */
export const listDebianPostgresFolders = async (): Promise<string[]> => {
  const majors = await readdir('/usr/lib/postgresql').catch(() => [])
  return majors.toSorted((a, b) => Number(b) - Number(a)).map((major) => `/usr/lib/postgresql/${major}/bin`)
}

/** What `--version` prints, or undefined when the program does not even do that (a broken wrapper, for example). */
export const readProgramVersion = (program: string, user?: OsUser): Promise<string | undefined> =>
  run(program, ['--version'], { user, cwd: '/', timeoutMs: 30_000 }).then(
    (output) => output.trim(),
    () => undefined,
  )

export const isRoot = (): boolean => process.getuid?.() === 0

/** The user that runs PostgreSQL, which refuses root. Undefined when we are not root and need no other user. */
export const findUnprivilegedUser = async (): Promise<OsUser | undefined> => {
  if (!isRoot()) return undefined
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => undefined)
    if (ids !== undefined) return { name, uid: Number(ids[0]), gid: Number(ids[1]) }
  }
  throw new Error('PostgreSQL refuses to run as root, and this machine has neither a user "postgres" nor "nobody".')
}
