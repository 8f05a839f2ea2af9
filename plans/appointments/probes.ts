/** What the new schema must be worth: the same question the old way and the new way, over the same data. */
import type { Probe } from 'crossfade'
import { combinedProbes } from './probes/combined.js'
import { singleProbes } from './probes/single.js'

export const probes: readonly Probe[] = [...singleProbes, ...combinedProbes]
