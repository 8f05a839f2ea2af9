/** The place beside blue where a dump is restored to be compared. */
import { createHash } from 'node:crypto'
import type { Location } from './engine.js'

const SCRATCH_PREFIX = 'crossfade_scratch_'

/**
 * Its name: databases are shared by all migrations of a server, so each location has one of its own. The prefix keeps everything
 * else out of reach. Short enough for the limits of every engine, in ASCII.
 */
export function scratchName({ url, namespace, metaNamespace }: Location): string {
  const database = decodeURIComponent(new URL(url).pathname.slice(1))
  const digest = createHash('sha256')
    .update(JSON.stringify([database, namespace, metaNamespace]))
    .digest('hex')
  return `${SCRATCH_PREFIX}${database.replaceAll(/[^A-Za-z0-9]/g, '_').slice(0, 16)}_${digest.slice(0, 8)}`
}
