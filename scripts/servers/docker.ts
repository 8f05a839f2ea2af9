import { findFreePort } from './local-server.ts'
import { readServerVersion } from './ping.ts'
import { run } from './programs.ts'
import type { Server, ServerEngine, ServerSettings } from './server.ts'
import { settingsToArgs } from './settings.ts'
import { watchdog } from './watchdog.ts'

const IMAGES = {
  postgres: { image: 'postgres:16', port: 5432, environment: { POSTGRES_PASSWORD: 'secret' } },
  mariadb: { image: 'mariadb:10.11', port: 3306, environment: { MARIADB_ROOT_PASSWORD: 'secret' } },
  mysql: { image: 'mysql:8.4', port: 3306, environment: { MYSQL_ROOT_PASSWORD: 'secret' } },
} as const satisfies Record<ServerEngine, { image: string; port: number; environment: Record<string, string> }>

let answer: Promise<boolean> | undefined

/** True when a Docker engine answers. Asked once per process; the client alone, without an engine, does not count. */
export const isDockerAvailable = (): Promise<boolean> => {
  answer ??= run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeoutMs: 3_000 }).then(
    (output) => /^\d/.test(output.trim()),
    () => false,
  )
  return answer
}

export const startDockerServer = async (engine: ServerEngine, settings?: ServerSettings): Promise<Server> => {
  // Loaded here: it takes half a second and most runs do not need it.
  const { GenericContainer, Wait } = await import('testcontainers')
  const { image, port, environment } = IMAGES[engine]
  // A port of our own choice, because Docker may give another one after a restart.
  const hostPort = await findFreePort()
  const container = await new GenericContainer(image)
    .withEnvironment(environment)
    .withCommand(settingsToArgs(engine, settings))
    .withExposedPorts({ container: port, host: hostPort })
    .withSharedMemorySize(512 * 1024 * 1024)
    // The images start a first time without network to create the accounts; the driver below waits for the second.
    .withWaitStrategy(Wait.forListeningPorts())
    .withStartupTimeout(180_000)
    .start()
  const id = container.getId()
  watchdog.guardContainer(id)
  const user = engine === 'postgres' ? 'postgres:secret' : 'root:secret'
  const scheme = engine === 'postgres' ? 'postgres' : 'mysql'
  const url = `${scheme}://${user}@${container.getHost()}:${hostPort}/${engine === 'postgres' ? 'postgres' : ''}`
  return {
    engine,
    url,
    adminUrl: url,
    version: await waitForVersion(engine, url),
    how: `Docker image ${image}`,
    pid: undefined,
    dataDir: undefined,
    async stop() {
      await container.stop({ timeout: 0, remove: true, removeVolumes: true })
      watchdog.forgetContainer(id)
    },
    async kill(signal = 'SIGKILL') {
      await run('docker', ['kill', '--signal', signal, id])
    },
    async restart() {
      await run('docker', ['restart', id])
      await waitForVersion(engine, url)
    },
  }
}

const waitForVersion = async (engine: ServerEngine, url: string): Promise<string> => {
  const deadline = performance.now() + 120_000
  for (;;) {
    try {
      return await readServerVersion(engine, url)
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
