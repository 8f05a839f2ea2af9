/** Which host takes the writes, by what the hosts themselves say. Pure. */

export interface Candidate {
  /** It takes the writes now. */
  readonly isCurrent: boolean
  /** It says so itself, just now: writable, and following nobody. */
  readonly claims: boolean
  /** How often the line of primaries had changed when it became one (PostgreSQL's timeline); undefined when it cannot tell. */
  readonly term: number | undefined
}

export interface Choice<T extends Candidate> {
  readonly primary: T
  /** Others that also say they are primary. They get nothing, not even reads. */
  readonly rivals: readonly T[]
}

/**
 * Nobody claims: the current one stays, for it is the last candidate. One claims: that one. Several claim: the highest term
 * wins, because a promotion begins a new one and the host that was left behind stays on its old one; among equals, or where
 * one cannot tell, the current one stays, and if that is none of them, the first in the order of configuration.
 */
export function choosePrimary<T extends Candidate>(hosts: readonly T[], current: T): Choice<T> {
  const claimants = hosts.filter((host) => host.claims)
  if (claimants.length === 0) return { primary: current, rivals: [] }
  const incumbent = claimants.find((host) => host.isCurrent) ?? claimants[0]!
  const primary = claimants.reduce(
    (best, host) => (best.term !== undefined && host.term !== undefined && host.term > best.term ? host : best),
    incumbent,
  )
  return { primary, rivals: claimants.filter((host) => host !== primary) }
}
