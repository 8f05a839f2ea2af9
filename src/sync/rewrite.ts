/** Writes a whole projection again, chunk by chunk beside live sync: the repair of differences that sync did not mend. */
import type { Scope } from '../plan/compile.js'
import type { Projection } from '../plan/projection.js'
import { apply, asText } from './apply.js'
import { copyChunk, type BackfillOptions } from './backfill.js'
import { retryContention } from './retry.js'

const CHUNK_SCOPES = 5000
/** Of projections whose rows are no range: read scope by scope. */
const PAGE_SCOPES = 1000

export type RewriteOptions = Pick<BackfillOptions, 'writer' | 'locks' | 'isPushedDown' | 'signal'>

/** Safe to repeat and to leave half-way. */
export async function rewrite(projection: Projection, options: RewriteOptions): Promise<void> {
  const { writer, locks, signal } = options
  const { compiler, origin } = writer
  const isRangeable = compiler.isRangeable(projection)
  let after: Scope | undefined
  for (;;) {
    signal.throwIfAborted()
    if (isRangeable) {
      const [end] = await origin.query(compiler.scopeAfter(projection, after, undefined, CHUNK_SCOPES))
      const upTo = end?.map(asText)
      await copyChunk(projection, { type: 'range', after, upTo }, options)
      if (!upTo) return
      after = upTo
      continue
    }
    const found = await origin.query(compiler.scopePage(projection, after, PAGE_SCOPES))
    const scopes = found.map((row) => row.map(asText))
    if (scopes.length > 0)
      await retryContention(() => locks.with([projection.destination], () => apply(writer, [{ projection, scopes }])), {
        signal,
        retries: 10,
      })
    if (scopes.length < PAGE_SCOPES) return
    after = scopes.at(-1)
  }
}
