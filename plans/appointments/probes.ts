import type { Probe } from 'crossfade'
export const probes: readonly Probe[] = []
