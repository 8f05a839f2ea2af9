import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { chown, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Frozen } from './freeze.ts'
import { readServerVersion } from './ping.ts'
import type { OsUser } from './programs.ts'
import type { Server, ServerEngine } from './server.ts'
import { watchdog } from './watchdog.ts'

/** How to make one throwaway instance from programs on this machine. */
export interface LocalRecipe {
  readonly engine: ServerEngine
  readonly how: string
  readonly program: string
  readonly user?: OsUser
  /** The signal of an orderly stop that keeps the data. */
  readonly stopSignal: NodeJS.Signals
  /** The signal of a stop after which the data is thrown away. */
  readonly discardSignal: NodeJS.Signals
  /** Fills `dataDir`, which does not exist yet; its parent `folder` belongs to `user`. */
  initialise(folder: string, dataDir: string): Promise<void>
  /** @param hasStarted the data directory has had a server that answered. */
  args(folder: string, dataDir: string, port: number, hasStarted: boolean): string[]
  url(port: number): string
}

// Generous: a machine that builds and tests at the same time has taken 50 s for what needs 1 s.
const START_TIMEOUT_MS = 120_000
/** After this an orderly stop becomes a kill: a server of a test has nothing worth waiting for. */
const STOP_TIMEOUT_MS = 10_000
const SIGNALS_THAT_DO_NOT_END = new Set<NodeJS.Signals>(['SIGHUP', 'SIGUSR1', 'SIGUSR2'])

/**
 * Below the ports that systems give to outgoing connections (Linux from 32768, others from 49152): one of those can be gone
 * by the time the server binds it, and a client that knocks before the server is up can even be connected to itself.
 */
const PORTS = { from: 10_000, to: 32_768 }

export const findFreePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to)
    const isFree = await new Promise<boolean>((resolve, reject) => {
      const probe = createServer()
      probe.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
      )
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

class LocalServer implements Server {
  readonly engine: ServerEngine
  readonly how: string
  readonly dataDir: string
  url = ''
  version = ''
  #child: ChildProcess | undefined
  #port = 0
  readonly #logFile: string
  readonly #frozen = new Frozen()

  constructor(
    private readonly recipe: LocalRecipe,
    private readonly folder: string,
  ) {
    this.engine = recipe.engine
    this.how = recipe.how
    this.dataDir = join(folder, 'data')
    this.#logFile = join(folder, 'server.log')
  }

  get adminUrl(): string {
    return this.url
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async initialise(): Promise<void> {
    await this.recipe.initialise(this.folder, this.dataDir)
    // Another process may take the port between the look and the start.
    for (let attempt = 1; ; attempt += 1) {
      this.#port = await findFreePort()
      this.url = this.recipe.url(this.#port)
      try {
        return await this.#start()
      } catch (error) {
        if (attempt === 3) throw error
      }
    }
  }

  async #start(): Promise<void> {
    const { recipe } = this
    const log = await open(this.#logFile, 'a')
    const child = spawn(recipe.program, recipe.args(this.folder, this.dataDir, this.#port, this.version !== ''), {
      // A group of its own: Ctrl-C in the terminal must reach us, not the server under a running migration.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      cwd: this.folder,
      uid: recipe.user?.uid,
      gid: recipe.user?.gid,
      env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C.UTF-8' },
    })
    const { pid } = child
    if (pid !== undefined) watchdog.guardProcess(pid)
    let failure: Error | undefined
    child.once('error', (error) => (failure = error))
    child.once('exit', () => {
      if (pid !== undefined) watchdog.forgetProcess(pid)
      if (this.#child === child) this.#child = undefined
    })
    // A caller that forgets `stop` still gets to the end of its program; the watchdog does the rest.
    child.unref()
    this.#child = child
    await log.close()

    const deadline = performance.now() + START_TIMEOUT_MS
    for (;;) {
      const version = await readServerVersion(this.engine, this.url).catch(() => undefined)
      // Somebody else's server may answer on that port while ours fails to bind it.
      if (version !== undefined && this.#child === child) {
        this.version = version
        return
      }
      if (this.#child !== child || failure !== undefined || performance.now() > deadline) {
        await this.#end('SIGKILL')
        const tail = (await readFile(this.#logFile, 'utf8').catch(() => '')).split('\n').slice(-20).join('\n')
        throw new Error(`${this.how} did not start:\n${tail}`, { cause: failure })
      }
      await delay(50)
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    // A stopped server hears no other signal.
    if (signal === 'SIGKILL') this.#frozen.kill()
    else this.#frozen.thaw(child.pid)
    child.ref()
    child.kill(signal)
    const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(deadline)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const pid = this.#child?.pid
    if (pid === undefined) return
    if (signal === 'SIGSTOP') await this.#frozen.freeze(pid)
    else if (signal === 'SIGCONT') this.#frozen.thaw(pid)
    else if (SIGNALS_THAT_DO_NOT_END.has(signal)) this.#child?.kill(signal)
    else await this.#end(signal)
  }

  async restart(): Promise<void> {
    await this.#end(this.recipe.stopSignal)
    // After a SIGKILL PostgreSQL's children need a moment, and until then the data directory counts as in use.
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#start()
      } catch (error) {
        if (attempt === 5) throw error
        await delay(200 * attempt)
      }
    }
  }

  async stop(): Promise<void> {
    await this.#end(this.recipe.discardSignal)
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    watchdog.forgetDirectory(this.folder)
  }
}

const recipes = new WeakMap<Server, LocalRecipe>()

/** How a server was made, so that another one can be made of the same programs. */
export const recipeOf = (server: Server): LocalRecipe | undefined => recipes.get(server)

/** Makes a data directory in a folder of its own and starts a server on it. */
export const startLocalServer = async (recipe: LocalRecipe): Promise<Server> => {
  const folder = await mkdtemp(join(tmpdir(), `crossfade-${recipe.engine}-`))
  watchdog.guardDirectory(folder)
  if (recipe.user !== undefined) await chown(folder, recipe.user.uid, recipe.user.gid)
  const server = new LocalServer(recipe, folder)
  recipes.set(server, recipe)
  try {
    await server.initialise()
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}
