import type { Invariant } from 'crossfade'
export const invariants: readonly Invariant[] = []
