/** Flags and environment, read once into what commands work with. */
import { readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { CrossfadeError } from '../engines/errors.js'
import { parseUrl } from '../engines/location.js'

/** The flags that every command has, as commander gives them. */
export interface CommonFlags {
  readonly blue?: string
  readonly green?: string
  readonly journal?: string
  readonly meta?: string
  readonly json?: boolean
  /** False after `--no-color`. */
  readonly color?: boolean
  readonly backupDir?: string
  readonly logFile?: string
  readonly askPassword?: boolean
}

export interface Urls {
  readonly blueUrl: string
  readonly greenUrl: string
  readonly journalUrl: string
  readonly metaNamespace: string
}

type Env = Readonly<Record<string, string | undefined>>
export const URL_NAMES = ['blue', 'green', 'journal'] as const
type UrlName = (typeof URL_NAMES)[number]

/**
 * URLs where they are given; undefined where neither flag nor environment has one.
 * @throws {CrossfadeError} URL_INVALID before any server is asked.
 */
export function readUrls(flags: CommonFlags, env: Env): Readonly<Record<UrlName, string | undefined>> {
  const urls = {
    blue: urlOf('blue', flags.blue, env),
    green: urlOf('green', flags.green, env),
    journal: urlOf('journal', flags.journal, env),
  }
  const metaNamespace = metaOf(flags, env)
  for (const side of ['blue', 'green'] as const) if (urls[side]) parseUrl(urls[side], side, { metaNamespace })
  return urls
}

/** @throws {CrossfadeError} URL_INVALID naming what is missing. */
export function requireUrls(flags: CommonFlags, env: Env): Urls {
  const { blue, green, journal } = readUrls(flags, env)
  if (!blue || !green) throw missing([...(blue ? [] : ['blue' as const]), ...(green ? [] : ['green' as const])])
  return { blueUrl: blue, greenUrl: green, journalUrl: journal ?? blue, metaNamespace: metaOf(flags, env) }
}

/** For commands that only read the journal. @throws {CrossfadeError} URL_INVALID */
export function requireJournal(flags: CommonFlags, env: Env): { journalUrl: string; metaNamespace: string } {
  const { blue, journal } = readUrls(flags, env)
  const journalUrl = journal ?? blue
  if (!journalUrl) throw missing(['journal', 'blue'], ' or ')
  return { journalUrl, metaNamespace: metaOf(flags, env) }
}

export const metaOf = (flags: CommonFlags, env: Env): string => flags.meta ?? env['CROSSFADE_META'] ?? 'crossfade'

export const variableOf = (name: UrlName): string => `CROSSFADE_${name.toUpperCase()}_URL`

function missing(names: readonly UrlName[], separator = ' and '): CrossfadeError {
  const wanted = names.map((name) => `${variableOf(name)} (or --${name})`)
  return new CrossfadeError('URL_INVALID', `not given: ${wanted.join(separator)}`)
}

function urlOf(name: UrlName, flag: string | undefined, env: Env): string | undefined {
  const variable = variableOf(name)
  const file = env[`${variable}_FILE`]
  if (flag !== undefined) {
    // A flag is on every process list of the machine.
    if (holdsPassword(flag))
      throw new CrossfadeError(
        'URL_INVALID',
        `--${name} holds a password, which every user of this machine can read; set ${variable} or ${variable}_FILE instead, or --ask-password`,
      )
    return flag
  }
  if (env[variable]) return env[variable]
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CrossfadeError('URL_INVALID', `${variable}_FILE cannot be read: ${reason}`, { cause })
  }
}

/** Also of what is no URL by the letter, such as a password with an unescaped `#`. */
function holdsPassword(url: string): boolean {
  if (URL.canParse(url)) {
    const { password, searchParams } = new URL(url)
    return password !== '' || searchParams.has('password')
  }
  return /:\/\/[^/@]*:[^/]*@/.test(url)
}

/** Who acts, for the journal. */
export function actorName(kind: 'orchestrator' | 'operator'): string {
  return kind === 'orchestrator' ? `orchestrator@${hostname()}:${process.pid}` : `operator:${userName()}@${hostname()}`
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}

export function backupDirectory(flags: CommonFlags, plan: string, env: Env): string {
  return resolve(flags.backupDir ?? env['CROSSFADE_BACKUP_DIR'] ?? `crossfade-backup/${plan}`)
}
