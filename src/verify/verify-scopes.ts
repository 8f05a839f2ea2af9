/** Compares some scopes of projections exactly: what sync wrote since the last pass. */
import type { Session } from '../engines/engine.js'
import type { Compiler, Scope } from '../plan/compile.js'
import type { Projection } from '../plan/projection.js'
import { asText } from '../sync/apply.js'
import { compareRows, type Difference } from './compare-rows.js'

export interface ScopesOfProjection {
  readonly projection: Projection
  readonly scopes: readonly Scope[]
}

/** One session on each side, used by one comparison at a time. */
export interface SessionPair {
  readonly origin: Session
  readonly destination: Session
}

export interface ScopeResult extends ScopesOfProjection {
  readonly rows: number
  readonly differences: readonly Difference[]
}

const SCOPES_PER_READ = 500

/** @param pairs as many comparisons go on at once. @returns one entry for each batch of scopes that differs, and how many rows were read. */
export async function verifyScopes(
  compiler: Compiler,
  touched: readonly ScopesOfProjection[],
  pairs: readonly SessionPair[],
  signal: AbortSignal,
): Promise<{ rows: number; differing: ScopeResult[] }> {
  const batches = touched.flatMap(({ projection, scopes }) =>
    Array.from({ length: Math.ceil(scopes.length / SCOPES_PER_READ) }, (_, index) => ({
      projection,
      scopes: scopes.slice(index * SCOPES_PER_READ, (index + 1) * SCOPES_PER_READ),
    })),
  )
  const results: ScopeResult[] = []
  const work = async (pair: SessionPair): Promise<void> => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      signal.throwIfAborted()
      results.push(await compareScopes(compiler, batch, pair))
    }
  }
  await Promise.all(pairs.map(work))
  return {
    rows: results.reduce((sum, { rows }) => sum + rows, 0),
    differing: results.filter(({ differences }) => differences.length > 0),
  }
}

async function compareScopes(
  compiler: Compiler,
  { projection, scopes }: ScopesOfProjection,
  { origin, destination }: SessionPair,
): Promise<ScopeResult> {
  const [left, owned] = await Promise.all([
    origin.query(compiler.canonicalOrigin(projection, { type: 'scopes', scopes })),
    destination.query(compiler.ownedValues(projection, scopes)),
  ])
  const values = owned.map((row) => row.map(asText))
  const right = values.length > 0 ? await destination.query(compiler.canonicalOwned(projection, values)) : []
  const columns = compiler.canonicalColumns(projection)
  return {
    projection,
    scopes,
    rows: left.length,
    differences: compareRows(left, right, columns, projection.key.length),
  }
}
