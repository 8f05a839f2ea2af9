import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPrograms, run } from './programs.ts'

/** Debian's stable releases have no MySQL, its unstable one has. Of its packages nothing is installed: they lie in this folder. */
const SUITE = 'sid'
const PACKAGES = ['mysql-server-core', 'mysql-client-core']
const PROGRAMS = ['usr/sbin/mysqld', 'usr/bin/mysqldump', 'usr/bin/mysql'] as const
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/mysql', import.meta.url))

/** Where the programs are once {@link installMysql} has brought them. */
export const MYSQL_BIN = join(FOLDER, 'bin')

const PLATFORMS: Partial<Record<NodeJS.Architecture, { debian: string; libraries: string; loader: string }>> = {
  x64: { debian: 'amd64', libraries: 'x86_64-linux-gnu', loader: 'usr/lib64/ld-linux-x86-64.so.2' },
  arm64: { debian: 'arm64', libraries: 'aarch64-linux-gnu', loader: 'usr/lib/ld-linux-aarch64.so.1' },
}

/**
 * Brings MySQL's programs into this checkout, with every library they need down to libc, so that the machine keeps its own. Needs apt-get
 * and Debian's keys, but not root; some 70 MB to load, 400 MB on disk. Returns if it did.
 */
export const installMysql = async (say: (line: string) => void): Promise<boolean> => {
  const platform = process.platform === 'linux' ? PLATFORMS[process.arch] : undefined
  if (platform === undefined || (await findPrograms('apt-get')).length === 0) return false
  say(`mysql: no server found, bringing ${PACKAGES.join(' and ')} of Debian ${SUITE} to ${FOLDER}`)
  const apart = `${FOLDER}-${process.pid}`
  try {
    const archives = await download(join(apart, 'apt'), platform.debian)
    const root = join(apart, 'root')
    for (const name of (await readdir(archives)).filter((file) => file.endsWith('.deb')))
      await run('dpkg-deb', ['--extract', join(archives, name), root])
    await mkdir(join(apart, 'bin'))
    for (const program of PROGRAMS) await writeStarter(apart, program, platform)
    await rm(join(apart, 'apt'), { recursive: true })
    await rm(FOLDER, { recursive: true, force: true })
    await rename(apart, FOLDER)
    return true
  } finally {
    await rm(apart, { recursive: true, force: true })
  }
}

/** As if nothing were installed, so that everything is brought. @returns the folder of the packages. */
const download = async (folder: string, architecture: string): Promise<string> => {
  for (const path of ['lists/partial', 'archives/partial']) await mkdir(join(folder, path), { recursive: true })
  const sources = join(folder, 'sources.list')
  const status = join(folder, 'status')
  await writeFile(sources, `deb http://deb.debian.org/debian ${SUITE} main\n`)
  await writeFile(status, '')
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': '-',
    'Dir::State': folder,
    'Dir::State::status': status,
    'Dir::Cache': folder,
    'APT::Architecture': architecture,
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  await run('apt-get', [...flags, 'update', '--quiet'], { timeoutMs: 180_000 })
  await run('apt-get', [...flags, 'install', '--download-only', '--yes', '--no-install-recommends', ...PACKAGES], {
    timeoutMs: 300_000,
  })
  return join(folder, 'archives')
}

/** Started by the libc that came along: the machine's is older. */
const writeStarter = async (
  folder: string,
  program: string,
  { libraries, loader }: { libraries: string; loader: string },
): Promise<void> => {
  const file = join(folder, 'bin', program.slice(dirname(program).length + 1))
  await writeFile(
    file,
    `#!/bin/sh
root=$(dirname "$(dirname "$(readlink -f "$0")")")/root
exec "$root/${loader}" --argv0 "$root/${program}" --library-path "$root/usr/lib/${libraries}" "$root/${program}" "$@"
`,
  )
  await chmod(file, 0o755)
}
