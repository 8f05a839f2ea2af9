/** The one door to an engine: chosen by the URL's scheme. */
import type { Side, SideTools } from './engine.js'
import { parseUrl } from './location.js'

/** @throws {CrossfadeError} URL_INVALID, CONNECT_FAILED, PERMISSION_DENIED */
export async function openSide(url: string, side: Side, metaNamespace: string): Promise<SideTools> {
  const { family, ...location } = parseUrl(url, side, { metaNamespace })
  if (family === 'postgres') return (await import('./postgres/index.js')).openPostgresSide(location, side)
  return (await import('./mysql/index.js')).openMysqlSide(location, side)
}
