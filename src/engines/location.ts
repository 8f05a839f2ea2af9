/** URLs of sides: parsed once, here, into a {@link Location}. */
import type { Location, Side } from './engine.js'
import { CrossfadeError } from './errors.js'
import { readMysqlTls } from './mysql/tls.js'
import { readPostgresTls } from './postgres/tls.js'

/** Which driver serves a URL. MariaDB and MySQL share a family; the server says which of them it is. */
export type EngineFamily = 'postgres' | 'mysql'

export interface ParsedLocation extends Location {
  readonly family: EngineFamily
}

export interface ParseUrlOptions {
  /** Schema or database of Crossfade's own objects. Default `crossfade`. */
  readonly metaNamespace?: string
}

const FAMILIES: Readonly<Record<string, EngineFamily>> = {
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
}

/** PostgreSQL cuts identifiers at 63 bytes, MySQL at 64 characters; names built on a namespace need some room. */
const MAX_NAMESPACE_LENGTH = 48

/**
 * Takes the URL of a side apart.
 * @throws {CrossfadeError} URL_INVALID. The message never holds a password.
 */
export function parseUrl(url: string, side: Side, options: ParseUrlOptions = {}): ParsedLocation {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed) throw invalid(side, 'is not a URL')
  for (const part of [parsed.username, parsed.password]) decode(part, side)
  const family = FAMILIES[parsed.protocol]
  if (!family) throw invalid(side, `has the unknown scheme "${parsed.protocol}"`)
  const database = decode(parsed.pathname.replace(/^\//, ''), side)
  if (database === '' || database.includes('/')) throw invalid(side, `names no database: ${redactUrl(url)}`)
  // Refused before any server is asked.
  if (family === 'postgres') readPostgresTls(url)
  else readMysqlTls(url)
  const namespace = family === 'postgres' ? (parsed.searchParams.get('schema') ?? 'public') : database
  const metaNamespace = options.metaNamespace ?? 'crossfade'
  checkNamespace(namespace, side)
  checkNamespace(metaNamespace, side)
  if (namespace === metaNamespace) {
    throw invalid(side, `has its tables in "${namespace}", which is also the namespace of Crossfade's own objects`)
  }
  return { url, namespace, metaNamespace, family }
}

/** The URL for messages: without password and without parameters. A text that is no URL comes back as `(no URL)`. */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return '(no URL)'
  const { protocol, username, password, host, pathname, searchParams } = new URL(url)
  const login = username === '' ? '' : `${username}${password === '' ? '' : ':***'}@`
  const schema = searchParams.get('schema')
  return `${protocol}//${login}${host}${pathname}${schema === null ? '' : `?schema=${schema}`}`
}

function checkNamespace(name: string, side: Side): void {
  if (!/^[A-Za-z_][A-Za-z0-9_$-]*$/.test(name) || name.length > MAX_NAMESPACE_LENGTH) {
    throw invalid(side, `names "${name}", which is no schema or database name that Crossfade accepts`)
  }
}

function decode(text: string, side: Side): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new CrossfadeError('URL_INVALID', `the URL of ${side} has a broken % escape`, { cause })
  }
}

function invalid(side: Side, problem: string): CrossfadeError {
  return new CrossfadeError('URL_INVALID', `the URL of ${side} ${problem}`)
}
