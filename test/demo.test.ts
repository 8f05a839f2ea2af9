/** The demo as the README has it, with less data: real servers, real traffic, the whole way. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Report } from '../src/report/report.ts'

const folder = mkdtempSync(join(tmpdir(), 'crossfade-demo-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function demo(...flags: string[]): Promise<{ exitCode: number | null; output: string; report: Report }> {
  const file = join(folder, `${flags.join('')}.json`)
  const args = ['--import', 'tsx', 'scripts/demo.ts', '--rows', '4000', '--clients', '16', '--report', file, ...flags]
  // Servers of its own: on those of the suite other tests run.
  const { CROSSFADE_TEST_POSTGRES_URL: _postgres, CROSSFADE_TEST_MARIADB_URL: _mariadb, ...env } = process.env
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (!existsSync(file)) throw new Error(`the demo ended with ${exitCode} and wrote no report:\n${output}`)
  return { exitCode, output, report: JSON.parse(readFileSync(file, 'utf8')) as Report }
}

const HARMLESS = {
  version: 1,
  plan: 'appointments',
  blue: { tables: 85 },
  green: { tables: 18 },
  writes: { lost: 0, duplicated: 0 },
  requests: { failed: 0 },
  verification: { differences: 0, skipped: 0 },
}

describe.each(['postgres', 'mariadb'])('the demo (%s)', (engine) => {
  test('moves the appointments system from 85 tables to 18 under traffic, green on a server of its own', async () => {
    const { exitCode, output, report } = await demo('--engine', engine, '--two-servers')
    expect(exitCode, output).toBe(0)
    expect(report).toMatchObject({ ...HARMLESS, engine, outcome: 'completed' })
    expect(report.switches).toMatchObject([{ from: 'blue', to: 'green', epoch: 2 }])
    for (const count of [report.writes.acknowledged, report.requests.total, report.archivedRows, report.green.rows])
      expect(count).toBeGreaterThan(0)
  }, 600_000)

  test('comes back by itself with every write when the validation fails', async () => {
    const { exitCode, output, report } = await demo('--engine', engine, '--fail-validation')
    expect(exitCode, output).toBe(5)
    expect(report).toMatchObject({ ...HARMLESS, engine, outcome: 'rolled-back' })
    expect(report.switches).toMatchObject([
      { from: 'blue', to: 'green', epoch: 2 },
      { from: 'green', to: 'blue', epoch: 3 },
    ])
  }, 600_000)
})
