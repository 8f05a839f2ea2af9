import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MYSQL_BIN } from './install-mysql.ts'
import type { LocalRecipe } from './local-server.ts'
import { findPrograms, isRoot, readProgramVersion, run } from './programs.ts'
import type { ServerSettings } from './server.ts'
import { settingsToArgs } from './settings.ts'

const PASSWORD = 'secret'

// Runs before the first connection, and again while no start has come to its end (somebody took the port, for example).
const FIRST_STATEMENTS = {
  mariadb: [
    'SET SESSION sql_log_bin = 0;',
    "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');",
    'FLUSH PRIVILEGES;',
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${PASSWORD}';`,
    // With skip_name_resolve 127.0.0.1 is not localhost.
    `CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '${PASSWORD}';`,
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;",
  ],
  mysql: [
    'SET SESSION sql_log_bin = 0;',
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${PASSWORD}';`,
    `CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '${PASSWORD}';`,
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;",
  ],
} as const

const createRecipe = (
  engine: 'mariadb' | 'mysql',
  program: string,
  settings: ServerSettings | undefined,
  fillDataDir: (folder: string, dataDir: string, userArgs: string[]) => Promise<void>,
): LocalRecipe => {
  // Both refuse root unless it is named.
  const userArgs = isRoot() ? ['--user=root'] : []
  return {
    engine,
    how: `installed program ${program}`,
    program,
    stopSignal: 'SIGTERM',
    discardSignal: 'SIGTERM',
    async initialise(folder, dataDir) {
      await fillDataDir(folder, dataDir, userArgs)
      await writeFile(join(folder, 'first.sql'), `${FIRST_STATEMENTS[engine].join('\n')}\n`)
    },
    args(folder, dataDir, port, hasStarted) {
      const first = hasStarted ? [] : [`--init-file=${join(folder, 'first.sql')}`]
      return [
        '--no-defaults',
        ...userArgs,
        ...first,
        `--datadir=${dataDir}`,
        `--tmpdir=${folder}`,
        `--socket=${join(folder, 's')}`,
        `--pid-file=${join(folder, 'pid')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        ...(engine === 'mysql' ? ['--mysqlx=OFF', '--secure-file-priv=NULL'] : []),
        ...settingsToArgs(engine, settings),
      ]
    },
    url: (port) => `mysql://root:${PASSWORD}@127.0.0.1:${port}/`,
  }
}

/** MariaDB from programs on this machine, or undefined when there is none that works. */
export const findInstalledMariadb = async (settings?: ServerSettings): Promise<LocalRecipe | undefined> => {
  // Old packages and many distributions call the server mysqld, which may also be Oracle's.
  for (const program of [...(await findPrograms('mariadbd')), ...(await findPrograms('mysqld'))]) {
    const version = await readProgramVersion(program)
    if (version === undefined || !version.includes('MariaDB')) continue
    const [installer] = [...(await findPrograms('mariadb-install-db')), ...(await findPrograms('mysql_install_db'))]
    if (installer === undefined) continue
    return createRecipe('mariadb', program, settings, async (folder, dataDir, userArgs) => {
      const args = ['--no-defaults', ...userArgs, `--datadir=${dataDir}`, '--auth-root-authentication-method=normal']
      // A server that starts removes all temporary tables of its temporary folder, also those of an installation at work.
      await run(installer, [...args, '--skip-test-db'], { cwd: folder, env: { TMPDIR: folder }, timeoutMs: 300_000 })
    })
  }
  return undefined
}

/** Oracle's MySQL from programs on this machine, or undefined when there is none that works. */
export const findInstalledMysql = async (settings?: ServerSettings): Promise<LocalRecipe | undefined> => {
  for (const program of await findPrograms('mysqld', [MYSQL_BIN])) {
    const version = await readProgramVersion(program)
    if (version === undefined || version.includes('MariaDB')) continue
    return createRecipe('mysql', program, settings, async (folder, dataDir, userArgs) => {
      await run(program, ['--no-defaults', ...userArgs, '--initialize-insecure', `--datadir=${dataDir}`], {
        cwd: dirname(dataDir),
        env: { TMPDIR: folder },
        timeoutMs: 300_000,
      })
    })
  }
  return undefined
}
