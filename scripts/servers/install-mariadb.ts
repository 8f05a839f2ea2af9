import { setTimeout as delay } from 'node:timers/promises'
import { findPrograms, isRoot, run } from './programs.ts'

// The core package has the programs alone: no service, no configuration, no data directory in /var/lib.
const PACKAGES = ['mariadb-server-core', 'mariadb-client-core', 'mariadb-client']

export const HOW_TO_GET_MARIADB =
  'No MariaDB server found. Do one of these and start again: set CROSSFADE_TEST_MARIADB_URL to the URL of a server with ' +
  `a superuser, start Docker, or install the programs (Debian and Ubuntu: sudo apt-get install ${PACKAGES.join(' ')}; ` +
  'Fedora: sudo dnf install mariadb-server; macOS: brew install mariadb).'

/** Installs MariaDB's programs where that is possible without asking: as root, with apt-get. Returns if it did. */
export const installMariadb = async (say: (line: string) => void): Promise<boolean> => {
  if (!isRoot() || (await findPrograms('apt-get')).length === 0) return false
  say(`mariadb: no server found, installing ${PACKAGES.join(', ')} with apt-get`)
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const install = ['install', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...PACKAGES]
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run('apt-get', ['update', '--quiet'], { env, timeoutMs: 180_000 })
      await run('apt-get', install, { env, timeoutMs: 300_000 })
      return true
    } catch (error) {
      // Two test runs at once: apt waits for the lock of dpkg, but not for the one of its package lists.
      if (attempt === 3) throw new Error(HOW_TO_GET_MARIADB, { cause: error })
      await delay(3_000)
    }
  }
}
