/** Runs `crossfade run` as it is installed, writes beside it, and looks at both every second. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { buildProgram } from '../bench/built-program.js'
import { startChild, type Child } from '../bench/child.js'
import { residentMb } from '../bench/resident.js'
import type { Place } from '../bench/place.js'
import type { WriteFor, WriterSettings } from '../bench/writers.js'
import { readSizes, type Sizes } from './sizes.js'

export interface Sample extends Sizes {
  readonly seconds: number
  readonly doing: string
  readonly memoryMb: number
  /** Updates committed so far. */
  readonly changes: number
}

export interface WatchOptions {
  readonly place: Place
  readonly rows: number
  readonly changes: number
  readonly connections: number
  readonly say: (line: string) => void
}

const SAMPLE_MS = 1000
const SLICE_MS = 2000
const TELL_EVERY = 30
const PLAN = fileURLToPath(new URL('../bench/plan.ts', import.meta.url))

/** From the first moment until all changes are written, carried over and the run waits for the operator. */
export async function watchMigration({ place, rows, changes, connections, say }: WatchOptions): Promise<Sample[]> {
  await using program = await buildProgram()
  const folder = await mkdtemp(join(tmpdir(), 'crossfade-long-run-'))
  const child = spawn(process.execPath, [program.main, 'run', PLAN, '--json', '--wait'], {
    env: {
      ...process.env,
      CROSSFADE_BLUE_URL: place.blue.url,
      CROSSFADE_GREEN_URL: place.green.url,
      CROSSFADE_META: place.metaNamespace,
      CROSSFADE_BACKUP_DIR: folder,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const progress = { doing: 'start', written: 0, isReady: false }
  createInterface({ input: child.stdout }).on('line', (line) => follow(progress, JSON.parse(line) as Line))
  const settings: WriterSettings = { engine: place.engine, side: place.blue, connections, rows }
  await using writers: Child<WriteFor, number> = await startChild('../bench/writers.ts', settings)
  const samples: Sample[] = []
  const startedAt = performance.now()
  try {
    const writing = write(writers, progress, changes)
    // Told when it is waited for.
    writing.catch(() => undefined)
    for (;;) {
      const isOver = await Promise.race([ended.then(() => true), pause(SAMPLE_MS, false)])
      if (isOver) throw new Error(`crossfade run ended with ${await ended} while at ${progress.doing}`)
      const sizes = await readSizes(place)
      const seconds = Math.round((performance.now() - startedAt) / 1000)
      const { doing, written } = progress
      samples.push({ seconds, doing, memoryMb: await residentMb(child.pid!), changes: written, ...sizes })
      if (samples.length % TELL_EVERY === 0)
        say(`  ${seconds} s, ${doing}: ${written} changes written, ${sizes.queueRows} queued`)
      if (progress.isReady && written >= changes && sizes.queueRows === 0) break
    }
    await writing
    child.kill('SIGTERM')
    const exitCode = await ended
    if (exitCode !== 130) throw new Error(`crossfade run ended with ${exitCode} after SIGTERM`)
    return samples
  } finally {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

interface ProgressOfRun {
  doing: string
  written: number
  /** Both sides are equal and verified, and the switch waits for a word. */
  isReady: boolean
}

interface Line {
  readonly type: string
  readonly phase?: string
  readonly for?: string
}

function follow(progress: ProgressOfRun, line: Line): void {
  if (line.type === 'phase-started') progress.doing = line.phase === 'dual-write-sync' ? 'copy and sync' : line.phase!
  if (line.type === 'waiting' && line.for === 'approval') {
    progress.isReady = true
    progress.doing = 'waiting for the switch'
  }
}

/** From the beginning of the copy, as fast as these connections go. */
async function write(writers: Child<WriteFor, number>, progress: ProgressOfRun, changes: number): Promise<void> {
  while (progress.doing !== 'copy and sync') await pause(200)
  while (progress.written < changes) {
    const perSecond = await writers.ask({ ms: SLICE_MS })
    progress.written += Math.round((perSecond * SLICE_MS) / 1000)
  }
}
