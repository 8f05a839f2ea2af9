import type { Resolved } from './resolved.js'
import type { TableCoverage, WayBack } from './plan.js'

/** How the columns of one blue table come back, gathered while the way back is built. */
export interface ColumnWays {
  readonly columns: Record<string, WayBack>
  readonly reasons: Record<string, string>
}

export function describeRetired(table: string, reason: string): TableCoverage {
  return {
    table,
    kind: 'retire',
    into: 'archive',
    wayBack: 'archive',
    columns: {},
    reasons: { '*': reason },
    hasLeftover: false,
  }
}

export function coverageOf(table: string, resolved: Resolved, ways: ColumnWays): TableCoverage {
  const map = resolved.maps.find((candidate) => candidate.from === table)
  const folds = resolved.folds.filter((candidate) => candidate.from === table)
  const targets = [
    ...(map ? [map.into] : []),
    ...folds.map(
      (fold) => `${resolved.maps.find((owner) => owner.from === fold.owner)?.into ?? fold.owner}.${fold.column}`,
    ),
  ]
  const found = new Set(Object.values(ways.columns))
  return {
    table,
    kind: map ? 'map' : 'fold',
    into: targets.join(', '),
    wayBack: found.has('frozen') || found.has('dropped') ? 'frozen' : found.has('declared') ? 'declared' : 'derived',
    columns: ways.columns,
    reasons: ways.reasons,
    // A child may have no owner; a filtered map may leave rows that nothing folds.
    hasLeftover: !map || map.spec.where !== undefined || map.spec.merge !== undefined,
  }
}
