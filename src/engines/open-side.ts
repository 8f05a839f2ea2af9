/** The one door to an engine: chosen by the URL's scheme. */
import type { Side, SideTools } from './engine.js'
import { CrossfadeError } from './errors.js'
import { parseUrl } from './location.js'

/** @throws {CrossfadeError} URL_INVALID, CONNECT_FAILED, PERMISSION_DENIED */
export async function openSide(url: string, side: Side, metaNamespace: string): Promise<SideTools> {
  const { family, ...location } = parseUrl(url, side, { metaNamespace })
  if (family === 'postgres') return (await import('./postgres/index.js')).openPostgresSide(location, side)
  return (await import('./mysql/index.js')).openMysqlSide(location, side)
}

/** @throws {CrossfadeError} URL_INVALID: one statement is often the work of both sides, so they speak one dialect. */
export function requireOneEngine(blue: SideTools, green: SideTools): void {
  if (blue.facts.engine === green.facts.engine) return
  throw new CrossfadeError(
    'URL_INVALID',
    `blue is ${blue.facts.engine} and green is ${green.facts.engine}; both sides must be of one engine`,
  )
}
