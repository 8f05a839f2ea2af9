import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Result } from '../../scripts/bench/results.js'

const BENCH = new URL('../../scripts/bench.ts', import.meta.url).pathname

interface BenchReport {
  readonly version: number
  readonly date: string
  readonly isQuick: boolean
  readonly machine: Readonly<Record<string, unknown>>
  readonly sizes: Readonly<Record<string, unknown>>
  readonly engines: readonly {
    readonly engine: string
    readonly version: string
    readonly results: readonly Result[]
  }[]
}

/** Runs the program as `npm run bench` does. */
async function bench(args: readonly string[]): Promise<{ exitCode: number | null; stdout: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', BENCH, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString('utf8')
  })
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { exitCode, stdout }
}

describe('the benchmarks', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'crossfade-bench-test-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  // Never the figures themselves: a test machine has other things to do.
  test('measure everything on both engines, and say it as a table and as JSON', async () => {
    const file = join(folder, 'report.json')
    const { exitCode, stdout } = await bench(['--quick', '--json', file])
    expect(exitCode, stdout).toBe(0)
    const report = JSON.parse(await readFile(file, 'utf8')) as BenchReport
    expect(report).toMatchObject({ version: 1, isQuick: true, machine: { cores: expect.any(Number) as number } })
    expect(report.engines.map(({ engine }) => engine)).toEqual(['postgres', 'mariadb'])
    for (const { engine, results } of report.engines) {
      expect(new Set(results.map(({ measurement }) => measurement))).toEqual(
        new Set(['copy', 'capture', 'switch', 'verify', 'memory']),
      )
      for (const result of results) {
        expect(result.engine).toBe(engine)
        const figures =
          result.type === 'ratio' ? [result.ours.median, result.limit.median, result.ratio.median] : [result.value]
        expect(figures.every(Number.isFinite), JSON.stringify(result)).toBe(true)
        const goal = result.type === 'ratio' ? result.atLeast : result.atMost
        expect(result.isMet === undefined).toBe(goal === undefined)
        expect(stdout).toContain(`${result.measurement}: ${result.name}`)
      }
      const valueOf = (name: string): unknown => {
        const found = results.find((result) => result.name === name)
        return found?.type === 'value' ? found.value : undefined
      }
      expect(valueOf('writes lost')).toBe(0)
      expect(valueOf('transactions failed')).toBe(0)
    }
  })

  test('run one measurement by itself on one engine', async () => {
    const file = join(folder, 'one.json')
    const { exitCode, stdout } = await bench(['--quick', '--engine', 'postgres', '--only', 'verify', '--json', file])
    expect(exitCode, stdout).toBe(0)
    const report = JSON.parse(await readFile(file, 'utf8')) as BenchReport
    expect(report.engines.map(({ engine }) => engine)).toEqual(['postgres'])
    expect(report.engines[0]?.results.every(({ measurement }) => measurement === 'verify')).toBe(true)
  })
})
