/** Flags and environment, read once into what commands work with. */
import { readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { CrossfadeError } from '../engines/errors.js'

/** The flags that every command has, as commander gives them. */
export interface CommonFlags {
  readonly blue?: string
  readonly green?: string
  readonly journal?: string
  readonly meta?: string
  readonly json?: boolean
  readonly backupDir?: string
  readonly logFile?: string
}

export interface Urls {
  readonly blueUrl: string
  readonly greenUrl: string
  readonly journalUrl: string
  readonly metaNamespace: string
}

/** URLs where they are given; undefined where neither flag nor environment has one. */
export function readUrls(flags: CommonFlags, env: NodeJS.ProcessEnv): { blue: string | undefined; green: string | undefined; journal: string | undefined } {
  return {
    blue: urlOf('blue', flags.blue, env),
    green: urlOf('green', flags.green, env),
    journal: urlOf('journal', flags.journal, env),
  }
}

/** @throws {CrossfadeError} URL_INVALID naming what is missing. */
export function requireUrls(flags: CommonFlags, env: NodeJS.ProcessEnv): Urls {
  const { blue, green, journal } = readUrls(flags, env)
  const missing = [...(blue ? [] : ['CROSSFADE_BLUE_URL (or --blue)']), ...(green ? [] : ['CROSSFADE_GREEN_URL (or --green)'])]
  if (!blue || !green) throw new CrossfadeError('URL_INVALID', `not given: ${missing.join(' and ')}`)
  return { blueUrl: blue, greenUrl: green, journalUrl: journal ?? blue, metaNamespace: flags.meta ?? env['CROSSFADE_META'] ?? 'crossfade' }
}

function urlOf(name: 'blue' | 'green' | 'journal', flag: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  const variable = `CROSSFADE_${name.toUpperCase()}_URL`
  const file = env[`${variable}_FILE`]
  if (flag !== undefined) {
    // A flag is on every process list of the machine.
    if (URL.canParse(flag) && new URL(flag).password !== '')
      throw new CrossfadeError('URL_INVALID', `--${name} holds a password, which every user of this machine can read; set ${variable} or ${variable}_FILE instead`)
    return flag
  }
  if (env[variable]) return env[variable]
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new CrossfadeError('URL_INVALID', `${variable}_FILE cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
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

export function backupDirectory(flags: CommonFlags, plan: string): string {
  return resolve(flags.backupDir ?? `crossfade-backup/${plan}`)
}
