import type { PostgresRelease } from './postgres.ts'

export type ServerEngine = 'postgres' | 'mariadb' | 'mysql'

/** Server settings by their name in the manual, without dashes: `{ max_connections: 50 }`. */
export type ServerSettings = Readonly<Record<string, string | number>>

export interface StartOptions {
  readonly engine: ServerEngine
  /** Added to the settings that Crossfade needs, and stronger than them. A server given by URL keeps its own. */
  readonly settings?: ServerSettings
  /**
   * `embedded` takes the npm package before Docker and before installed programs, PostgreSQL only; `local` takes programs of this
   * machine before Docker, for settings that name files.
   */
  readonly prefer?: 'embedded' | 'local'
  /** PostgreSQL of this major version from its npm package, and no other. */
  readonly release?: PostgresRelease
  /** Never a server that the environment names: this one is going to be killed. */
  readonly isOwn?: boolean
  /** Gets one line about what was chosen. Default: console.log. */
  readonly say?: (line: string) => void
}

/**
 * A running server with superuser access.
 *
 * Nothing has to be called at the end of the process: a watchdog stops what was started and removes its files, also
 * after SIGKILL. `stop` does the same at once.
 */
export interface Server {
  readonly engine: ServerEngine
  /** Superuser, no particular database: postgres://postgres:secret@127.0.0.1:PORT/postgres or mysql://root:secret@... */
  readonly url: string
  /** The same as `url`; a name for code that also has the URL of an ordinary user. */
  readonly adminUrl: string
  readonly version: string
  /** Where the server came from, for people. */
  readonly how: string
  /** Changes with `restart`. Undefined in Docker, for a server given by URL and for one that does not run. */
  readonly pid: number | undefined
  readonly dataDir: string | undefined
  /** Ends the server and removes its files. May be repeated. Does nothing to a server given by URL. */
  stop(): Promise<void>
  /** Sends the signal (default SIGKILL) and waits for the end, but not for SIGSTOP, SIGCONT (with all processes of it) and SIGHUP. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Orderly stop when it still runs, then a start with the same address and data. */
  restart(): Promise<void>
}
