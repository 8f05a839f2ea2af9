/** The memory of `crossfade run`, from its first moment to both sides being equal and verified. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildProgram } from './built-program.js'
import { fillBlue } from './data.js'
import { growth } from './growth.js'
import { rowCount, type Measurement } from './measurement.js'
import { openPlace, type Place } from './place.js'
import { residentMb } from './resident.js'
import { valueResult } from './results.js'

interface Sample {
  readonly seconds: number
  readonly mb: number
  readonly doing: string
}

const SAMPLE_MS = 200
const PLAN = fileURLToPath(new URL('./plan.ts', import.meta.url))

/** On two servers, so that every row goes through the process. */
export const measureMemory: Measurement = async ({ engine, servers, sizes, say }) => {
  say(`memory: ${rowCount(sizes.memoryRows)} on two servers`)
  await using place = await openPlace(engine, servers)
  await fillBlue(engine, place.blue, sizes.memoryRows)
  await using program = await buildProgram()
  const samples = await runAndWatch(place, program.main)
  const common = { engine, measurement: 'memory', size: rowCount(sizes.memoryRows), unit: 'MB' } as const
  const peakWhile = (doing: string): number =>
    Math.max(0, ...samples.filter((sample) => sample.doing === doing).map(({ mb }) => mb))
  return [
    valueResult({
      ...common,
      name: 'peak of the process',
      value: Math.max(...samples.map(({ mb }) => mb)),
      atMost: 200,
      details: samples,
    }),
    ...[...new Set(samples.map(({ doing }) => doing))].map((doing) =>
      valueResult({ ...common, name: `peak: ${doing}`, value: peakWhile(doing) }),
    ),
    valueResult({
      ...common,
      name: 'growth over the copy',
      value: growth(samples.filter(({ doing }) => doing === 'copy').map(({ mb }) => mb)),
    }),
  ]
}

async function runAndWatch(place: Place, main: string): Promise<Sample[]> {
  const folder = await mkdtemp(join(tmpdir(), 'crossfade-bench-'))
  const child = spawn(process.execPath, [main, 'run', PLAN, '--json', '--until', 'dual-write-sync'], {
    env: {
      ...process.env,
      CROSSFADE_BLUE_URL: place.blue.url,
      CROSSFADE_GREEN_URL: place.green.url,
      CROSSFADE_META: place.metaNamespace,
      CROSSFADE_BACKUP_DIR: folder,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let doing = 'start'
  const samples: Sample[] = []
  const startedAt = performance.now()
  const timer = setInterval(() => {
    residentMb(child.pid!)
      .then((mb) => samples.push({ seconds: Math.round(performance.now() - startedAt) / 1000, mb, doing }))
      .catch(() => undefined)
  }, SAMPLE_MS)
  try {
    createInterface({ input: child.stdout }).on('line', (line) => {
      doing = activityAfter(JSON.parse(line) as Line) ?? doing
    })
    const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
    if (exitCode !== 0) throw new Error(`crossfade run ended with ${exitCode} while at ${doing}`)
    return samples
  } finally {
    clearInterval(timer)
    child.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Line {
  readonly type: string
  readonly phase?: string
  readonly isDone?: boolean
  readonly projection?: string
}

/** What the process does after it said this; undefined: the same as before. */
function activityAfter({ type, phase, isDone, projection }: Line): string | undefined {
  if (type === 'phase-started') return phase === 'dual-write-sync' ? 'copy' : phase
  if (type === 'copied' && isDone === true && projection === 'orders') return 'indexes, verification'
  return undefined
}
