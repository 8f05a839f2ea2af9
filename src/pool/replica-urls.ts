/** Where the replicas of a side are: said by the application, or derived from the environment. */
import type { Side } from '../engines/engine.js'
import { engineOf } from '../engines/pool-driver.js'
import type { PoolOptions } from './options.js'

const SIDES = ['blue', 'green'] as const satisfies readonly Side[]

export interface ReplicaSource {
  readonly given: PoolOptions['replicas']
  /** The side where a pool begins: the environment speaks of it, and of the other one when that is on the same server. */
  readonly side: Side
  readonly primaries: Readonly<Record<Side, string | undefined>>
  readonly environment: NodeJS.ProcessEnv
}

/** What is wrong goes to `problems`; no message holds a password. */
export function resolveReplicas(source: ReplicaSource, problems: string[]): Record<Side, readonly string[]> {
  const { given, side, primaries } = source
  const named: Partial<Record<Side, readonly string[]>> = isList(given) ? { [side]: given } : { ...given }
  const urls: Record<Side, readonly string[]> = { blue: [], green: [] }
  for (const one of SIDES) {
    const primary = primaries[one]
    const list = named[one]
    if (primary === undefined) {
      if (list !== undefined && list.length > 0) problems.push(`${one} has replicas and no primary`)
    } else if (list !== undefined) {
      urls[one] = list.filter((url) => fits(url, primary, one, problems))
    } else if (one === side || isSameServer(primary, primaries[side])) {
      urls[one] = fromEnvironment(primary, source.environment, problems)
    }
  }
  return urls
}

function isList(given: PoolOptions['replicas']): given is readonly string[] {
  return Array.isArray(given)
}

function fits(url: string, primary: string, side: Side, problems: string[]): boolean {
  try {
    if (engineOf(url) === engineOf(primary)) return true
    problems.push(`a replica of ${side} is of another engine than its primary`)
  } catch {
    problems.push(`a replica of ${side} has no URL of a known scheme`)
  }
  return false
}

/** The primary's URL with another host, and another login where one is said. The primary itself is no replica of itself. */
function fromEnvironment(primary: string, environment: NodeJS.ProcessEnv, problems: string[]): string[] {
  const read = (name: string) => environment[name]?.trim() || undefined
  if (!URL.canParse(primary)) return []
  const hosts = read('DB_READ_HOST')?.split(',') ?? []
  const urls = hosts
    .map((host) => host.trim())
    .filter((host) => host !== '')
    .flatMap((host) => {
      const url = new URL(primary)
      const target = URL.canParse(`${url.protocol}//${host}/`) ? new URL(`${url.protocol}//${host}/`) : undefined
      if (target === undefined || target.hostname === '' || target.pathname !== '/' || target.username !== '') {
        problems.push('DB_READ_HOST must be a list of host or host:port')
        return []
      }
      url.hostname = target.hostname
      if (target.port !== '') url.port = target.port
      if (isSameServer(url.toString(), primary)) return []
      const [username, password] = [read('DB_READ_USERNAME'), environment['DB_READ_PASSWORD']]
      if (username !== undefined) url.username = encodeURIComponent(username)
      if (password !== undefined && password !== '') url.password = encodeURIComponent(password)
      return [url.toString()]
    })
  return [...new Set(urls)]
}

function isSameServer(a: string, b: string | undefined): boolean {
  if (b === undefined || !URL.canParse(a) || !URL.canParse(b)) return false
  return serverOf(a) === serverOf(b)
}

function serverOf(text: string): string {
  const { protocol, hostname, port } = new URL(text)
  return `${hostname}:${port || (protocol.startsWith('postgres') ? '5432' : '3306')}`
}
