/** Where and when it was measured. */
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryMb: number
  readonly system: string
  readonly node: string
  /** Before anything was started. Above 0.5 others were at work. */
  readonly loadBefore: number
}

export const machineFacts = (): MachineFacts => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryMb: Math.round(totalmem() / 1024 / 1024),
  system: `${platform()} ${release()}`,
  node: process.version,
  loadBefore: load(),
})

/** Of the last minute. */
export const load = (): number => Math.round(loadavg()[0]! * 100) / 100
