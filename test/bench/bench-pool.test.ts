import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { POOL_MEASUREMENTS, type Result } from '../../scripts/bench/results.js'

const BENCH = new URL('../../scripts/bench-pool.ts', import.meta.url).pathname

describe('npm run bench:pool', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'crossfade-bench-pool-test-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  // Never the figures themselves: a test machine has other things to do.
  test.each(['postgres', 'mariadb'])(
    'measures on %s, and no write is lost, twice or misplaced over switches and failovers',
    { timeout: 400_000 },
    async (engine) => {
      const file = join(folder, `${engine}.json`)
      const args = ['--import', 'tsx', BENCH, '--quick', '--engine', engine, '--json', file]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      let stdout = ''
      child.stdout.on('data', (data: Buffer) => {
        stdout += data.toString('utf8')
      })
      const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
      expect(exitCode, stdout).toBe(0)

      const report = JSON.parse(await readFile(file, 'utf8')) as { engines: readonly { results: readonly Result[] }[] }
      const [{ results }] = report.engines as [{ results: readonly Result[] }]
      expect(new Set(results.map(({ measurement }) => measurement))).toEqual(new Set(POOL_MEASUREMENTS))
      for (const result of results) {
        const figures = result.type === 'ratio' ? [result.ours.median, result.limit.median] : [result.value]
        expect(figures.every(Number.isFinite), JSON.stringify(result)).toBe(true)
        expect(stdout).toContain(`${result.measurement}: ${result.name}`)
      }
      const found = (name: string) => results.find((result) => result.measurement === 'gate' && result.name === name)
      expect(found('failed')).toMatchObject({ value: 0, details: [] })
      expect(found('acknowledged and not once on the winner')).toMatchObject({ value: 0 })
      expect(found('on the loser after its fence')).toMatchObject({ value: 0 })
      const acknowledged = found('acknowledged')
      expect(acknowledged?.type === 'value' && acknowledged.value).toBeGreaterThan(200)
      const hold = found('hold, p50')
      // Eight processes, each at least once in each of six holds.
      expect(hold?.type === 'value' && (hold.details as number[]).length).toBeGreaterThanOrEqual(48)

      // Those that hold however busy the machine is; times do not.
      const certain = [
        'failover: other errors',
        'failover: acknowledged and not on the winner',
        'failover: acknowledged after the promotion, on the loser',
        'replica: older than an own write',
        'replica: failed',
        'saturation: failed',
        'saturation: PoolExhaustedError without its facts',
        'saturation: other errors',
        'saturation: breaker not closed',
      ]
      for (const name of certain) {
        const those = results.filter((result) => `${result.measurement}: ${result.name}` === name)
        expect(those, name).not.toEqual([])
        for (const result of those) expect(result).toMatchObject({ value: 0 })
      }
      const behind = results.filter(({ name }) => name.startsWith('route: '))
      expect(new Set(behind.map(({ name }) => name))).toContain('route: replica, parsed')
    },
  )
})
